#include "calibration/startup/startup_calibration.h"

#include <cmath>

#include "calibration/held_out.h"
#include "calibration/startup/startup_fit.h"
#include "core/line_source.h"
#include "core/version.h"

namespace eph::calibration {
namespace {

struct Split {
  const char* name;
  StartupGroup group;
};

std::vector<Split> splits() {
  return {{"one machine held out", [](const StartupRow& r) { return r.machine; }},
          {"one model held out", [](const StartupRow& r) { return r.model; }},
          {"one cloud and GPU held out", [](const StartupRow& r) { return r.host_class(); }}};
}

// Rows whose cloud and GPU other machines share: only they can tell what is known about such hosts.
bool has_sibling(const std::vector<StartupRow>& rows, const StartupRow& row) {
  for (const StartupRow& other : rows) {
    if (other.left_out.empty() && other.host_class() == row.host_class() &&
        other.machine != row.machine)
      return true;
  }
  return false;
}

std::vector<bool> select(const std::vector<StartupRow>& rows, bool cold) {
  std::vector<bool> out;
  for (const StartupRow& row : rows) out.push_back(row.left_out.empty() && row.cold() == cold);
  return out;
}

std::vector<double> log_ratios(const std::vector<StartupRow>& rows,
                               const std::vector<double>& predicted,
                               const std::vector<bool>& only) {
  std::vector<double> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (only[i]) out.push_back(std::log(rows[i].seconds / predicted[i]));
  }
  return out;
}

SplitError error_line(const std::vector<StartupRow>& rows, const std::vector<double>& predicted,
                      const std::string& split, bool cold, const StartupGroup* group) {
  const std::vector<bool> only = select(rows, cold);
  std::vector<double> p, m;
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!only[i]) continue;
    p.push_back(predicted[i]);
    m.push_back(rows[i].seconds);
    if (group != nullptr) groups.push_back((*group)(rows[i]));
  }
  SplitError out{split, "startup_s", cold ? "cold" : "warm", summarise_errors(p, m), -1};
  if (group != nullptr)
    out.coverage90 = interval_coverage(log_ratios(rows, predicted, only), groups);
  return out;
}

std::vector<double> medians(const std::vector<StartupRow>& rows,
                            const models::StartupModel& model) {
  std::vector<double> out;
  for (const StartupRow& row : rows) out.push_back(model.distribution(row.query).median_s);
  return out;
}

struct HeldOut {
  std::vector<SplitError> errors;
  double warm_known = 0, cold_known = 0, warm_new = 0, cold_new = 0;
};

HeldOut hold_out(const std::vector<StartupRow>& rows) {
  HeldOut out;
  std::vector<std::vector<double>> predictions;
  for (const Split& split : splits()) {
    predictions.push_back(predict_held_out(rows, split.group));
    for (const bool cold : {false, true})
      out.errors.push_back(error_line(rows, predictions.back(), split.name, cold, &split.group));
  }
  for (const bool cold : {false, true}) {
    const std::vector<bool> all = select(rows, cold);
    std::vector<bool> siblings = all;
    for (std::size_t i = 0; i < rows.size(); ++i)
      siblings[i] = siblings[i] && has_sibling(rows, rows[i]);
    (cold ? out.cold_known : out.warm_known) =
        interval_sd(log_ratios(rows, predictions[0], siblings));
    (cold ? out.cold_new : out.warm_new) = interval_sd(log_ratios(rows, predictions[2], all));
  }
  return out;
}

void add_figures(const std::vector<SplitError>& lines, models::StartupModel& model) {
  for (const SplitError& line : lines) {
    model.errors.push_back({line.part, line.split, line.errors.n, line.errors.mape,
                            line.errors.median, line.errors.p90});
  }
}

Result<StartupTable> load(const std::string& path, const models::Catalog& catalog) {
  auto table = CsvTable::load(path);
  if (!table) return table.error();
  if (!is_startup_runs(*table)) {
    return row_error(path, 1, "the header is not that of a table of start-ups",
                     "it needs nth_start_of_model and startup_s");
  }
  return read_startup_runs(std::move(*table), catalog);
}

std::string output_csv(const StartupTable& runs, const models::StartupModel& model) {
  const auto line = [](std::vector<std::string> cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += i > 0 ? "," : "";
      out += csv_field(cells[i]);
    }
    return out + '\n';
  };
  std::vector<std::string> header = runs.table.header();
  header.insert(header.end(),
                {"pred_startup_s", "pred_startup_s_p05", "pred_startup_s_p95", "status"});
  std::string out = line(std::move(header));
  for (std::size_t i = 0; i < runs.rows.size(); ++i) {
    const models::StartupDistribution d = model.distribution(runs.rows[i].query);
    std::vector<std::string> cells = runs.table.row(i);
    const bool known = runs.rows[i].query.weight_bytes > 0;
    for (const double value : {d.median_s, d.quantile(0.05), d.quantile(0.95)})
      cells.push_back(known ? fmt::format("{:.4g}", value) : "");
    cells.push_back(runs.rows[i].left_out.empty() ? "ok" : "left out: " + runs.rows[i].left_out);
    out += line(std::move(cells));
  }
  return out;
}

}  // namespace

Result<StartupCalibration> calibrate_startup(const std::string& runs, const std::string& out,
                                             const std::string& command,
                                             const models::Catalog& catalog) {
  const auto table = load(runs, catalog);
  if (!table) return table.error();
  StartupCalibration report;
  report.rows = table->rows.size();
  for (const StartupRow& row : table->rows) report.used += row.left_out.empty() ? 1 : 0;
  constexpr std::size_t kFewest = 20;  // for seven seconds and the hosts
  if (report.used < kFewest) {
    return row_error(runs, 1, fmt::format("{} usable starts", report.used),
                     fmt::format("a fit needs at least {}", kFewest));
  }
  report.model = fit_startup(table->rows, std::vector<bool>(table->rows.size(), true));
  const std::vector<double> fitted = medians(table->rows, report.model);
  for (const bool cold : {false, true})
    report.errors.push_back(error_line(table->rows, fitted, "in-sample", cold, nullptr));
  const HeldOut held = hold_out(table->rows);
  report.errors.insert(report.errors.end(), held.errors.begin(), held.errors.end());
  models::StartupModel& m = report.model;
  m.sd_warm_known = held.warm_known;
  m.sd_cold_known = held.cold_known;
  m.sd_warm_new = std::max(held.warm_new, held.warm_known);
  m.sd_cold_new = std::max(held.cold_new, held.cold_known);
  add_figures(report.errors, m);
  m.sources = {"Spare Cores sc-inspector-data, start-ups of vLLM 0.22 (CC-BY-SA-4.0)"};
  m.command = command;
  m.commit = std::string(commit());
  if (!out.empty()) {
    if (auto ok = write_file(out, to_json(m).dump() + "\n"); !ok) return ok.error();
  }
  return report;
}

Result<TableValidation> validate_startup(CsvTable csv, const TableValidateOptions& options,
                                         const models::Catalog& catalog) {
  const auto runs = read_startup_runs(std::move(csv), catalog);
  if (!runs) return runs.error();
  const auto found = models::find_startup(catalog, models::EngineKind::vllm);
  if (!found) return found.error();
  TableValidation out;
  out.rows = runs->rows.size();
  for (const StartupRow& row : runs->rows) {
    if (row.left_out.empty()) {
      ++out.scored;
    } else {
      out.left_out.push_back(row.left_out);
    }
  }
  const std::vector<double> shipped = medians(runs->rows, found->model);
  for (const bool cold : {false, true})
    out.errors.push_back(error_line(runs->rows, shipped, "shipped model", cold, nullptr));
  if (options.held_out) {
    const HeldOut held = hold_out(runs->rows);
    out.errors.insert(out.errors.end(), held.errors.begin(), held.errors.end());
  }
  out.csv = output_csv(*runs, found->model);
  if (!options.out.empty()) {
    if (auto ok = write_file(options.out, out.csv); !ok) return ok.error();
  }
  return out;
}

}  // namespace eph::calibration
