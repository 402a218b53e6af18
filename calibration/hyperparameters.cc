#include "calibration/hyperparameters.h"

namespace eph::calibration {
namespace {

constexpr double kSmallModel = 1e9;  // parameters

}  // namespace

// Chosen by held-out errors of the linearised problem (random curves, one tensor parallelism, one
// model and one machine out), before any of the figures in docs/VALIDATION.md was computed; a few
// dozen numbers against some hundred rows each. Those of offline throughput were chosen by the
// split that the document reports.
HyperParameters hyper_parameters(models::EngineKind engine, std::string_view family) {
  HyperParameters h;
  switch (engine) {
    case models::EngineKind::trtllm:
      if (family == models::kOfflineFamily) {
        h.engine = 0.7, h.model = 0.15, h.deployment = 0.1, h.kv_reserve = 0.5, h.host = 0.01;
        h.decode_engine = 0, h.decode_model = 0, h.prefill_engine = 0, h.prefill_model = 0;
        h.noise_rate = 0.06;
        break;
      }
      h.engine = 0.12, h.model = 0.7, h.deployment = 0.15, h.kv_reserve = 1;
      h.decode_engine = 0.08, h.decode_model = 0.06, h.prefill_engine = 0.12,
      h.prefill_model = 0.05;
      h.first_engine = 0.1, h.first_model = 0.25;
      h.decode_seqs = 3, h.decode_context = 1, h.decode_tensor = 8;
      h.prefill_tokens = 1, h.prefill_tensor = 1.5;
      h.first_concurrency = 1.4, h.first_prompt = 1.2, h.first_output = 1.4, h.first_tensor = 5;
      h.noise_tpot = 0.02, h.noise_ttft = 0.04;
      break;
    case models::EngineKind::sglang:
      h.engine = 0.05, h.model = 0.05, h.deployment = 0.17, h.kv_reserve = 0.3;
      h.decode_engine = 0.12, h.decode_model = 0.11, h.prefill_engine = 0.3, h.prefill_model = 0.08;
      h.first_engine = 0.3, h.first_model = 0.3;
      h.decode_seqs = 2.9, h.decode_context = 1, h.decode_tensor = 16;
      h.prefill_tokens = 1, h.prefill_tensor = 0.3;
      h.first_concurrency = 5, h.first_prompt = 8, h.first_output = 1.25, h.first_tensor = 2.6;
      h.noise_tpot = 0.02, h.noise_ttft = 0.05;
      break;
    case models::EngineKind::vllm:
      if (family == "old") {
        h.engine = 0.65, h.model = 0.27, h.deployment = 0.02, h.kv_reserve = 3, h.host = 1;
        h.decode_engine = 0.23, h.decode_model = 0.08, h.prefill_engine = 0.06,
        h.prefill_model = 0.01;
        h.first_engine = 0.01, h.first_model = 0.29;
        h.decode_seqs = 2.4, h.decode_context = 1, h.decode_tensor = 2;
        h.prefill_tokens = 2.9, h.prefill_tensor = 0.8;
        h.first_concurrency = 5.5, h.first_prompt = 20, h.first_output = 11, h.first_tensor = 9;
        h.noise_tpot = 0.01, h.noise_ttft = 0.04;
      } else {
        h.engine = 0.2, h.model = 0.3, h.deployment = 0.5, h.kv_reserve = 0.2, h.host = 0.9;
        h.decode_engine = 0.01, h.decode_model = 0.055, h.prefill_engine = 0.01,
        h.prefill_model = 0.15;
        h.decode_seqs = 6, h.decode_context = 3.5, h.decode_tensor = 16;
        h.prefill_tokens = 0.8, h.prefill_tensor = 0.3;
        h.noise_itl = 0.025, h.noise_p50 = 0.08, h.noise_p95 = 0.15, h.noise_p99 = 0.15,
        h.noise_rate = 0.06;
        h.throughput_ttft = 2;
      }
      break;
    case models::EngineKind::llamacpp:
      break;
  }
  return h;
}

double prior_host_speed(std::string_view host) { return host == "gcp h100-sxm" ? 1.35 : 1.0; }

bool is_small_model(const models::LlmSpec& llm) {
  return static_cast<double>(models::count_parameters(llm).total) < kSmallModel;
}

bool is_reference_host(std::string_view host) { return host == "upcloud h100-sxm"; }

double noise_sd(const HyperParameters& h, const RunPlan& plan, Figure figure) {
  const bool waves = plan.protocol == Protocol::throughput;
  const bool saturated = plan.protocol == Protocol::constant && !plan.left_out.empty();
  double sd = 0;
  bool ttft = true;
  switch (figure) {
    case Figure::mean_ttft:
      sd = h.noise_ttft;
      break;
    case Figure::ttft_p50:
      sd = h.noise_p50;
      break;
    case Figure::ttft_p95:
      sd = h.noise_p95;
      break;
    case Figure::ttft_p99:
      sd = h.noise_p99;
      break;
    case Figure::mean_tpot:
      sd = h.noise_tpot, ttft = false;
      break;
    case Figure::max_output_tps:
    case Figure::achieved_rps:
      sd = h.noise_rate, ttft = false;
      break;
    case Figure::e2e_p50:
      sd = 1.5 * h.noise_itl, ttft = false;
      break;
    default:
      sd = h.noise_itl, ttft = false;
      break;
  }
  const bool small = is_small_model(plan.deployment.context.llm);
  return sd * (waves && ttft ? h.throughput_ttft : 1) * (saturated ? h.saturated : 1) *
         (small ? h.small_model : 1);
}

}  // namespace eph::calibration
