#pragma once
// Settings of an autoscaler that its other settings leave without effect.
#include <set>
#include <string_view>

#include "core/result.h"
#include "sim/autoscale/options.h"

namespace eph::scenario {

using SettingNames = std::set<std::string_view>;  // as autoscale_settings has them

// A usage error if one of those `given` does nothing beside what `options` say.
[[nodiscard]] Result<void> check_effect(const sim::AutoscalerOptions& options,
                                        const SettingNames& given);

}  // namespace eph::scenario
