// ephemeris validate: predictions against measured runs.
#include "calibration/validate.h"

#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/error_text.h"
#include "app/log_facts.h"
#include "app/progress.h"
#include "app/table.h"

namespace eph::app {

namespace {

Result<calibration::ValidateOptions> read_options(const Arguments& arguments) {
  calibration::ValidateOptions out;
  if (!arguments.has("runs")) {
    return usage_error("validate needs measured runs", "give --runs FILE");
  }
  out.runs = arguments.text("runs");
  out.out = arguments.text("out");
  out.profiles = arguments.all("profile");
  const Result<std::int64_t> seed = arguments.integer("seed", 0, std::int64_t{1} << 53, 1);
  if (!seed) return seed.error();
  out.seed = static_cast<std::uint64_t>(*seed);
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.threads = static_cast<int>(*threads);
  out.second_half = arguments.has("second-half");
  const Result<calibration::LogFacts> facts = log_facts(arguments);
  if (!facts) return facts.error();
  out.log_facts = *facts;
  return out;
}

std::vector<OptionSpec> log_options() {
  std::vector<OptionSpec> out{
      {"second-half", "",
       "score the second half of a log; without --profile, by a model fitted on the first half"},
      {"engine", "ENGINE", "vllm, sglang or trtllm [vllm]"},
      {"gpu", "NAME", "GPU of the run [as meta.json or the folder's name says]"}};
  for (OptionSpec& option : log_fact_options()) out.push_back(std::move(option));
  return out;
}

std::string compared_text(const calibration::ValidateReport& report) {
  std::string out;
  for (const std::string& note : report.notes) out += note + "\n";
  if (report.compared.empty()) return out;
  using Align = TextTable::Align;
  TextTable table({"figure", "unit", "measured", "predicted", "error"}, {Align::left, Align::left});
  for (const calibration::ComparedFigure& f : report.compared) {
    table.add({f.what, f.unit, fmt::format("{:.4g}", f.measured), fmt::format("{:.4g}", f.predicted),
               fmt::format("{:+.1f} %", f.error_percent())});
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

}  // namespace

const CommandSpec& validate_spec() {
  static const CommandSpec spec{
      "validate",
      "simulate measured runs with their own load protocol and compare",
      "--runs FILE [OPTIONS]",
      "FILE is a table of measured operating points (serving_runs.csv or guidellm_sweeps.csv) or a "
      "folder with "
      "a request log. The output repeats every row with a pred_ column for each measured figure "
      "and a status.",
      {"ephemeris validate --runs serving_runs.csv --out predicted.csv",
       "ephemeris validate --runs runs/monday --second-half"},
      {{"validation",
        {{"runs", "FILE", "measured runs: a table, or the folder of a request log"},
         {"out", "FILE", "write the rows back with predictions [not written]"},
         {"profile", "FILE", "profile to use instead of the shipped ones", true},
         {"seed", "N", "seed of all random draws [1]"}}},
       {"request log", log_options()},
       {"output", {{"json", "", "print JSON instead of tables"}}},
       {"execution",
        {{"threads", "N",
          "simulations at the same time; the results do not depend on it [all cores]"},
         data_option()}}},
      0};
  return spec;
}

int run_validate(const Arguments& arguments) {
  const Result<calibration::ValidateOptions> options = read_options(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const Result<calibration::ValidateReport> report = [&] {
    ProgressLine line;
    return calibration::validate(*options, *catalog, [&line](std::size_t done, std::size_t total) {
      line.show(static_cast<double>(done) / static_cast<double>(total),
                fmt::format("{} of {} rows", done, total));
    });
  }();
  if (!report) return fail(report.error());
  return finish(arguments.has("json") ? report_json(*report).dump() + "\n" : report_text(*report));
}

}  // namespace eph::app
