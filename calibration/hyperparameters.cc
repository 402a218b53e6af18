#include "calibration/hyperparameters.h"

namespace eph::calibration {

HyperParameters hyper_parameters(models::EngineKind engine) {
  HyperParameters h;
  switch (engine) {
    case models::EngineKind::trtllm:
      h.engine = 0.135, h.model = 0.6, h.deployment = 0.2, h.kv_reserve = 0.75;
      h.decode_engine = 0.08, h.decode_model = 0.04, h.prefill_engine = 0.08, h.prefill_model = 0.05;
      h.first_engine = 0.05, h.first_model = 0.19;
      h.decode_seqs = 2.8, h.decode_context = 1, h.decode_tensor = 6;
      h.prefill_tokens = 0.6, h.prefill_tensor = 0.5;
      h.first_concurrency = 1.7, h.first_prompt = 1.5, h.first_output = 1.7, h.first_tensor = 8;
      h.noise_tpot = 0.02, h.noise_ttft = 0.03;
      break;
    case models::EngineKind::sglang:
    case models::EngineKind::vllm:
    case models::EngineKind::llamacpp: break;
  }
  return h;
}

double prior_host_speed(std::string_view host) { return host == "gcp h100-sxm" ? 1.35 : 1.0; }

bool is_reference_host(std::string_view host) { return host == "upcloud h100-sxm"; }

double noise_sd(const HyperParameters& h, const RunPlan& plan, Figure figure) {
  const bool waves = plan.protocol == Protocol::throughput;
  const bool saturated = plan.protocol == Protocol::constant && !plan.left_out.empty();
  double sd = 0;
  bool ttft = true;
  switch (figure) {
    case Figure::mean_ttft: sd = h.noise_ttft; break;
    case Figure::ttft_p50: sd = h.noise_p50; break;
    case Figure::ttft_p95: sd = h.noise_p95; break;
    case Figure::ttft_p99: sd = h.noise_p99; break;
    case Figure::mean_tpot: sd = h.noise_tpot, ttft = false; break;
    case Figure::achieved_rps: sd = h.noise_rate, ttft = false; break;
    case Figure::e2e_p50: sd = 1.5 * h.noise_itl, ttft = false; break;
    default: sd = h.noise_itl, ttft = false; break;
  }
  return sd * (waves && ttft ? h.throughput_ttft : 1) * (saturated ? h.saturated : 1);
}

}  // namespace eph::calibration
