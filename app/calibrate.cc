// ephemeris calibrate: fits an engine's profile on measured data.
#include "calibration/calibrate.h"

#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/error_text.h"
#include "app/fact_flags.h"
#include "app/log_calibration.h"
#include "app/log_facts.h"
#include "app/machines.h"
#include "app/progress.h"
#include "app/table_commands.h"
#include "core/text.h"

namespace eph::app {

namespace {

// The command that repeats the fit: every option that was given but --threads and --json, which do
// not change the profile.
std::string command_line(const Arguments& arguments) {
  std::string out = "ephemeris calibrate";
  for (const char* name : {"engine", "gpu", "data", "runs", "held-out", "splits", "max-iterations",
                           "linearisations", "seed", "keep", "out"}) {
    for (const std::string& value : arguments.all(name))
      out += fmt::format(" --{} {}", name, value);
  }
  return out + facts_text(arguments, true);
}

Result<models::EngineKind> read_engine(const Arguments& arguments) {
  const std::vector<std::string> names{"vllm", "sglang", "trtllm", "llamacpp"};
  if (!arguments.has("engine"))
    return usage_error("no engine is given", "add --engine, one of vllm, sglang, trtllm, llamacpp");
  const std::string text = arguments.text("engine");
  const auto kind = models::parse_engine(text);
  if (!kind)
    return usage_error(fmt::format("--engine: \"{}\" is not known", text), suggest(text, names));
  return *kind;
}

Result<calibration::CalibrateOptions> read_options(const Arguments& arguments) {
  calibration::CalibrateOptions out;
  const Result<models::EngineKind> engine = read_engine(arguments);
  if (!engine) return engine.error();
  out.engine = *engine;
  if (!arguments.has("data") && !arguments.has("runs")) {
    return usage_error("no measured data is given",
                       "add --data FOLDER or --runs FILE, or --log FOLDER");
  }
  if (!arguments.has("out")) return usage_error("no profile file is given", "add --out FILE");
  auto facts = read_facts(arguments, true);
  if (!facts) return facts.error();
  if (const std::string given = facts_text(arguments, true);
      !given.empty() && !arguments.has("runs")) {
    return usage_error(fmt::format("{} has no effect without --runs", given.substr(1)),
                       "give --runs FILE too");
  }
  out.facts = std::move(*facts);
  out.runs = arguments.all("runs");
  out.data_folder = arguments.text("data");
  out.out = arguments.text("out");
  out.gpu = arguments.text("gpu", out.gpu);
  out.gpu.erase(0, out.gpu.find('=') + 1);  // WRITTEN=NAME: rows are picked by the name
  if (arguments.has("held-out")) {
    const auto share = parse_double(arguments.text("held-out"));
    if (!share)
      return usage_error(
          fmt::format("--held-out: \"{}\" is not a number", arguments.text("held-out")));
    out.held_out = *share;
  }
  const Result<std::int64_t> splits = arguments.integer("splits", 1, 100, out.splits);
  if (!splits) return splits.error();
  const Result<std::int64_t> iterations =
      arguments.integer("max-iterations", 1, 1000, out.max_iterations);
  if (!iterations) return iterations.error();
  const Result<std::int64_t> linearisations =
      arguments.integer("linearisations", 1, 20, out.linearisations);
  if (!linearisations) return linearisations.error();
  out.linearisations = static_cast<int>(*linearisations);
  const Result<std::int64_t> seed = arguments.integer("seed", 0, std::int64_t{1} << 53, 1);
  if (!seed) return seed.error();
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.splits = static_cast<int>(*splits);
  out.max_iterations = static_cast<int>(*iterations);
  out.seed = static_cast<std::uint64_t>(*seed);
  out.threads = static_cast<int>(*threads);
  out.command = command_line(arguments);
  return out;
}

std::string report_text(const calibration::CalibrateReport& report, const std::string& path) {
  std::string out = fmt::format("{}: {} on {} from {} rows, {} of them held out in a second fit\n",
                                path, models::display(report.profile.engine), report.profile.gpu,
                                report.rows, report.held_out_rows);
  out += fmt::format("\nerrors of the fit on all rows\n{}", error_text(report.in_sample));
  if (!report.held_out_errors.empty()) {
    out += fmt::format("\nerrors on held-out rows\n{}", error_text(report.held_out_errors));
  }
  if (!report.skipped.empty())
    out += fmt::format("\n{} rows are not used\n", report.skipped.size());
  return out;
}

Json report_json(const calibration::CalibrateReport& report) {
  Json skipped = Json::array();
  for (const std::string& row : report.skipped) skipped.push(Json::string(row));
  Json out = Json::object();
  out.set("version", 1).set("command", "calibrate").set("rows", report.rows);
  out.set("held_out_rows", report.held_out_rows).set("in_sample", error_json(report.in_sample));
  out.set("held_out", error_json(report.held_out_errors)).set("skipped", std::move(skipped));
  out.set("profile", to_json(report.profile));
  return out;
}

// --log itself is asked for before.
OptionGroup options_of_logs() {
  return log_options(
      {{"log", "FOLDER", "request log to fit a compact profile on, instead of --data"},
       {"first-half", "", "use only the first half of its requests and of its completions"}});
}

}  // namespace

const CommandSpec& calibrate_spec() {
  static const CommandSpec spec{
      "calibrate",
      "fit an engine's step times on measured data and write a profile",
      "(--engine ENGINE (--data FOLDER | --runs FILE...) | --log FOLDER) --out FILE [OPTIONS]",
      "--runs takes results of benchmark tools, request logs and tables (docs/FORMATS.md lists "
      "them); "
      "the facts below fill in what those files do not say.\n\n"
      "With --log a compact profile of one model on one GPU is fitted on a request log alone "
      "(requests.jsonl, and meta.json unless the facts say what it would); of the facts it takes "
      "--engine-version, --model, --dtype, --tp and the engine's limits, in place of what "
      "meta.json "
      "says.",
      {"ephemeris calibrate --engine vllm --data ../shared/data --out "
       "data/profiles/vllm-h100-sxm.json",
       "ephemeris calibrate --engine vllm --gpu h100-sxm --runs bench.json --tp 1 --out mine.json",
       "ephemeris calibrate --engine vllm --host-from my_sync_runs.csv",
       "ephemeris calibrate --log runs/monday --out monday.json"},
      {{"calibration",
        {{"engine", "ENGINE", "vllm, sglang, trtllm or llamacpp"},
         {"gpu", "NAME", "GPU whose rows are used; WRITTEN=NAME says what a file means [h100-sxm]"},
         {"data", "FOLDER",
          "measured data; holds h100/serving_runs.csv, h100/guidellm_sweeps.csv and "
          "h100/trtllm_max_throughput.csv, for llamacpp cpu/llama_bench_cpu.csv.gz"},
         {"runs", "FILE", "your own measured runs, in addition to --data or instead of it", true},
         {"coldstart", "FILE", "fit start-up times on this table instead; takes --out only"},
         {"out", "FILE", "profile to write"},
         {"keep", "PROFILE",
          "keep the coefficients of this profile; fit only what other GPUs and hosts change"},
         {"host-from", "FILE",
          "print the host speed of the machine whose synchronous runs are in this table"},
         {"held-out", "SHARE",
          "share of the rows a second fit does not see, to measure its error [0.3]"},
         {"splits", "N", "held-out fits, each with other rows held out [1]"},
         {"max-iterations", "N", "of the fit, each simulating every row [4]"},
         {"linearisations", "N",
          "times that a fit takes derivatives: at the start, then where it arrived [1]"},
         {"seed", "N", "seed of all random draws [1]"}}},
       fact_options(FactFlags::selecting),
       options_of_logs(),
       {"output", {{"json", "", "print JSON instead of tables"}}},
       {"execution",
        {{"threads", "N",
          "simulations at the same time; the results do not depend on it [all cores]"},
         catalog_option()}}},
      0};
  return spec;
}

int run_calibrate(const Arguments& arguments) {
  if (arguments.has("log")) return run_log_calibration(arguments);
  const auto no_log =
      refuse_log_options(arguments, options_of_logs(), "add --log FOLDER, or leave it out");
  if (!no_log) return fail(no_log.error());
  if (const auto done = calibrate_table(arguments)) return *done;
  if (arguments.has("host-from")) {
    const Result<models::EngineKind> engine = read_engine(arguments);
    return engine ? run_host_estimate(arguments, *engine) : fail(engine.error());
  }
  if (arguments.has("keep")) return run_carry_over(arguments, command_line(arguments));
  const Result<calibration::CalibrateOptions> options = read_options(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const Result<calibration::CalibrateReport> report = [&] {
    ProgressLine line;
    return calibration::calibrate(*options, *catalog,
                                  [&line](const std::string& what, int number, int of) {
                                    line.show(-1, fmt::format("{} ({} of {})", what, number, of));
                                  });
  }();
  if (!report) return fail(report.error());
  return finish(arguments.has("json") ? report_json(*report).dump() + "\n"
                                      : report_text(*report, options->out));
}

}  // namespace eph::app
