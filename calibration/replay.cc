#include "calibration/replay.h"

#include <algorithm>
#include <cmath>

#include "calibration/disaggregated.h"
#include "calibration/offline_batch.h"
#include "core/stats.h"
#include "models/machine.h"
#include "sim/simulation.h"

namespace eph::calibration {
namespace {

using sim::RequestRecord;

struct Samples {
  std::vector<double> ttft, tpot, itl, e2e;  // ms; tpot as e2e over output tokens
  double e2e_sum_s = 0;
  double last_finish_s = 0;
  std::int64_t output_tokens = 0, prompt_tokens = 0;
};

Samples collect(const RunPlan& plan, const std::vector<RequestRecord>& records) {
  Samples s;
  for (const RequestRecord& r : records) {
    if (r.status != sim::RequestStatus::finished) continue;
    const double finish = r.finish.seconds();
    if (plan.count_to_s > 0 && (finish <= plan.count_from_s || finish > plan.count_to_s)) continue;
    s.ttft.push_back(r.ttft().ms());
    s.e2e.push_back(r.e2e().ms());
    if (r.output_tokens > 1) s.itl.push_back(r.tpot_s() * 1e3);
    s.tpot.push_back(r.e2e().ms() / r.output_tokens);
    s.e2e_sum_s += r.e2e().seconds();
    s.last_finish_s = std::max(s.last_finish_s, finish);
    s.output_tokens += r.output_tokens;
    s.prompt_tokens += r.prompt_tokens;
  }
  return s;
}

struct DistributionFigures {
  Figure p50, p95, p99, average;
  std::optional<Figure> p90;
};

void set_distribution(FigureSet& out, std::vector<double> values, const DistributionFigures& to) {
  if (values.empty()) return;
  out[to.average] = mean(values);
  std::sort(values.begin(), values.end());
  out[to.p50] = quantile_sorted(values, 0.50);
  out[to.p95] = quantile_sorted(values, 0.95);
  out[to.p99] = quantile_sorted(values, 0.99);
  if (to.p90) out[*to.p90] = quantile_sorted(values, 0.90);
}

}  // namespace

FigureSet figures_of(const RunPlan& plan, const std::vector<RequestRecord>& records,
                     std::size_t& counted) {
  FigureSet out;
  const Samples s = collect(plan, records);
  counted = s.ttft.size();
  if (s.ttft.empty()) return out;
  const double window_s =
      plan.count_to_s > 0 ? plan.count_to_s - plan.count_from_s : s.last_finish_s;
  out[Figure::mean_ttft] = mean(s.ttft);
  if (!s.itl.empty()) out[Figure::mean_tpot] = mean(s.itl);
  set_distribution(
      out, s.ttft,
      {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::ttft_mean, Figure::ttft_p90});
  set_distribution(out, s.tpot,
                   {Figure::tpot_p50, Figure::tpot_p95, Figure::tpot_p99, Figure::tpot_mean, {}});
  set_distribution(
      out, s.itl,
      {Figure::itl_p50, Figure::itl_p95, Figure::itl_p99, Figure::itl_mean, Figure::itl_p90});
  set_distribution(
      out, s.e2e,
      {Figure::e2e_p50, Figure::e2e_p95, Figure::e2e_p99, Figure::e2e_mean, Figure::e2e_p90});
  out[Figure::achieved_rps] = static_cast<double>(counted) / window_s;
  out[Figure::output_tps] = static_cast<double>(s.output_tokens) / window_s;
  out[Figure::mean_concurrency] = s.e2e_sum_s / window_s;
  out[Figure::max_output_tps] = out[Figure::output_tps];
  out[Figure::total_tps] = static_cast<double>(s.prompt_tokens + s.output_tokens) / window_s;
  if (plan.protocol == Protocol::one_batch) {
    const double prefill_s = 1e-3 * *std::max_element(s.ttft.begin(), s.ttft.end());
    out[Figure::prefill_tps] = static_cast<double>(s.prompt_tokens) / prefill_s;
  }
  return out;
}

Result<Replayed> replay(const RunPlan& plan, const models::StepModel& step,
                        const models::FrontEnd& front_end, const models::KvPool& kv,
                        std::uint64_t seed) {
  sim::SimulationConfig config;
  config.replica.engine = plan.engine;
  config.replica.kv = kv;
  config.replica.step = &step;
  config.replica.front_end = plan.in_process ? models::FrontEnd{} : front_end;
  config.replicas = plan.replicas;
  config.seed = seed;
  if (plan.count_to_s > 0) config.horizon = SimTime::from_seconds(plan.count_to_s);
  ToolLoad load(plan.load, seed);
  RecordSink sink;
  sim::RunOptions options;
  options.sink = &sink;
  sim::Simulation simulation(config);
  const auto summary = simulation.run(load, options);
  if (!summary) return summary.error();
  Replayed out;
  out.figures = figures_of(plan, sink.records(), out.counted);
  out.rejected = summary->counts.rejected;
  out.unfinished = summary->counts.unfinished;
  out.preemptions = summary->counts.preemptions;
  out.steps = summary->counts.steps;
  out.kv_tokens = kv.usable_tokens();
  if (out.rejected > 0) {
    return infeasible_error(fmt::format("{} requests do not fit into the {} tokens of KV cache",
                                        out.rejected, kv.usable_tokens()));
  }
  return out;
}

namespace {

// What `values` make of a deployment.
struct Fitted {
  models::CoefficientValues values{};  // on the machine that the row was measured on
  models::KvPool pool;
  std::optional<models::FittedStepModel> step;
};

Result<Fitted> fitted(const RunPlan& plan, const models::CoefficientValues& values,
                      const ReplayOptions& options) {
  const Deployment& d = plan.deployment;
  models::KvPoolOptions kv_options = plan.kv;
  const auto reserve = models::Coefficient::kv_reserve;
  const double reserve_bytes =
      values[static_cast<std::size_t>(reserve)] * models::coefficient_info(reserve).to_si;
  kv_options.reserved = Bytes{static_cast<std::int64_t>(reserve_bytes)};
  const auto kv =
      models::kv_pool(d.engine, d.context.gpu, d.context.llm, d.context.layout, kv_options);
  if (!kv) return kv.error();
  Fitted out;
  // The step model takes a replica's whole batch, so the replica has the KV of all its attention
  // ranks.
  out.pool = *kv;
  out.pool.blocks *= d.context.layout.attention_data;
  out.pool.usable_blocks *= d.context.layout.attention_data;
  out.values = models::on_machine(values, options.machine);
  if (options.prototype != nullptr) {
    out.step.emplace(*options.prototype);
    out.step->set_values(out.values);
  } else {
    models::StepContext context = d.context;
    context.gpu = models::on_machine(context.gpu, options.machine);
    out.step.emplace(std::move(context), out.values);
  }
  if (options.residual != nullptr) out.step->set_residual(*options.residual);
  return out;
}

}  // namespace

Result<Replayed> replay(const RunPlan& plan, const models::CoefficientValues& values,
                        const ReplayOptions& options) {
  const auto with = fitted(plan, values, options);
  if (!with) return with.error();
  return replay(plan, *with->step, models::front_end_of(with->values), with->pool, options.seed);
}

Result<Replayed> replay_offline(const RunPlan& plan, const models::CoefficientValues& values,
                                const ReplayOptions& options) {
  const auto with = fitted(plan, values, options);
  if (!with) return with.error();
  const OfflineBatch batch{*plan.load.requests, plan.load.isl, plan.load.osl};
  const double rate = offline_output_tps(batch, plan.engine, with->pool, *with->step);
  if (!(rate > 0)) return infeasible_error("no request fits into the KV cache or a step");
  Replayed out;
  out.figures[Figure::max_output_tps] = rate;
  out.counted = static_cast<std::size_t>(batch.requests);
  out.kv_tokens = with->pool.usable_tokens();
  return out;
}

Result<Replayed> replay(const RunPlan& plan, const models::EngineProfile& profile,
                        const models::Machine& machine, std::uint64_t seed) {
  if (plan.prefill) return simulate_disaggregated(plan, profile, machine, seed);
  const auto found =
      profile.find(plan.deployment.context,
                   fit_family(plan.deployment.engine, plan.deployment.version, plan.protocol));
  ReplayOptions options;
  options.seed = seed;
  options.machine = machine;
  options.residual = found.residual;
  return replay(plan, *found.values, options);
}

}  // namespace eph::calibration
