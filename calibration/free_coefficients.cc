#include "calibration/free_coefficients.h"

#include <algorithm>
#include <array>

namespace eph::calibration {
namespace {

using C = models::Coefficient;

// GPU terms that every engine's operating points identify together.
constexpr std::array kGpuTerms{C::gemm_scale,
                               C::gemm_prefill_extra,
                               C::fp8_extra,
                               C::fp8_block_extra,
                               C::fp4_extra,
                               C::moe_scale,
                               C::allreduce_scale,
                               C::elementwise_scale,
                               C::decode_attention_scale,
                               C::prefill_attention_scale,
                               C::layer_overhead,
                               C::step_overhead,
                               C::seq_overhead,
                               C::prefill_token_overhead,
                               C::prefill_step_overhead,
                               C::kv_reserve};

// Host and front-end terms: only load-test percentiles (vLLM's GuideLLM sweeps) tell them apart.
constexpr std::array kHostTerms{C::host_step,
                                C::host_seq,
                                C::host_tp,
                                C::host_layer_graph,
                                C::host_layer_eager,
                                C::host_tp_extra,
                                C::host_launch_jitter,
                                C::host_results,
                                C::client_in,
                                C::client_out,
                                C::client_token,
                                C::client_jitter,
                                C::server_request,
                                C::server_prompt_token,
                                C::server_output_token};

// Mean TTFT of a closed loop holds the constant and the per-token part of the front end, and the
// launches of eager prompt steps.
constexpr std::array kFrontTerms{C::client_in, C::server_request, C::server_prompt_token,
                                 C::host_layer_graph, C::host_layer_eager};

// Of an offline run, in process: with thousands of sequences the work per sequence counts on either
// side.
constexpr std::array kOfflineHostTerms{C::layer_seq_overhead, C::host_step, C::host_seq,
                                       C::host_layer_eager};

// ms; these engines' rows hold a client and a front end that nothing else describes.
constexpr double kUnseenFrontSd = 30;

// The front end's work is the same for every model, what it waits for is not.
constexpr std::array kPerModel{C::gemm_scale,
                               C::gemm_prefill_extra,
                               C::fp8_extra,
                               C::fp8_block_extra,
                               C::fp4_extra,
                               C::moe_scale,
                               C::allreduce_scale,
                               C::elementwise_scale,
                               C::decode_attention_scale,
                               C::prefill_attention_scale,
                               C::layer_overhead,
                               C::step_overhead,
                               C::seq_overhead,
                               C::layer_seq_overhead,
                               C::prefill_token_overhead,
                               C::prefill_step_overhead,
                               C::host_step,
                               C::host_seq,
                               C::host_layer_graph,
                               C::host_layer_eager,
                               C::client_in,
                               C::kv_reserve};

FreeCoefficient make(C coefficient) {
  FreeCoefficient out;
  out.coefficient = coefficient;
  out.prior_sd = models::coefficient_info(coefficient).prior_sd;
  out.per_model = std::find(kPerModel.begin(), kPerModel.end(), coefficient) != kPerModel.end();
  return out;
}

}  // namespace

models::CoefficientValues engine_start(models::EngineKind engine, std::string_view family) {
  models::CoefficientValues start = models::start_values(engine);
  // GB that KV-bound H100 rows asked for (data/engines has the sources).
  double& reserve = start[static_cast<std::size_t>(C::kv_reserve)];
  reserve = engine == models::EngineKind::sglang   ? 4.0
            : engine == models::EngineKind::trtllm ? 5.0
                                                   : 3.0;
  if (family == models::kOfflineFamily) {
    // Nothing is streamed, and what a sequence costs goes with the layers: of rounded values, those
    // between which the offline tables of either version lie.
    start[static_cast<std::size_t>(C::seq_overhead)] = 5;
    start[static_cast<std::size_t>(C::layer_seq_overhead)] = 0.1;
  }
  return start;
}

std::vector<FreeCoefficient> free_coefficients(models::EngineKind engine, std::string_view family) {
  std::vector<FreeCoefficient> out;
  const auto widen = [&](C c, double prior_sd) {
    for (FreeCoefficient& f : out) {
      if (f.coefficient == c) f.prior_sd = prior_sd;
    }
  };
  const auto add = [&](const auto& list) {
    for (const C c : list) out.push_back(make(c));
  };
  const auto drop = [&](C c) {
    std::erase_if(out, [c](const FreeCoefficient& f) { return f.coefficient == c; });
  };
  add(kGpuTerms);
  switch (engine) {
    case models::EngineKind::vllm:
      add(kHostTerms);
      break;
    case models::EngineKind::trtllm:
      if (family == models::kOfflineFamily) {
        add(kOfflineHostTerms);
        drop(C::fp4_extra);
        break;
      }
      add(kFrontTerms);
      drop(C::fp4_extra);  // its only FP4 rows follow an unknown protocol
      widen(C::client_in, kUnseenFrontSd);
      break;
    case models::EngineKind::sglang:
      add(kFrontTerms);
      // 40 rows of one dense 16-bit model.
      for (const C c : {C::fp8_extra, C::fp8_block_extra, C::fp4_extra, C::moe_scale}) drop(c);
      widen(C::client_in, kUnseenFrontSd);
      break;
    case models::EngineKind::llamacpp:
      break;
  }
  return out;
}

}  // namespace eph::calibration
