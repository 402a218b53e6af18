#pragma once
// Autoscalers by name, and their settings by the names that their own documentation uses.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sim/autoscale/options.h"

namespace eph::scenario {

struct AutoscaleSetting {
  std::string_view name;      // "stabilization_down"
  std::string_view argument;  // "N", "TIME", ...
  std::string fallback;       // the default as text
  std::string_view help;      // one clause
};

// fixed, scheduled, hpa, keda, knative, ray-serve, serverless, dynamo.
[[nodiscard]] std::span<const std::string> autoscale_policies();
// Of one policy, common ones (metrics' delay) last, if it looks at any. Requires a name of the list
// above.
[[nodiscard]] std::vector<AutoscaleSetting> autoscale_settings(std::string_view policy);

// `settings` are "name=value"; names in any of the spellings minReplicas, min-replicas,
// min_replicas. Times are seconds or have a unit. Errors name the setting and what is understood.
[[nodiscard]] Result<sim::AutoscalerOptions> parse_autoscaler(
    std::string_view policy, std::span<const std::string> settings);

// The name that the list above has for what a "name=value" sets; empty when there is none.
[[nodiscard]] std::string autoscale_setting_name(std::string_view policy, std::string_view setting);

}  // namespace eph::scenario
