#include <algorithm>

#include "core/assert.h"
#include "models/profile.h"

namespace eph::models {
namespace {

// Start values: vLLM 0.22 on H100 as fitted on load-test percentiles, put on the scale of the
// operator constants of data/ops (docs/MODEL.md, "Start values and priors"). In the order of
// Coefficient.
constexpr std::array<CoefficientInfo, kCoefficientCount> kTable{{
    // name, unit, to_si, start, lower, upper, prior sd
    {"gemm_scale", "1", 1, 1.0, 0.3, 3, 0.3},
    {"gemm_prefill_extra", "1", 1, 0.2, 0, 2, 0.3},
    {"fp8_extra", "1", 1, 0, -0.6, 2, 0.3},
    {"fp8_block_extra", "1", 1, 0, -0.6, 2, 0.3},
    {"fp4_extra", "1", 1, 0, -0.6, 3, 0.4},
    {"moe_scale", "1", 1, 0.8, 0.2, 3, 0.4},
    {"allreduce_scale", "1", 1, 1.1, 0.2, 4, 0.5},
    {"elementwise_scale", "1", 1, 0.4, 0.1, 4, 0.7},
    {"decode_attention_scale", "1", 1, 0.95, 0.3, 3, 0.3},
    {"prefill_attention_scale", "1", 1, 1.1, 0.3, 4, 0.4},
    {"layer_overhead", "us", 1e-6, 11, 0, 150, 10},
    {"step_overhead", "ms", 1e-3, 0.45, 0, 5, 0.5},
    {"seq_overhead", "us", 1e-6, 12, 0, 200, 20},
    {"layer_seq_overhead", "us", 1e-6, 0, 0, 10, 0.2},
    {"prefill_token_overhead", "us", 1e-6, 0, 0, 20, 0.5},
    {"prefill_step_overhead", "ms", 1e-3, 0.1, 0, 10, 1},
    {"host_step", "ms", 1e-3, 1.15, 0, 20, 0.4},
    {"host_seq", "us", 1e-6, 8, 0, 200, 5},
    {"host_tp", "ms", 1e-3, 0.02, 0, 5, 0.1},
    {"host_layer_graph", "us", 1e-6, 50, 0, 500, 20},
    {"host_layer_eager", "us", 1e-6, 200, 0, 1000, 60},
    {"host_tp_extra", "1", 1, 0.33, 0, 2, 0.15},
    {"host_prefill_token", "us", 1e-6, 1, 0, 20, 0.5},
    {"host_launch_jitter", "1", 1, 0.075, 0, 1, 0.05},
    {"host_results", "1", 1, 0.4, 0, 0.9, 0.15},
    {"client_in", "ms", 1e-3, 1.2, 0, 500, 0.7},
    {"client_out", "ms", 1e-3, 2.5, 0, 20, 1},
    {"client_token", "us", 1e-6, 40, 0, 500, 20},
    {"client_jitter", "ms", 1e-3, 0.63, 0, 10, 0.4},
    {"server_request", "ms", 1e-3, 0.66, 0, 10, 0.2},
    {"server_prompt_token", "us", 1e-6, 1.4, 0, 20, 0.5},
    {"server_output_token", "us", 1e-6, 37, 0, 500, 7},
    {"kv_reserve", "GB", 1e9, 2.5, 0, 20, 2},
}};

constexpr bool all_named() {
  return std::all_of(kTable.begin(), kTable.end(),
                     [](const CoefficientInfo& c) { return !c.name.empty(); });
}
static_assert(all_named(), "a coefficient has no row");

}  // namespace

const CoefficientInfo& coefficient_info(Coefficient c) {
  const auto i = static_cast<std::size_t>(c);
  EPH_ASSERT(i < kTable.size(), "coefficient {} of {}", i, kTable.size());
  return kTable[i];
}

std::optional<Coefficient> parse_coefficient(std::string_view name) {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].name == name) return static_cast<Coefficient>(i);
  }
  return std::nullopt;
}

CoefficientValues start_values() {
  CoefficientValues values{};
  for (std::size_t i = 0; i < kTable.size(); ++i) values[i] = kTable[i].start;
  return values;
}

// Engine-wide fits of the other engines (docs/MODEL.md, "Start values and priors"): their steps
// carry the host's share as a constant, and their rows are seen without an API server.
CoefficientValues start_values(EngineKind engine) {
  CoefficientValues v = start_values();
  const auto set = [&](Coefficient c, double value) { v[static_cast<std::size_t>(c)] = value; };
  switch (engine) {
    case EngineKind::vllm:
    case EngineKind::llamacpp:
      break;
    case EngineKind::sglang:
      set(Coefficient::gemm_scale, 0.97);
      set(Coefficient::layer_overhead, 11);
      set(Coefficient::step_overhead, 1.3);
      set(Coefficient::seq_overhead, 10);
      break;
    case EngineKind::trtllm:
      set(Coefficient::gemm_scale, 0.84);
      set(Coefficient::layer_overhead, 8);
      set(Coefficient::step_overhead, 1.0);
      set(Coefficient::seq_overhead, 30);
      set(Coefficient::prefill_step_overhead, 2.4);
      break;
  }
  return v;
}

}  // namespace eph::models
