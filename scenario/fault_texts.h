#pragma once
// Times that vary, certain failures and slow replicas, as texts say them.
#include <string>
#include <string_view>

#include "core/result.h"
#include "sim/fleet/options.h"

namespace eph::scenario {

// "30 s", or "30 s / 60 s": median and 95th percentile.
[[nodiscard]] Result<sim::Spread> parse_spread(std::string_view text);

struct PoolOutage {
  std::string pool;    // empty: the first one
  bool lasts = false;  // it says how long
  sim::Outage outage;
};
// "node 0 at 10 min for 5 min", "gpu 3 of prefill at 1 h": node, zone, or gpu of a replica.
[[nodiscard]] Result<PoolOutage> parse_outage(std::string_view text);

struct PoolStraggler {
  std::string pool;  // empty: the first one
  sim::Straggler straggler;
};
// "replica 3 x 1.5 from 10 min to 20 min"; from and to may be left out, "replica 3 of prefill x 2".
[[nodiscard]] Result<PoolStraggler> parse_straggler(std::string_view text);

}  // namespace eph::scenario
