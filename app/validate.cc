// ephemeris validate: predictions against measured runs.
#include "calibration/validate.h"

#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/error_text.h"
#include "app/fact_flags.h"
#include "app/log_facts.h"
#include "app/progress.h"
#include "app/table.h"
#include "app/table_commands.h"
#include "app/validate_cross.h"
#include "calibration/log_picture.h"
#include "calibration/picture.h"
#include "core/line_source.h"
#include "scenario/engine_options.h"

namespace eph::app {

namespace {

OptionGroup options_of_logs() {
  return log_options(
      {{"second-half", "",
        "score the second half of a log; without --profile, by a model fitted on the first half"},
       {"series", "FILE",
        "write running, waiting and KV use over time, measured and predicted [not written]"}});
}

OptionGroup what_if_options() {
  return {
      "other engine options than the runs had, to see which the measurements tell",
      {{"set", "NAME=VALUE",
        "an option of the engine by its own name (docs/SCENARIO.md); rows of engines without it "
        "are not predicted",
        true},
       {"preset", "NAME",
        "the engine's defaults and a named set of options, in place of what the run is known or "
        "inferred to have had"}}};
}

// A log's settings are replaced by what the command line says, other files are completed by it.
Result<void> add_facts(const Arguments& arguments, calibration::ValidateOptions& out) {
  if (calibration::is_request_log(out.runs)) {
    for (const char* flag : {"set", "preset"})
      if (arguments.has(flag))
        return usage_error(fmt::format("--{} is for tables, {} is a request log", flag, out.runs),
                           "a log's engine options are flags of their own");
    if (auto ok = refuse_other_facts(arguments, "a request log"); !ok) return ok.error();
    auto facts = log_facts(arguments);
    if (!facts) return facts.error();
    out.log_facts = std::move(*facts);
    out.second_half = arguments.has("second-half");
    out.series = arguments.text("series");
    return {};
  }
  auto facts = read_facts(arguments);
  if (!facts) return facts.error();
  out.facts = std::move(*facts);
  out.engine_options.preset = arguments.text("preset");
  for (const std::string& text : arguments.all("set")) {
    auto setting = scenario::parse_setting(text);
    if (!setting) return usage_error("--set: " + setting.error().what, setting.error().remedy);
    out.engine_options.settings.push_back(std::move(*setting));
  }
  return {};
}

Result<calibration::ValidateOptions> read_options(const Arguments& arguments) {
  calibration::ValidateOptions out;
  out.runs = arguments.text("runs");
  if (auto ok = add_facts(arguments, out); !ok) return ok.error();
  out.out = arguments.text("out");
  out.profiles = arguments.all("profile");
  const Result<std::int64_t> seed = arguments.integer("seed", 0, std::int64_t{1} << 53, 1);
  if (!seed) return seed.error();
  out.seed = static_cast<std::uint64_t>(*seed);
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.threads = static_cast<int>(*threads);
  return out;
}

std::string compared_text(const calibration::ValidateReport& report) {
  std::string out;
  for (const std::string& note : report.notes) out += note + "\n";
  if (report.compared.empty()) return out;
  using Align = TextTable::Align;
  TextTable table({"figure", "unit", "measured", "predicted", "error"}, {Align::left, Align::left});
  for (const calibration::ComparedFigure& f : report.compared) {
    table.add({f.what, f.unit, fmt::format("{:.4g}", f.measured),
               fmt::format("{:.4g}", f.predicted), fmt::format("{:+.1f} %", f.error_percent())});
  }
  return out + "\n" + table.text() + "\n";
}

std::string report_text(const calibration::ValidateReport& report) {
  return fmt::format("{} rows: {} predicted, {} of them not scored, {} not predicted\n{}\n{}",
                     report.rows, report.predicted, report.left_out, report.not_predicted,
                     compared_text(report), error_text(report.errors));
}

Json compared_json(const calibration::ValidateReport& report) {
  Json out = Json::array();
  for (const calibration::ComparedFigure& f : report.compared) {
    Json one = Json::object();
    one.set("what", f.what).set("unit", f.unit).set("measured", f.measured);
    one.set("predicted", f.predicted).set("error_percent", f.error_percent());
    out.push(std::move(one));
  }
  return out;
}

Json report_json(const calibration::ValidateReport& report) {
  Json out = Json::object();
  out.set("version", 1).set("command", "validate");
  out.set("rows", report.rows).set("predicted", report.predicted);
  out.set("not_predicted", report.not_predicted).set("left_out", report.left_out);
  out.set("errors", error_json(report.errors));
  if (!report.compared.empty()) out.set("compared", compared_json(report));
  if (!report.notes.empty()) {
    Json notes = Json::array();
    for (const std::string& note : report.notes) notes.push(Json::string(note));
    out.set("notes", std::move(notes));
  }
  return out;
}

// The requests are scored one by one, and then all of them together.
std::string log_picture_of(const calibration::ValidateReport& report, const std::string& name) {
  std::string subtitle;
  for (const calibration::ComparedFigure& f : report.compared) {
    if (!f.what.ends_with("p95") && f.what != "makespan") continue;
    subtitle +=
        fmt::format("{}{} {:+.1f} %", subtitle.empty() ? "" : ", ", f.what, f.error_percent());
  }
  for (const std::string& note : report.notes) subtitle += "; " + note;
  const std::span<const calibration::ScoredRow> scored(report.scored);
  return calibration::log_svg(report.timeline, scored.first(scored.size() - 1),
                              {"Replay of a request log: " + name, subtitle});
}

std::string picture_of(const calibration::ValidateReport& report,
                       const calibration::ValidateOptions& options) {
  const std::string file = options.runs.substr(options.runs.find_last_of('/') + 1);
  if (calibration::is_request_log(options.runs)) return log_picture_of(report, file);
  return scatter_svg(
      report.scored,
      {fmt::format("Predicted against measured: {}", file),
       fmt::format("predicted with {}; {} rows, some of which a profile may have been "
                   "fitted on",
                   options.profiles.empty() ? "the shipped profiles" : "given profiles",
                   report.scored.size())});
}

}  // namespace

const CommandSpec& validate_spec() {
  static const CommandSpec spec{
      "validate",
      "simulate measured runs with their own load protocol and compare",
      "--runs FILE [OPTIONS]\n   or: ephemeris validate --cross SCHEME --data FOLDER [OPTIONS]",
      "With --runs, predicts with the shipped profiles, which have seen the rows they were fitted "
      "on. FILE is a result of a benchmark tool (docs/FORMATS.md lists them), a table of measured "
      "operating points, or the folder of a request log. The output repeats every row with a pred_ "
      "column for each measured figure and a status. Of the facts below a log takes those about "
      "the "
      "engine, in place of what its meta.json says.\n\n"
      "With --cross, refits each engine without a part of its rows, predicts that part, and does "
      "so for "
      "every part: the errors are those on measurements that no fit has seen.",
      {"ephemeris validate --runs serving_runs.csv --out predicted.csv",
       "ephemeris validate --runs bench.json --engine vllm --gpu h100-sxm --tp 1",
       "ephemeris validate --cross leave-one-model-out --engine trtllm --data ../shared/data --out "
       "held-out.csv --picture held-out.svg",
       "ephemeris validate --runs runs/monday --second-half",
       "ephemeris validate --report docs/VALIDATION.md --from build/validation"},
      {{"validation",
        {{"runs", "FILE",
          "measured runs: a tool's results, a table, or the folder of a request log"},
         {"out", "FILE", "write the rows back with predictions [not written]"},
         {"profile", "FILE", "profile to use instead of the shipped ones", true},
         {"seed", "N", "seed of all random draws [1]"}}},
       what_if_options(),
       shared_options(),
       cross_options(),
       fact_options(FactFlags::others),
       options_of_logs(),
       report_options(),
       {"output",
        {{"json", "", "print JSON instead of tables"},
         {"picture", "FILE", "write predicted against measured as SVG [not written]"}}},
       {"execution",
        {{"threads", "N",
          "simulations at the same time; the results do not depend on it [all cores]"},
         catalog_option()}}},
      0};
  return spec;
}

int run_validate(const Arguments& arguments) {
  if (const auto ok = check_validate_options(arguments); !ok) return fail(ok.error());
  if (arguments.has("cross")) return run_cross(arguments);
  if (arguments.has("report")) return run_report(arguments);
  if (!calibration::is_request_log(arguments.text("runs"))) {
    const auto ok = refuse_log_options(arguments, options_of_logs(),
                                       "leave it out, or give the folder of a log");
    if (!ok) return fail(ok.error());
  }
  if (const auto done = validate_table(arguments)) return *done;
  const Result<calibration::ValidateOptions> options = read_options(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const Result<calibration::ValidateReport> report = [&] {
    ProgressLine line;
    return calibration::validate(*options, *catalog, [&line](std::size_t done, std::size_t total) {
      line.show(static_cast<double>(done) / static_cast<double>(total),
                fmt::format("{} of {} rows", done, total));
    });
  }();
  if (!report) return fail(report.error());
  if (arguments.has("picture")) {
    const auto written = write_file(arguments.text("picture"), picture_of(*report, *options));
    if (!written) return fail(written.error());
  }
  return finish(arguments.has("json") ? report_json(*report).dump() + "\n" : report_text(*report));
}

}  // namespace eph::app
