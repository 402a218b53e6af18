#include "calibration/dataset.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "calibration/run_table.h"
#include "core/rng.h"

namespace eph::calibration {
namespace {

constexpr std::array<std::string_view, 3> kTables{
    "h100/serving_runs.csv", "h100/guidellm_sweeps.csv", "h100/trtllm_max_throughput.csv"};

// Three identical 8-GPU machines of one cloud measured the same points: fits use one of them.
constexpr std::string_view kReplicateHosts = "gcp a3-edgegpu";
constexpr std::string_view kReplicatedHost = "gcp a3-megagpu-8g";
// Requests that a shortened stage keeps.
constexpr double kOpenRequests = 200, kSynchronousRequests = 24;

bool is_replicate(const MeasuredRun& run) { return run.host.starts_with(kReplicateHosts); }

std::string machine_of(const MeasuredRun& run) {
  return is_replicate(run) ? std::string(kReplicatedHost) : run.host;
}

std::string curve_of(const MeasuredRun& run) {
  if (run.is_sweep()) {
    return fmt::format("{}|{}|{}|{}", machine_of(run), run.model, run.layout.tensor, run.workload);
  }
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", run.engine_version, run.model, run.dtype,
                     run.layout.tensor, run.layout.expert, run.isl, run.osl, name(run.protocol));
}

DataRow make_row(const MeasuredRun& run, RunPlan plan, std::string_view file) {
  DataRow row;
  row.plan = std::move(plan);
  row.file = std::string(file);
  row.source = run.source;
  row.id = run.is_sweep() || run.protocol == Protocol::offline
               ? fmt::format("{}:{}", file, run.line)
               : run.id;
  row.line = run.line;
  row.host = run.host;
  row.machine = machine_of(run);
  row.workload = run.workload;
  row.load_fraction = run.load_fraction;
  row.model = row.plan.deployment.context.llm.name;  // aliases are one model
  row.engine_version = run.engine_version;
  row.tensor_parallel = run.layout.tensor;
  row.isl = run.isl;
  row.osl = run.osl;
  row.concurrency = run.concurrency;
  row.fitted = !is_replicate(run);
  row.fit_plan = shortened(row.plan);
  row.curve = curve_of(run);
  return row;
}

void add_table(const RunTable& table, std::string_view file, models::EngineKind engine,
               const std::string& gpu, SpecCache& specs, Dataset& out) {
  for (const MeasuredRun& run : table.runs) {
    if (run.engine != engine || gpu_catalog_name(run.gpu) != gpu) continue;
    if (run.disaggregated) {
      out.skipped.push_back(
          fmt::format("{}:{}: disaggregated rows are predicted only", file, run.line));
      continue;
    }
    auto plan = plan_run(run, specs);
    if (!plan) {
      out.skipped.push_back(fmt::format("{}:{}: {}", file, run.line, plan.error().what));
    } else if (plan->scored.none()) {
      out.skipped.push_back(fmt::format("{}:{}: {}", file, run.line, plan->left_out));
    } else {
      out.rows.push_back(make_row(run, std::move(*plan), file));
    }
  }
}

}  // namespace

Result<Dataset> load_dataset(const std::string& data_folder, models::EngineKind engine,
                             const std::string& gpu, const models::Catalog& catalog) {
  Dataset out;
  SpecCache specs(catalog);
  bool found = false;
  for (const std::string_view file : kTables) {
    const std::string path = fmt::format("{}/{}", data_folder, file);
    if (!std::filesystem::exists(path)) continue;
    found = true;
    const auto table = load_runs(path);
    if (!table) return table.error();
    add_table(*table, file, engine, gpu, specs, out);
  }
  if (!found) {
    return io_error(data_folder, fmt::format("holds none of {}", fmt::join(kTables, ", ")),
                    "give the folder with the measured data");
  }
  return out;
}

Result<void> add_measured_runs(const std::string& path, const RunFacts& facts,
                               models::EngineKind engine, const std::string& gpu,
                               const models::Catalog& catalog, Dataset& out) {
  const auto table = load_runs(path, facts);
  if (!table) return table.error();
  SpecCache specs(catalog);
  const std::size_t rows = out.rows.size(), skipped = out.skipped.size();
  add_table(*table, path, engine, gpu, specs, out);
  if (out.rows.size() > rows) return {};
  Error error = row_error(path, 0,
                          fmt::format("none of its {} runs can be used for {} on {}",
                                      table->runs.size(), models::name(engine), gpu),
                          "give --engine and --gpu of the runs, or leave the file out");
  if (out.skipped.size() > skipped) error.what += fmt::format(" ({})", out.skipped[skipped]);
  return error;
}

std::vector<bool> hold_out_curves(const std::vector<DataRow>& rows, double share,
                                  std::uint64_t seed) {
  std::map<std::string, std::vector<std::size_t>> curves;
  for (std::size_t i = 0; i < rows.size(); ++i) curves[rows[i].curve].push_back(i);
  std::vector<const std::vector<std::size_t>*> order;
  for (const auto& entry : curves) order.push_back(&entry.second);
  Stream stream({seed, 0, Purpose::bootstrap, 0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  std::vector<bool> held(rows.size(), false);
  const auto wanted = static_cast<std::size_t>(share * static_cast<double>(rows.size()) + 0.5);
  std::size_t count = 0;
  for (const auto* curve : order) {
    if (count >= wanted) break;
    for (const std::size_t i : *curve) held[i] = true;
    count += curve->size();
  }
  return held;
}

RunPlan shortened(const RunPlan& plan) {
  RunPlan out = plan;
  const auto& rate = plan.measured[Figure::achieved_rps];
  const bool stationary = plan.protocol == Protocol::synchronous ||
                          plan.protocol == Protocol::constant ||
                          plan.protocol == Protocol::open_loop;
  if (!rate || !stationary || plan.count_to_s <= 0) return out;
  const double wanted =
      plan.protocol == Protocol::synchronous ? kSynchronousRequests : kOpenRequests;
  const double stage_s = std::min(plan.count_to_s, wanted / *rate);
  out.count_from_s = plan.count_from_s / plan.count_to_s * stage_s;
  out.count_to_s = stage_s;
  out.load.stop_s = stage_s;
  return out;
}

double mean_decode_batch(const DataRow& row) {
  // A sweep's table gives its cap for every load.
  if (row.plan.protocol == Protocol::synchronous) return 1;
  const auto& rate = row.plan.measured[Figure::achieved_rps];
  const auto& itl = row.plan.measured[Figure::itl_p50];
  const auto cap = static_cast<double>(std::max<std::int64_t>(1, row.concurrency));
  if (row.plan.protocol != Protocol::constant || !rate || !itl) return cap;
  return std::clamp(*rate * static_cast<double>(row.osl) * *itl * 1e-3, 1.0, cap);
}

std::vector<Figure> fitted_figures(const RunPlan& plan) {
  std::vector<Figure> wanted;
  const bool saturated = plan.protocol == Protocol::constant && !plan.left_out.empty();
  switch (plan.protocol) {
    case Protocol::synchronous:
    case Protocol::constant:
      wanted = {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::itl_p50,
                Figure::e2e_p50};
      if (saturated) wanted = {Figure::itl_p50, Figure::achieved_rps};
      break;
    case Protocol::throughput:
      // TTFT is made by waves of requests in lockstep: small changes move whole waves, so it has no
      // slope.
      wanted = {Figure::itl_p50, Figure::e2e_p50, Figure::achieved_rps};
      break;
    case Protocol::offline:
      wanted = {Figure::max_output_tps};
      break;
    default:
      wanted = {Figure::mean_tpot, Figure::mean_ttft};
      // Tools that do not stream give one time for a request.
      if (!plan.is_scored(Figure::mean_tpot)) wanted = {Figure::mean_ttft, Figure::e2e_mean};
      break;
  }
  std::erase_if(wanted, [&](Figure f) { return !plan.is_scored(f); });
  return wanted;
}

}  // namespace eph::calibration
