#include "calibration/gpu_transfer.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "calibration/error_table.h"
#include "calibration/parallel.h"
#include "calibration/replay.h"
#include "calibration/run_table.h"

namespace eph::calibration {
namespace {

constexpr std::string_view kSweeps = "h100/guidellm_sweeps.csv";

using Rows = std::vector<const DataRow*>;

ScoredRow score(const DataRow& row, const models::EngineProfile& profile,
                const models::Machine& machine, std::uint64_t seed) {
  ScoredRow out;
  out.engine = models::name(profile.engine);
  out.model = row.model;
  out.protocol = name(row.plan.protocol);
  out.measured = row.plan.measured;
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    if (row.plan.scored.test(f)) out.scored.push_back(static_cast<Figure>(f));
  }
  const auto replayed = replay(row.plan, profile, machine, seed);
  if (replayed) out.predicted = replayed->figures;
  return out;
}

// Below saturation, where figures repeat between equal machines; closed loops follow their KV pool.
Rows fit_rows(const std::vector<DataRow>& rows) {
  Rows out;
  for (const DataRow& row : rows) {
    const bool usual = row.plan.protocol == Protocol::synchronous ||
                       (row.plan.protocol == Protocol::constant && row.plan.left_out.empty());
    if (usual) out.push_back(&row);
  }
  return out;
}

std::vector<models::ErrorFigure> held_out_errors(const std::vector<DataRow>& rows,
                                                 const models::EngineProfile& profile,
                                                 const MachineFitOptions& options) {
  std::set<std::string> machines;
  for (const DataRow& row : rows) machines.insert(row.machine);
  const bool by_machine = machines.size() > 1;
  std::map<std::string, Rows> groups;
  for (const DataRow& row : rows) groups[by_machine ? row.machine : row.model].push_back(&row);
  std::vector<ScoredRow> scored;
  for (const auto& [key, members] : groups) {
    Rows others;
    for (const DataRow* row : fit_rows(rows)) {
      if (std::find(members.begin(), members.end(), row) == members.end()) others.push_back(row);
    }
    if (others.empty()) continue;
    const MachineFit fit = fit_machine(others, profile, options);
    std::vector<ScoredRow> part(members.size());
    parallel_for(members.size(), options.threads, [&](std::size_t i) {
      const DataRow& row = *members[i];
      part[i] = score(row, profile, fit.on(row.plan.host), options.seed);
    });
    scored.insert(scored.end(), part.begin(), part.end());
  }
  std::vector<models::ErrorFigure> out;
  const std::string split = by_machine ? "one machine held out" : "one model held out";
  for (const ErrorLine& line : error_tables(scored)) {
    const bool wanted = line.figure == Figure::ttft_p50 || line.figure == Figure::ttft_p95 ||
                        line.figure == Figure::itl_p50 || line.figure == Figure::achieved_rps;
    if (line.protocol.empty() || !line.model.empty() || !wanted) continue;
    out.push_back({fmt::format("{} {}", line.protocol, column_name(line.figure)), split,
                   line.errors.n, line.errors.mape, line.errors.median, line.errors.p90});
  }
  return out;
}

void set_host(models::EngineProfile& profile, const models::HostSpeed& host) {
  for (models::HostSpeed& known : profile.hosts) {
    if (known.host == host.host) {
      known.speed = host.speed;
      return;
    }
  }
  profile.hosts.push_back(host);
}

// Keeps rows of the load tests only.
Result<std::vector<DataRow>> sweep_rows(const TransferOptions& options, const std::string& gpu,
                                        const models::Catalog& catalog,
                                        const models::EngineProfile& profile) {
  auto data = load_dataset(options.data_folder, profile.engine, gpu, catalog);
  if (!data) return data.error();
  std::vector<DataRow> rows;
  for (DataRow& row : data->rows) {
    if (row.plan.host.empty()) continue;
    row.plan.deployment.context.operators = profile.operators;
    row.fit_plan.deployment.context.operators = profile.operators;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Result<void> fit_gpu_transfers(const TransferOptions& options, const models::Catalog& catalog,
                               models::EngineProfile& profile) {
  const std::string path = fmt::format("{}/{}", options.data_folder, kSweeps);
  if (!std::filesystem::exists(path)) return {};
  const auto table = load_runs(path);
  if (!table) return table.error();
  std::set<std::string> gpus;
  for (const MeasuredRun& run : table->runs) {
    const std::string gpu = gpu_catalog_name(run.gpu);
    if (run.engine == profile.engine && gpu != profile.gpu) gpus.insert(gpu);
  }
  profile.gpus.clear();
  for (const std::string& gpu : gpus) {
    const auto rows = sweep_rows(options, gpu, catalog, profile);
    if (!rows) return rows.error();
    const Rows used = fit_rows(*rows);
    if (used.empty()) continue;
    MachineFitOptions fit_options;
    fit_options.threads = options.threads;
    fit_options.seed = options.seed;
    const MachineFit fit = fit_machine(used, profile, fit_options);
    for (const models::HostSpeed& host : fit.hosts) {
      set_host(profile, host);
    }
    fit_options.start = fit.machine;  // of the fits without one machine
    profile.gpus.push_back(
        {gpu, fit.machine, fit.rows, fit.failed, held_out_errors(*rows, profile, fit_options)});
  }
  return {};
}

Result<HostEstimate> estimate_host(const std::string& runs, int threads,
                                   const models::Catalog& catalog,
                                   const models::EngineProfile& profile) {
  const auto table = load_runs(runs);
  if (!table) return table.error();
  SpecCache specs(catalog);
  std::vector<DataRow> rows;
  MachineFitOptions options;
  options.gpu = false;
  options.threads = threads;
  std::string gpu;
  for (const MeasuredRun& run : table->runs) {
    if (run.engine != profile.engine || run.protocol != Protocol::synchronous) continue;
    auto plan = plan_run(run, specs);
    if (!plan || !plan->is_scored(Figure::ttft_p50)) continue;
    if (!gpu.empty() && plan->deployment.gpu_name != gpu) {
      return usage_error(fmt::format("{} has synchronous rows of {} and of {}", runs, gpu,
                                     plan->deployment.gpu_name),
                         "give the rows of one machine");
    }
    gpu = plan->deployment.gpu_name;
    DataRow row;
    row.plan = std::move(*plan);
    row.plan.host = gpu;
    row.plan.deployment.context.operators = profile.operators;
    row.model = row.plan.deployment.context.llm.name;
    row.fit_plan = shortened(row.plan);
    rows.push_back(std::move(row));
  }
  if (rows.empty()) {
    return usage_error(fmt::format("{} has no synchronous run of {} with a median TTFT", runs,
                                   models::display(profile.engine)),
                       "measure one request at a time, and keep the column ttft_p50_ms");
  }
  options.start = profile.machine_for(gpu);
  Rows used;
  for (const DataRow& row : rows) used.push_back(&row);
  const MachineFit fit = fit_machine(used, profile, options);
  HostEstimate out;
  out.speed = fit.host_speed();
  out.rows = rows.size();
  const auto error = [&](double host_speed) {
    models::Machine machine = options.start;
    machine.host_speed = host_speed;
    std::vector<double> predicted, measured;
    for (const DataRow& row : rows) {
      const ScoredRow s = score(row, profile, machine, options.seed);
      if (!s.predicted[Figure::ttft_p50]) continue;
      predicted.push_back(*s.predicted[Figure::ttft_p50]);
      measured.push_back(*s.measured[Figure::ttft_p50]);
    }
    return summarise_errors(predicted, measured).mape;
  };
  out.error_before = error(options.start.host_speed);
  out.error_after = error(out.speed);
  return out;
}

}  // namespace eph::calibration
