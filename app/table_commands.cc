#include "app/table_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/table.h"
#include "calibration/cpu/bench_calibration.h"
#include "calibration/startup/startup_calibration.h"

namespace eph::app {
namespace {

std::string errors_text(const std::vector<calibration::SplitError>& lines) {
  using Align = TextTable::Align;
  TextTable table({"held out", "figure", "rows", "n", "MAPE %", "median %", "p90 %", "bias %",
                   "in 90 % interval"},
                  {Align::left, Align::left, Align::left});
  for (const calibration::SplitError& line : lines) {
    const ErrorSummary& e = line.errors;
    table.add({line.split, line.figure, line.part, fmt::format("{}", e.n),
               fmt::format("{:.1f}", e.mape), fmt::format("{:.1f}", e.median),
               fmt::format("{:.1f}", e.p90), fmt::format("{:+.1f}", e.bias),
               line.coverage90 < 0 ? "" : percent(line.coverage90)});
  }
  return table.text();
}

Json errors_json(const std::vector<calibration::SplitError>& lines) {
  Json out = Json::array();
  for (const calibration::SplitError& line : lines) {
    Json item = Json::object();
    item.set("split", line.split).set("figure", line.figure).set("part", line.part);
    item.set("n", line.errors.n).set("mape_percent", line.errors.mape);
    item.set("median_percent", line.errors.median).set("p90_percent", line.errors.p90);
    item.set("bias_percent", line.errors.bias);
    if (line.coverage90 >= 0) item.set("coverage_90", line.coverage90);
    out.push(std::move(item));
  }
  return out;
}

// Every option of the command that was given acts, or is refused.
Result<void> refuse_others(const Arguments& arguments, const CommandSpec& command,
                           std::initializer_list<std::string_view> acting, const char* where) {
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      const bool acts = std::find(acting.begin(), acting.end(), option.name) != acting.end();
      if (!acts && arguments.has(option.name))
        return usage_error(fmt::format("--{} has no effect {}", option.name, where),
                           "leave it out");
    }
  }
  return {};
}

int calibrate_coldstart(const Arguments& arguments) {
  if (auto ok = refuse_others(arguments, calibrate_spec(), {"coldstart", "out", "json", "catalog"},
                              "on start-ups");
      !ok)
    return fail(ok.error());
  if (!arguments.has("out")) return fail(usage_error("no model file is given", "add --out FILE"));
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const std::string runs = arguments.text("coldstart"), out = arguments.text("out");
  const std::string command = fmt::format("ephemeris calibrate --coldstart {} --out {}", runs, out);
  const auto report = calibration::calibrate_startup(runs, out, command, *catalog);
  if (!report) return fail(report.error());
  if (arguments.has("json")) {
    Json json = Json::object();
    json.set("version", 1).set("command", "calibrate").set("rows", report->rows);
    json.set("used", report->used).set("errors", errors_json(report->errors));
    return finish(json.set("model", to_json(report->model)).dump() + "\n");
  }
  return finish(fmt::format("{}: start-ups of {} from {} of {} rows\n\n{}", out,
                            models::display(report->model.engine), report->used, report->rows,
                            errors_text(report->errors)));
}

int calibrate_llamacpp(const Arguments& arguments) {
  if (auto ok = refuse_others(
          arguments, calibrate_spec(), {"engine", "data", "out", "threads", "json", "catalog"},
          "on llama.cpp: all machines and both held-out sets are always fitted");
      !ok)
    return fail(ok.error());
  for (const char* needed : {"data", "out"}) {
    if (!arguments.has(needed))
      return fail(usage_error(fmt::format("--{} is not given", needed),
                              "calibrate llama.cpp with --data FOLDER --out FILE"));
  }
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return fail(threads.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const std::string data = arguments.text("data"), out = arguments.text("out");
  const std::string command =
      fmt::format("ephemeris calibrate --engine llamacpp --data {} --out {}", data, out);
  const auto report =
      calibration::calibrate_bench(data, out, command, *catalog, static_cast<int>(*threads));
  if (!report) return fail(report.error());
  if (arguments.has("json")) {
    Json json = Json::object();
    json.set("version", 1).set("command", "calibrate").set("rows", report->rows);
    json.set("used", report->used).set("errors", errors_json(report->errors));
    return finish(json.set("profile", to_json(report->profile)).dump() + "\n");
  }
  return finish(fmt::format("{}: llama.cpp on {} machines of {} kinds from {} of {} rows\n\n{}",
                            out, report->profile.machines.size(), report->profile.kinds.size(),
                            report->used, report->rows, errors_text(report->errors)));
}

int print_validation(const Arguments& arguments, const calibration::TableValidation& report) {
  if (arguments.has("json")) {
    Json json = Json::object();
    json.set("version", 1).set("command", "validate").set("rows", report.rows);
    json.set("scored", report.scored).set("left_out", report.left_out.size());
    return finish(json.set("errors", errors_json(report.errors)).dump() + "\n");
  }
  std::map<std::string, std::size_t> reasons;
  for (const std::string& reason : report.left_out) ++reasons[reason];
  std::string out = fmt::format("{} rows, {} of them scored\n", report.rows, report.scored);
  for (const auto& [reason, count] : reasons)
    out += fmt::format("  {} left out: {}\n", count, reason);
  return finish(out + "\n" + errors_text(report.errors));
}

}  // namespace

std::optional<int> calibrate_table(const Arguments& arguments) {
  if (arguments.has("coldstart")) return calibrate_coldstart(arguments);
  if (models::parse_engine(arguments.text("engine")) == models::EngineKind::llamacpp)
    return calibrate_llamacpp(arguments);
  return std::nullopt;
}

std::optional<int> validate_table(const Arguments& arguments) {
  if (!arguments.has("runs")) return std::nullopt;
  const std::string path = arguments.text("runs");
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return std::nullopt;
  auto table = CsvTable::load(path);
  // A file that is no table is the business of the other readers, and so is its error.
  if (!table) return std::nullopt;
  const bool startup = calibration::is_startup_runs(*table);
  if (!startup && !calibration::is_bench_runs(*table)) return std::nullopt;
  if (auto ok = startup ? refuse_others(arguments, validate_spec(),
                                        {"runs", "out", "json", "catalog"}, "on start-ups")
                        : refuse_others(arguments, validate_spec(),
                                        {"runs", "out", "json", "catalog", "profile", "threads"},
                                        "on llama-bench rows");
      !ok)
    return fail(ok.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const calibration::TableValidateOptions options{path, arguments.text("out")};
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return fail(threads.error());
  const auto report =
      startup ? calibration::validate_startup(std::move(*table), options, *catalog)
              : calibration::validate_bench(std::move(*table), options, arguments.text("profile"),
                                            static_cast<int>(*threads), *catalog);
  return report ? print_validation(arguments, *report) : fail(report.error());
}

}  // namespace eph::app
