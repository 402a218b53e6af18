#include "calibration/free_coefficients.h"

#include <algorithm>

#include "calibration/relevance.h"

namespace eph::calibration {
namespace {

using C = models::Coefficient;

// GPU terms that every engine's operating points identify together.
constexpr std::array kGpuTerms{
    C::gemm_scale,        C::gemm_prefill_extra,      C::fp8_extra,
    C::fp8_block_extra,   C::fp4_extra,               C::moe_scale,
    C::allreduce_scale,   C::elementwise_scale,       C::decode_attention_scale,
    C::prefill_attention_scale, C::layer_overhead,    C::step_overhead,
    C::seq_overhead,      C::prefill_token_overhead,  C::prefill_step_overhead,
    C::kv_reserve};

// Host and front-end terms: only load-test percentiles (vLLM's GuideLLM sweeps) tell them apart.
constexpr std::array kHostTerms{
    C::host_step,       C::host_seq,         C::host_tp,      C::host_layer_graph,
    C::host_layer_eager, C::host_tp_extra,   C::host_launch_jitter, C::host_results,
    C::client_in,       C::client_out,       C::client_token, C::client_jitter,
    C::server_request,  C::server_prompt_token, C::server_output_token};

// Mean TTFT of a closed loop holds the constant and the per-token part of the front end, and the launches
// of eager prompt steps.
constexpr std::array kFrontTerms{C::client_in, C::server_request, C::server_prompt_token,
                                 C::host_layer_graph, C::host_layer_eager};

// Left to the model: GPU terms and host work per layer. The front end is the same for every model.
constexpr std::array kCorrected{
    C::gemm_scale,     C::gemm_prefill_extra, C::moe_scale,       C::allreduce_scale,
    C::decode_attention_scale, C::prefill_attention_scale, C::layer_overhead, C::step_overhead,
    C::seq_overhead,   C::prefill_step_overhead, C::host_layer_graph, C::host_layer_eager,
    C::kv_reserve};
constexpr double kCorrectionSd = 0.2;  // of the logarithm

FreeCoefficient make(C coefficient, const models::CoefficientValues& start) {
  const models::CoefficientInfo& info = models::coefficient_info(coefficient);
  FreeCoefficient out;
  out.coefficient = coefficient;
  out.prior = start[static_cast<std::size_t>(coefficient)];
  out.prior_sd = info.prior_sd;
  out.lower = info.lower;
  out.upper = info.upper;
  out.logarithmic = info.unit == "1" && info.lower > 0;
  return out;
}

}  // namespace

models::CoefficientValues engine_start(models::EngineKind engine) {
  models::CoefficientValues start = models::start_values(engine);
  // GB that KV-bound H100 rows asked for (data/engines has the sources).
  double& reserve = start[static_cast<std::size_t>(C::kv_reserve)];
  reserve = engine == models::EngineKind::sglang ? 4.0 : engine == models::EngineKind::trtllm ? 5.0 : 3.0;
  return start;
}

std::vector<FreeCoefficient> free_coefficients(models::EngineKind engine) {
  const models::CoefficientValues start = engine_start(engine);
  std::vector<FreeCoefficient> out;
  const auto add = [&](const auto& list) {
    for (const C c : list) out.push_back(make(c, start));
  };
  const auto drop = [&](C c) {
    std::erase_if(out, [c](const FreeCoefficient& f) { return f.coefficient == c; });
  };
  add(kGpuTerms);
  switch (engine) {
    case models::EngineKind::vllm: add(kHostTerms); break;
    case models::EngineKind::trtllm:
      add(kFrontTerms);
      drop(C::fp4_extra);  // its only FP4 rows follow an unknown protocol
      break;
    case models::EngineKind::sglang:
      add(kFrontTerms);
      // 40 rows of one dense 16-bit model.
      for (const C c : {C::fp8_extra, C::fp8_block_extra, C::fp4_extra, C::moe_scale}) drop(c);
      break;
    case models::EngineKind::llamacpp: break;
  }
  return out;
}

std::vector<FreeCoefficient> correction_coefficients(models::EngineKind engine,
                                                     const models::CoefficientValues& around,
                                                     const models::StepContext& context) {
  std::vector<FreeCoefficient> out;
  for (const FreeCoefficient& wide : free_coefficients(engine)) {
    const auto is_it = [&](const auto& list) {
      return std::find(list.begin(), list.end(), wide.coefficient) != list.end();
    };
    if (!is_it(kCorrected) || !is_relevant(wide.coefficient, context)) continue;
    FreeCoefficient free = wide;
    free.prior = around[static_cast<std::size_t>(wide.coefficient)];
    if (free.logarithmic) {
      free.prior_sd = kCorrectionSd;
    } else {
      free.prior_sd = std::max(kCorrectionSd * free.prior, 0.5 * wide.prior_sd);
    }
    out.push_back(free);
  }
  return out;
}

}  // namespace eph::calibration
