// ephemeris import: measured runs of any known format as one table.
#include <fmt/format.h>

#include <map>

#include "app/commands.h"
#include "app/console.h"
#include "app/fact_flags.h"
#include "calibration/readers/own_table.h"
#include "calibration/run_table.h"
#include "core/line_source.h"

namespace eph::app {

namespace {

constexpr std::size_t kMostFiles = 10000;

std::string summary(const std::string& path, const std::vector<calibration::MeasuredRun>& runs) {
  std::map<std::string, std::size_t> tools, missing;
  for (const calibration::MeasuredRun& run : runs) {
    ++tools[run.tool.empty() ? "runs table" : run.tool];
    for (const std::string& flag : calibration::missing_facts(run)) ++missing[flag];
  }
  std::string out = fmt::format("{}: {} run{}\n", path, runs.size(), runs.size() == 1 ? "" : "s");
  for (const auto& [tool, count] : tools) out += fmt::format("  {:>6} {}\n", count, tool);
  if (missing.empty()) return out;
  out += "not said, and needed to simulate them:\n";
  for (const auto& [flag, count] : missing) {
    out += fmt::format("  {:>6} run{} {}\n", count, count == 1 ? ": " : "s:", flag);
  }
  return out;
}

}  // namespace

const CommandSpec& import_spec() {
  static const CommandSpec spec{
      "import",
      "turn measured runs of benchmark tools into one table",
      "FILE... --out FILE [OPTIONS]",
      "Reads vllm bench serve, SGLang bench_serving and bench_one_batch, GuideLLM, AIPerf and "
      "genai-perf, "
      "trtllm-bench, llama-bench, InferenceX, request logs and our own tables, each by what is in "
      "it "
      "(docs/FORMATS.md). The table can be given to validate and calibrate with --runs.",
      {"ephemeris import bench-*.json --engine vllm --gpu h100-sxm --tp 1 --out runs.csv"},
      {{"import", {{"out", "FILE", "table to write"}}}, fact_options()},
      kMostFiles};
  return spec;
}

int run_import(const Arguments& arguments) {
  if (arguments.positionals().empty()) {
    return fail(
        usage_error("no measured runs are given", "write ephemeris import FILE... --out FILE"));
  }
  if (!arguments.has("out"))
    return fail(usage_error("no file is given for the table", "add --out FILE"));
  const auto facts = read_facts(arguments);
  if (!facts) return fail(facts.error());
  std::vector<calibration::MeasuredRun> runs;
  for (const std::string& path : arguments.positionals()) {
    auto table = calibration::load_runs(path, *facts, /*incomplete=*/true);
    if (!table) return fail(table.error());
    for (calibration::MeasuredRun& run : table->runs) runs.push_back(std::move(run));
  }
  const std::string out = arguments.text("out");
  const auto written = write_file(out, calibration::write_own_table(out, runs).text());
  if (!written) return fail(written.error());
  return finish(summary(out, runs));
}

}  // namespace eph::app
