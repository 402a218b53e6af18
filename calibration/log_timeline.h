#pragma once
// How full the engine of a request log was over time: requests running and waiting, KV use.
#include <string>
#include <vector>

#include "calibration/request_log.h"
#include "sim/metrics_sink.h"

namespace eph::calibration {

// Of all replicas together; KV use is their mean.
struct Level {
  double at_s = 0;  // after the first arrival
  double running = 0, waiting = 0, kv_percent = 0;
};

struct LogTimeline {
  std::vector<Level> measured, predicted;  // at the same instants; both empty when none were logged
  bool kv = false;                         // KV use was logged
};

// The log's timeseries.csv: t (s), running, waiting, kv_cache_pct, and prompt_throughput. Empty
// when there is no such file. The file's clock is its own: zero is put where the prompt tokens of
// the requests, counted at their first tokens, fall into the seconds in which the file counts them
// (prompt_throughput), the middle of all such instants; without that column it is the first
// arrival.
[[nodiscard]] Result<std::vector<Level>> read_levels(const RequestLog& log);

// Keeps what each step of a simulation found.
class LevelSink final : public sim::MetricsSink {
 public:
  // `usable_blocks` of one replica.
  LevelSink(int replicas, std::int64_t usable_blocks);
  void on_request(const sim::RequestRecord&) override {}
  [[nodiscard]] bool wants_steps() const override { return true; }
  void on_step(const sim::StepRecord& step) override;

  // What the step under way at each instant left when it was composed, as an engine reports it with
  // a step's results. Between steps nothing runs.
  [[nodiscard]] std::vector<Level> at(const std::vector<Level>& instants) const;

 private:
  struct Step {
    double start = 0, end = 0;
    Level level;
  };
  std::vector<std::vector<Step>> replicas_;
  double usable_;
};

// Measured beside predicted, one row an instant.
[[nodiscard]] std::string timeline_csv(const LogTimeline& timeline);

}  // namespace eph::calibration
