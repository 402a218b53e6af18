#include "calibration/disaggregated.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "models/machine.h"
#include "models/topology/cluster.h"
#include "sim/simulation.h"

namespace eph::calibration {
namespace {

// The two pools' means depend on one another; the map is a contraction in practice and halves its
// error each time.
constexpr int kRounds = 60;

// The fitted step model of one pool.
struct Pool {
  models::FittedStepModel step;
  models::FrontEnd front;
};

Pool pool_of(const RunPlan& plan, const Deployment& deployment,
             const models::EngineProfile& profile, const models::Machine& machine) {
  models::StepContext context = deployment.context;
  context.operators = profile.operators;
  const auto found =
      profile.find(context, fit_family(deployment.engine, deployment.version, plan.protocol));
  const models::CoefficientValues values = models::on_machine(*found.values, machine);
  Pool pool{models::FittedStepModel(context, values), models::front_end_of(values)};
  if (found.residual != nullptr) pool.step.set_residual(*found.residual);
  return pool;
}

// One step with `seqs` decoding sequences of `context` tokens each; linear between whole numbers of
// sequences.
double decode_step_s(const models::StepModel& step, double seqs, double context) {
  const auto at = [&](double whole) {
    models::BatchShape shape;
    shape.decode_seqs = shape.sampled_seqs = static_cast<std::int32_t>(whole);
    shape.decode_context_tokens = static_cast<std::int64_t>(whole * context);
    return step.seconds(shape);
  };
  const double low = std::max(1.0, std::floor(seqs)), share = std::max(0.0, seqs - low);
  return (1 - share) * at(low) + share * at(low + 1);
}

double kv_transfer_s(const RunPlan& plan, double prompt) {
  const Deployment& to = plan.deployment;
  const int gpus = std::min(plan.prefill->context.layout.gpus(), to.context.layout.gpus());
  const double bytes =
      models::kv_bytes_per_token_total(to.context.llm, to.context.kv_precision) * prompt;
  const double link = to.context.operators.communication.internode_gb_per_s * 1e9;
  return bytes / (link * gpus);
}

}  // namespace

double closed_loop_response_s(double service_s, int servers, double think_s,
                              std::int64_t customers) {
  const double queueing = service_s / servers, delay = service_s - queueing;
  double waiting = 0, response = service_s;
  for (std::int64_t n = 1; n <= customers; ++n) {
    response = queueing * (1 + waiting);
    waiting = static_cast<double>(n) * response / (response + delay + think_s);
  }
  return response + delay;
}

Result<Replayed> predict_disaggregated(const RunPlan& plan, const models::EngineProfile& profile,
                                       const models::Machine& machine) {
  EPH_ASSERT(plan.prefill.has_value(), "row {} has no prefill workers", plan.row);
  const Pool prefill = pool_of(plan, *plan.prefill, profile, machine);
  const Pool decode = pool_of(plan, plan.deployment, profile, machine);
  const double mean_share =
      0.5 * (1 + plan.load.shortest_share);  // lengths uniform down to that share
  const double prompt = mean_share * static_cast<double>(plan.load.isl);
  const double output = mean_share * static_cast<double>(plan.load.osl);
  models::BatchShape one;
  one.add_chunk(static_cast<std::int64_t>(prompt), 0, true);
  const double service = prefill.step.seconds(one);
  const models::FrontEnd& f = prefill.front;
  const double beside = f.client_in_s + f.jitter_mean_s + f.request_s + f.prompt_token_s * prompt +
                        f.output_token_s + f.client_out_s + kv_transfer_s(plan, prompt);
  const auto in_flight = static_cast<double>(plan.load.cap);
  double tpot = 0, ttft = 0, decoding = in_flight;
  for (int round = 0; round < kRounds; ++round) {
    tpot = decode_step_s(decode.step, decoding / plan.replicas, prompt + 0.5 * output);
    const double decode_s = tpot * std::max(0.0, output - 1);
    // The first decode step is part of the time to the first token that a client sees.
    ttft = closed_loop_response_s(service, plan.prefill_workers, decode_s + beside, plan.load.cap) +
           beside + tpot;
    decoding = 0.5 * (decoding + in_flight * decode_s / (decode_s + ttft));
  }
  Replayed out;
  out.counted = static_cast<std::size_t>(plan.load.cap);
  out.figures[Figure::mean_ttft] = 1e3 * ttft;
  out.figures[Figure::mean_tpot] = 1e3 * tpot;
  return out;
}

namespace {

// Nodes of 8 GPUs, each with a card of its own.
Result<models::Cluster> cluster_of(double nic_bytes_per_s, int gpus) {
  models::ClusterSpec spec;
  spec.name = "constants";
  spec.scale_up_bytes_per_s = spec.pcie_bytes_per_s = 100 * nic_bytes_per_s;
  spec.nics_per_node = spec.gpus_per_node;
  spec.nic_bytes_per_s = nic_bytes_per_s;
  spec.rail_optimised = true;
  return models::Cluster::build(spec, (gpus + spec.gpus_per_node - 1) / spec.gpus_per_node);
}

int whole_nodes(int workers, int gpus) { return (workers * gpus + 7) / 8 * 8 + 8; }

Result<sim::ReplicaConfig> replica_of(const RunPlan& plan, const Deployment& d, const Pool& pool) {
  sim::ReplicaConfig out;
  out.engine = plan.engine;
  out.engine.max_num_seqs = std::max(out.engine.max_num_seqs, plan.load.cap);
  const auto kv =
      models::kv_pool(d.engine, d.context.gpu, d.context.llm, d.context.layout, plan.kv);
  if (!kv) return kv.error();
  out.kv = *kv;
  out.kv.blocks *= d.context.layout.attention_data;
  out.kv.usable_blocks *= d.context.layout.attention_data;
  out.step = &pool.step;
  out.front_end = pool.front;
  return out;
}

}  // namespace

Result<Replayed> simulate_disaggregated(const RunPlan& plan, const models::EngineProfile& profile,
                                        const models::Machine& machine, std::uint64_t seed) {
  EPH_ASSERT(plan.prefill.has_value(), "row {} has no prefill workers", plan.row);
  const Pool prefill = pool_of(plan, *plan.prefill, profile, machine);
  const Pool decode = pool_of(plan, plan.deployment, profile, machine);
  sim::SimulationConfig config;
  auto decodes = replica_of(plan, plan.deployment, decode);
  if (!decodes) return decodes.error();
  auto prefills = replica_of(plan, *plan.prefill, prefill);
  if (!prefills) return prefills.error();
  config.replica = *decodes;
  config.replicas = plan.replicas;
  config.gpus = plan.deployment.context.layout.gpus();
  config.seed = seed;
  sim::FurtherPool further;
  further.pool.replica = *prefills;
  further.pool.replicas = plan.prefill_workers;
  further.pool.gpus = plan.prefill->context.layout.gpus();
  sim::Disaggregation how;
  const bool sglang = plan.engine.kind == models::EngineKind::sglang;
  how.flow = sglang ? sim::Disaggregation::Flow::push : sim::Disaggregation::Flow::pull;
  how.first_from_prefill = sglang;
  how.llm = plan.deployment.context.llm;
  how.kv_precision = plan.deployment.context.kv_precision;
  how.decode_layout = plan.deployment.context.layout;
  how.prefill_gpu = whole_nodes(plan.replicas, config.gpus);
  const double link = plan.deployment.context.operators.communication.internode_gb_per_s * 1e9;
  auto cluster =
      cluster_of(link, how.prefill_gpu + whole_nodes(plan.prefill_workers, further.pool.gpus));
  if (!cluster) return cluster.error();
  how.cluster = std::make_shared<const models::Cluster>(std::move(*cluster));
  config.further.push_back(std::move(further));
  config.disaggregation = std::move(how);
  ToolLoad load(plan.load, seed);
  RecordSink sink;
  sim::RunOptions options;
  options.sink = &sink;
  const auto summary = sim::Simulation(config).run(load, options);
  if (!summary) return summary.error();
  if (summary->counts.rejected > 0)
    return infeasible_error(
        fmt::format("{} requests do not fit into the KV cache", summary->counts.rejected));
  Replayed out;
  out.figures = figures_of(plan, sink.records(), out.counted);
  out.steps = summary->counts.steps;
  return out;
}

}  // namespace eph::calibration
