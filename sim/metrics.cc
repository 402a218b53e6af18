#include "sim/metrics.h"

#include <algorithm>

namespace eph::sim {

const LatencySample& RunSummary::sample(Latency latency) const {
  switch (latency) {
    case Latency::ttft:
      return ttft;
    case Latency::tpot:
      return tpot;
    case Latency::itl:
      return itl;
    case Latency::e2e:
      return e2e;
  }
  EPH_ASSERT(false, "latency {}", static_cast<int>(latency));
  return ttft;
}

const LatencySample& ClassSummary::sample(Latency latency) const {
  EPH_ASSERT(latency != Latency::itl, "gaps between tokens of class {}", name);
  if (latency == Latency::e2e) return e2e;
  return latency == Latency::ttft ? ttft : tpot;
}

bool RunSummary::slos_met() const {
  return std::all_of(slos.begin(), slos.end(),
                     [](const SloOutcome& outcome) { return outcome.met; });
}

}  // namespace eph::sim
