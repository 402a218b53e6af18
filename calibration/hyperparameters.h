#pragma once
// How far coefficients may differ between engine, model, deployment and host, how smooth the
// residual is, and how noisy measured figures are: what the fit assumes before it sees a row.
#include "calibration/protocol.h"
#include "models/engine_kind.h"

namespace eph::calibration {

struct HyperParameters {
  // Standard deviations as multiples of a coefficient's own (models::CoefficientInfo::prior_sd).
  double engine = 0.3, model = 0.3, deployment = 0.1;
  double kv_reserve = 0.5;  // of one deployment around its model's
  double host = 0.3;        // of a host's log speed
  // Residual factors (logarithms) on decode steps, prompt work and the undocumented part of a
  // closed loop's mean TTFT: of all models together, and of one model on top.
  double decode_engine = 0.05, decode_model = 0.04;
  double prefill_engine = 0.04, prefill_model = 0.05;
  double first_engine = 0.05, first_model = 0.15;
  // Octaves over which a residual stays alike.
  double decode_seqs = 2.5, decode_context = 1, decode_tensor = 4;
  double prefill_tokens = 1, prefill_tensor = 1.5;
  double first_concurrency = 2, first_prompt = 1.5, first_output = 2, first_tensor = 8;
  // Standard deviations of log(measured / truth).
  double noise_tpot = 0.015, noise_ttft = 0.04;  // means of the closed loops
  double noise_itl = 0.015, noise_p50 = 0.04, noise_p95 = 0.06, noise_p99 = 0.1;  // of the sweeps
  double noise_rate = 0.015;
  double throughput_ttft = 4;  // factor on TTFT percentiles of lockstep waves
  double saturated = 4;        // on an open loop above 90 % of capacity
  // On models below 1B: the host decides everything there, and differs by tens of percent where it
  // is full.
  double small_model = 4;
  double robust = 1;  // residuals beyond this many deviations count less (pseudo-Huber)
};

// `family`: models::version_family.
[[nodiscard]] HyperParameters hyper_parameters(models::EngineKind engine, std::string_view family);
// Host-speed factor of a machine type before any of its rows is seen: 1, but 1.35 for Google
// Cloud's H100 machines, whose engine work was published as 1.37 times that of the others
// (PERCENTILES section 2).
[[nodiscard]] double prior_host_speed(std::string_view host);
// The machines that the host terms' priors come from: they run at 1 and define it.
[[nodiscard]] bool is_reference_host(std::string_view host);
// Below 1B parameters.
[[nodiscard]] bool is_small_model(const models::LlmSpec& llm);
[[nodiscard]] double noise_sd(const HyperParameters& hyper, const RunPlan& plan, Figure figure);

}  // namespace eph::calibration
