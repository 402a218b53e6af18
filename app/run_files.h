#pragma once
// The files that simulate writes while a run goes on.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/arguments.h"
#include "app/requests_file.h"
#include "app/steps_file.h"
#include "app/timeline_file.h"
#include "sim/metrics_sink.h"

namespace eph::app {

struct RunFilesSpec {
  std::string requests, steps, timeline;  // paths; empty: not written
  SimTime timeline_from{}, timeline_to = SimTime::never();
};
[[nodiscard]] std::vector<OptionSpec> run_files_options();
[[nodiscard]] Result<RunFilesSpec> read_run_files(const Arguments& arguments);

// Passes everything on to all of its files.
class RunFiles final : public sim::MetricsSink {
 public:
  // `pools`: their names, where there are several.
  [[nodiscard]] static Result<std::unique_ptr<RunFiles>> create(
      const RunFilesSpec& spec, const std::vector<std::string>& pools,
      RequestsFile::ClassNames classes = {});
  [[nodiscard]] bool empty() const { return sinks_.empty(); }
  void on_request(const sim::RequestRecord& record) override;
  [[nodiscard]] bool wants_steps() const override { return !step_sinks_.empty(); }
  void on_step(const sim::StepRecord& record) override;
  [[nodiscard]] Result<void> close();

 private:
  void add(sim::MetricsSink& sink);

  std::optional<RequestsFile> requests_;
  std::optional<StepsFile> steps_;
  std::optional<TimelineFile> timeline_;
  std::vector<sim::MetricsSink*> sinks_, step_sinks_;
};

}  // namespace eph::app
