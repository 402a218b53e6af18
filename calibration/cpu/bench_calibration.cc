#include "calibration/cpu/bench_calibration.h"

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "calibration/cpu/bench_fit.h"
#include "calibration/held_out.h"
#include "core/line_source.h"
#include "core/rng.h"
#include "core/version.h"
#include "models/step_profile.h"

namespace eph::calibration {
namespace {

constexpr int kFolds = 8;

// Machines shuffled once and dealt to folds.
BenchGroup machine_folds(const std::vector<BenchRow>& rows) {
  std::set<std::string> names;
  for (const BenchRow& row : rows) names.insert(row.machine_key());
  std::vector<std::string> order(names.begin(), names.end());
  Stream stream({1, 0, Purpose::protocol, 0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  std::map<std::string, std::string> fold;
  for (std::size_t i = 0; i < order.size(); ++i) fold[order[i]] = std::to_string(i % kFolds);
  return [fold = std::move(fold)](const BenchRow& row) { return fold.at(row.machine_key()); };
}

const char* figure_of(const BenchRow& row) { return row.prompt ? "prompt" : "generation"; }

std::vector<double> log_ratios(const std::vector<BenchRow>& rows,
                               const std::vector<double>& predicted, bool prompt) {
  std::vector<double> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (predicted[i] > 0 && rows[i].prompt == prompt)
      out.push_back(std::log(rows[i].tokens_per_s / predicted[i]));
  }
  return out;
}

using PartName = std::string (*)(const BenchRow&);

// One line for each part and figure; coverage by `group` where there is one.
void add_lines(const std::vector<BenchRow>& rows, const std::vector<double>& predicted,
               const std::string& split, PartName part, const BenchGroup* group,
               std::vector<SplitError>& out) {
  struct Part {
    std::vector<double> predicted, measured, logs;
    std::vector<std::string> groups;
  };
  std::map<std::pair<std::string, std::string>, Part> parts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!(predicted[i] > 0)) continue;
    Part& p = parts[{part(rows[i]), figure_of(rows[i])}];
    p.predicted.push_back(predicted[i]);
    p.measured.push_back(rows[i].tokens_per_s);
    p.logs.push_back(std::log(rows[i].tokens_per_s / predicted[i]));
    if (group != nullptr) p.groups.push_back((*group)(rows[i]));
  }
  for (const auto& [key, p] : parts) {
    SplitError line{split, key.second + " tokens/s", key.first,
                    summarise_errors(p.predicted, p.measured), -1};
    if (group != nullptr) line.coverage90 = interval_coverage(p.logs, p.groups);
    out.push_back(std::move(line));
  }
}

std::string everything(const BenchRow&) { return "all"; }
std::string class_of(const BenchRow& row) { return row.cls; }
std::string model_of(const BenchRow& row) { return row.model; }

struct HeldOut {
  std::vector<SplitError> errors;
  models::CpuSpread measured_machine, new_machine;
};

HeldOut hold_out(const std::vector<BenchRow>& rows, int threads) {
  HeldOut out;
  const BenchGroup folds = machine_folds(rows);
  const std::vector<double> by_machine = predict_held_out(rows, folds, threads);
  const std::string machines = "an eighth of the machines held out";
  add_lines(rows, by_machine, machines, everything, &folds, out.errors);
  add_lines(rows, by_machine, machines, class_of, &folds, out.errors);
  out.new_machine = {interval_sd(log_ratios(rows, by_machine, true)),
                     interval_sd(log_ratios(rows, by_machine, false))};
  const BenchGroup models = [](const BenchRow& row) { return row.model; };
  const std::vector<double> by_model = predict_held_out(rows, models, threads);
  add_lines(rows, by_model, "one model held out", everything, &models, out.errors);
  add_lines(rows, by_model, "one model held out", model_of, nullptr, out.errors);
  out.measured_machine = {interval_sd(log_ratios(rows, by_model, true)),
                          interval_sd(log_ratios(rows, by_model, false))};
  return out;
}

std::vector<double> predict_all(const std::vector<BenchRow>& rows,
                                const models::CpuProfile& profile) {
  std::vector<double> out;
  for (const BenchRow& row : rows)
    out.push_back(row.left_out.empty() ? predict_bench(profile, row) : 0);
  return out;
}

Result<std::vector<BenchRow>> load_rows(const std::string& folder, const models::Catalog& catalog) {
  std::vector<BenchRow> out;
  for (const char* name : {"llama_bench_cpu.csv.gz", "llama_bench_gpu.csv.gz"}) {
    const std::string path = folder + "/cpu/" + name;
    std::error_code ignored;
    if (!out.empty() && !std::filesystem::exists(path, ignored)) continue;
    auto csv = CsvTable::load(path);
    if (!csv) return csv.error();
    if (!is_bench_runs(*csv)) {
      return row_error(path, 1, "the header is not that of a llama-bench table",
                       "it needs instance, model_size, n_prompt, n_gen and avg_ts");
    }
    auto table = read_bench_runs(std::move(*csv), catalog);
    if (!table) return table.error();
    out.insert(out.end(), table->rows.begin(), table->rows.end());
  }
  return out;
}

Result<models::CpuProfile> find_profile(const std::string& given, const models::Catalog& catalog) {
  const std::string path = given.empty() ? catalog.folder() + "/profiles/llamacpp-cpu.json" : given;
  auto profile = models::load_step_profile(path);
  if (!profile) return profile.error();
  auto* cpu = std::get_if<models::CpuProfile>(&*profile);
  if (cpu == nullptr)
    return usage_error("profile " + path + " is not of form \"cpu\"", "give one of llama.cpp");
  return std::move(*cpu);
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += i > 0 ? "," : "";
    out += csv_field(cells[i]);
  }
  return out + '\n';
}

std::string output_csv(const BenchTable& bench, const std::vector<double>& predicted) {
  std::vector<std::string> header = bench.table.header();
  header.insert(header.end(), {"pred_avg_ts", "status"});
  std::string out = csv_line(header);
  for (std::size_t i = 0; i < bench.rows.size(); ++i) {
    std::vector<std::string> cells = bench.table.row(i);
    cells.push_back(predicted[i] > 0 ? fmt::format("{:.5g}", predicted[i]) : "");
    const std::string& reason = bench.rows[i].left_out;
    cells.push_back(!reason.empty()    ? "left out: " + reason
                    : predicted[i] > 0 ? "ok"
                                       : "not predicted: the profile does not have the processor");
    out += csv_line(cells);
  }
  return out;
}

}  // namespace

Result<BenchCalibration> calibrate_bench(const std::string& data_folder, const std::string& out,
                                         const std::string& command, const models::Catalog& catalog,
                                         int threads) {
  const auto rows = load_rows(data_folder, catalog);
  if (!rows) return rows.error();
  BenchCalibration report;
  report.rows = rows->size();
  for (const BenchRow& row : *rows) report.used += row.left_out.empty() ? 1 : 0;
  if (report.used == 0) return usage_error("no row of " + data_folder + "/cpu can be used");
  report.profile = fit_bench(*rows, std::vector<bool>(rows->size(), true));
  models::CpuProfile& p = report.profile;
  add_lines(*rows, predict_all(*rows, p), "in-sample", everything, nullptr, report.errors);
  const HeldOut held = hold_out(*rows, threads);
  report.errors.insert(report.errors.end(), held.errors.begin(), held.errors.end());
  p.measured_machine = held.measured_machine;
  p.new_machine = held.new_machine;
  for (const SplitError& line : report.errors) {
    p.errors.push_back({line.figure + ", " + line.part, line.split, line.errors.n, line.errors.mape,
                        line.errors.median, line.errors.p90});
  }
  p.sources = {"Spare Cores, llama-bench of llama.cpp build 4753 on cloud machines (CC-BY-SA-4.0)"};
  p.command = command;
  p.commit = std::string(commit());
  if (!out.empty()) {
    if (auto ok = write_file(out, to_json(p).dump() + "\n"); !ok) return ok.error();
  }
  return report;
}

Result<TableValidation> validate_bench(CsvTable csv, const TableValidateOptions& options,
                                       const std::string& given, int threads,
                                       const models::Catalog& catalog) {
  const auto bench = read_bench_runs(std::move(csv), catalog);
  if (!bench) return bench.error();
  const auto profile = find_profile(given, catalog);
  if (!profile) return profile.error();
  TableValidation out;
  out.rows = bench->rows.size();
  for (const BenchRow& row : bench->rows) {
    if (row.left_out.empty()) {
      ++out.scored;
    } else {
      out.left_out.push_back(row.left_out);
    }
  }
  const std::vector<double> shipped = predict_all(bench->rows, *profile);
  add_lines(bench->rows, shipped, "profile", everything, nullptr, out.errors);
  add_lines(bench->rows, shipped, "profile", class_of, nullptr, out.errors);
  if (options.held_out) {
    const HeldOut held = hold_out(bench->rows, threads);
    out.errors.insert(out.errors.end(), held.errors.begin(), held.errors.end());
  }
  out.csv = output_csv(*bench, shipped);
  if (!options.out.empty()) {
    if (auto ok = write_file(options.out, out.csv); !ok) return ok.error();
  }
  return out;
}

}  // namespace eph::calibration
