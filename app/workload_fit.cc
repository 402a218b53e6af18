// ephemeris workload fit: a workload model from a trace.
#include <fmt/format.h>

#include <filesystem>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/scenario_flags.h"
#include "app/table.h"
#include "app/workload_source.h"
#include "core/line_source.h"
#include "workload/workload_model.h"

namespace eph::app {

namespace {

FlagUse flag_use() {
  FlagUse use;
  use.deployment = false;
  use.file = false;
  use.without = {"trace",
                 "workload",
                 "arrivals",
                 "rate",
                 "cv",
                 "concurrency",
                 "prompt-tokens",
                 "output-tokens",
                 "requests",
                 "duration",
                 "length-spread",
                 "turns",
                 "user-tokens",
                 "think-time",
                 "shared-tokens",
                 "groups",
                 "client-timeout",
                 "timeout-on",
                 "max-output-tokens"};
  return use;
}

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  all.push_back(
      {"output",
       {{"out", "FILE", "workload model to write"},
        {"name", "NAME", "its name [the file's]"},
        {"source", "TEXT", "where the trace is from, with its licence [the trace's file name]"}}});
  return all;
}

}  // namespace

const CommandSpec& fit_spec() {
  static const CommandSpec spec{
      "workload fit",
      "fit a workload model on a trace: rate over time, burstiness, lengths, prefix sharing",
      "TRACE --out FILE [OPTIONS]",
      "The model can be given to --workload, which draws any amount of like traffic from it.",
      {"ephemeris workload fit AzureLLMInferenceTrace_conv.csv --out conv.json --source \"Azure "
       "Public "
       "Dataset, CC-BY-4.0\""},
      groups(),
      1};
  return spec;
}

int run_fit(const Arguments& arguments) {
  if (!arguments.has("out"))
    return fail(usage_error("no file is given for the model", "add --out FILE"));
  if (arguments.positionals().empty()) {
    return fail(usage_error("no trace is given", "write ephemeris workload fit TRACE --out FILE"));
  }
  const std::string path = arguments.text("out");
  // A trace needs no catalogue.
  Result<OpenedWorkload> opened = open_workload(models::Catalog(""), arguments, flag_use());
  if (!opened) return fail(opened.error());
  workload::FitOptions options;
  options.name = arguments.text("name", std::filesystem::path(path).stem().string());
  options.source = arguments.text("source", opened->text);
  const Result<workload::WorkloadModel> model = workload::fit_workload(*opened->source, options);
  if (!model) return fail(model.error());
  const Result<void> written = write_file(path, to_json(*model).dump() + "\n");
  if (!written) return fail(written.error());
  return finish(fmt::format("{}: {} from {} requests over {}\n", path, model->name,
                            human_count(static_cast<std::uint64_t>(model->requests)),
                            human_time(model->duration_s)));
}

}  // namespace eph::app
