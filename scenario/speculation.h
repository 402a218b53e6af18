#pragma once
// Speculative decoding as each engine is told about it, and what the simulator is told.
#include <optional>

#include "core/result.h"
#include "models/draft_model.h"
#include "models/engine_kind.h"
#include "models/llm_spec.h"
#include "scenario/scenario.h"
#include "sim/config.h"

namespace eph::scenario {

struct Speculation {
  sim::SpeculationOptions options;
  std::optional<models::Drafting> drafting;  // none: n-grams, which no model proposes
  bool synchronous = false;  // the engine composes a step only when the one before has ended
};

// Nothing when the deployment asks for none. Errors: drafts without a method or acceptance, numbers
// that the engine cannot have together, a model without the layers that would draft.
[[nodiscard]] Result<std::optional<Speculation>> speculation_of(models::EngineKind engine,
                                                                const DeploymentSpec& spec,
                                                                const models::LlmSpec& llm);

}  // namespace eph::scenario
