#include "calibration/disaggregated.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"
#include "models/machine.h"

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

}  // namespace eph::calibration
