#pragma once
// Settings of the routers that look at prompts, by the names that the originals use.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sim/config.h"

namespace eph::scenario {

struct RouterSetting {
  sim::RouterKind router;
  std::string_view name;
  std::string fallback;  // the default as text
  std::string_view help;
};
[[nodiscard]] std::vector<RouterSetting> router_settings();

// Puts "name=value" settings of `router` into `out`. Errors name the setting and what is
// understood.
[[nodiscard]] Result<void> apply_router_settings(sim::RouterKind router,
                                                 std::span<const std::string> settings,
                                                 sim::RoutingOptions& out);

}  // namespace eph::scenario
