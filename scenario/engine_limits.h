#pragma once
// What was asked for, else what the engine chooses itself: its options, KV cache and CUDA graphs.
#include <cstdint>
#include <optional>

#include "core/result.h"
#include "models/engine_defaults.h"
#include "models/llm_spec.h"
#include "models/step_profile.h"
#include "scenario/scenario.h"
#include "scenario/speculation.h"
#include "sim/config.h"

namespace eph::scenario {

// Longest prompt + output: what was asked for, else the model's own limit.
[[nodiscard]] std::int64_t model_limit(const DeploymentSpec& spec, const models::LlmSpec& llm);

[[nodiscard]] Result<sim::EngineOptions> engine_options_of(
    models::EngineKind kind, const models::EngineDefaults& defaults, const DeploymentSpec& spec,
    const models::LlmSpec& llm, const std::optional<Speculation>& speculation);

[[nodiscard]] models::KvPoolOptions kv_options(const models::EngineDefaults& defaults,
                                               const DeploymentSpec& spec,
                                               const models::LlmSpec& llm,
                                               const models::StepProfile& profile);

// CUDA graphs cover what the limits allow: with limits set by hand vLLM captures up to another
// size.
[[nodiscard]] std::int64_t graph_tokens(const models::EngineDefaults& defaults,
                                        const EngineTuning& tuning,
                                        const sim::EngineOptions& engine);

}  // namespace eph::scenario
