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

bool RunSummary::slos_met() const {
  return std::all_of(slos.begin(), slos.end(),
                     [](const SloOutcome& outcome) { return outcome.met; });
}

}  // namespace eph::sim
