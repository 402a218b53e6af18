#include "app/log_calibration.h"

#include <fmt/format.h>

#include <cmath>

#include "app/console.h"
#include "app/data_folder.h"
#include "app/log_facts.h"
#include "app/table.h"
#include "calibration/log_fit.h"
#include "calibration/log_replay.h"
#include "calibration/validate.h"
#include "core/line_source.h"

namespace eph::app {

namespace {

Result<void> check_options(const Arguments& arguments) {
  for (const char* name : {"data", "runs", "coldstart", "keep", "host-from", "held-out", "splits",
                           "max-iterations", "seed", "threads"}) {
    if (arguments.has(name)) {
      return usage_error(fmt::format("--{} has no effect on a fit from a request log", name),
                         "leave it out, or give --data instead of --log");
    }
  }
  const auto ok = refuse_other_facts(arguments, "a fit from a request log");
  if (!ok) return ok.error();
  if (!arguments.has("out")) return usage_error("no profile file is given", "add --out FILE");
  return {};
}

// The command that repeats the fit.
std::string command_line(const Arguments& arguments) {
  std::string out = fmt::format("ephemeris calibrate --log {}", arguments.text("log"));
  if (arguments.has("first-half")) out += " --first-half";
  return out + fmt::format("{} --out {}", log_facts_text(arguments), arguments.text("out"));
}

Result<calibration::LogFit> fit(const Arguments& arguments) {
  const auto facts = log_facts(arguments);
  if (!facts) return facts.error();
  const auto catalog = open_catalog(arguments, "catalog");
  if (!catalog) return catalog.error();
  const auto log = calibration::load_request_log(arguments.text("log"), *facts);
  if (!log) return log.error();
  const auto shipped = calibration::load_profiles({}, *catalog);
  if (!shipped) return shipped.error();
  const auto setup = calibration::set_up(*log, *catalog, *shipped);
  if (!setup) return setup.error();
  const bool half = arguments.has("first-half");
  auto out = calibration::fit_log(
      *log, *setup, half ? calibration::first_half(*log) : calibration::whole_log(*log));
  if (!out) return out.error();
  out->profile.source =
      fmt::format("request log {}{}", arguments.text("log"), half ? ", first half" : "");
  out->profile.command = command_line(arguments);
  return out;
}

std::string report_text(const calibration::LogFit& fit, const std::string& path) {
  const models::CompactProfile& p = fit.profile;
  using Align = TextTable::Align;
  TextTable table({"value", "fitted", "sd %"}, {Align::left});
  for (std::size_t i = 0; i < models::kCompactTerms; ++i) {
    const double sd = std::sqrt(p.log_covariance[i * models::kCompactTerms + i]);
    table.add({std::string(models::compact_term_info(static_cast<models::CompactTerm>(i)).name),
               fmt::format("{:.4g}", p.values[i]), fmt::format("{:.0f}", 100 * sd)});
  }
  return fmt::format(
      "{}: {} on {} from {} requests, {} events, steps of at most {} sequences, {} simulations\n"
      "median error of decode times in the fit: {:.1f} %\n\n{}",
      path, p.model, p.gpu, p.requests, p.events, p.batch_max, fit.simulations,
      100 * fit.duration_error, table.text());
}

}  // namespace

int run_log_calibration(const Arguments& arguments) {
  if (const auto ok = check_options(arguments); !ok) return fail(ok.error());
  const auto fitted = fit(arguments);
  if (!fitted) return fail(fitted.error());
  const std::string path = arguments.text("out");
  const Json profile = models::to_json(fitted->profile);
  if (const auto ok = write_file(path, profile.dump() + "\n"); !ok) return fail(ok.error());
  if (!arguments.has("json")) return finish(report_text(*fitted, path));
  Json out = Json::object();
  out.set("version", 1).set("command", "calibrate").set("profile", profile);
  out.set("simulations", fitted->simulations)
      .set("median_decode_error_percent", 100 * fitted->duration_error);
  return finish(out.dump() + "\n");
}

}  // namespace eph::app
