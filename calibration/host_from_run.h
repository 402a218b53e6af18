#pragma once
// The speed of a host that no fit has seen, from one number that its owner can measure.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "calibration/engine_fit.h"

namespace eph::calibration {

struct HostFromRun {
  std::string host;     // as RunPlan::host
  std::size_t row = 0;  // the run that was looked at
  double speed = 1;     // how many times as long host work takes
};

// For each host of `held` rows whose speed `fit` does not know: takes one synchronous run (of the
// smallest model, for it shows the host most; with a prompt above 512 tokens where there is one,
// for that is computed eagerly; first in the table) and finds the speed at which its median TTFT is
// predicted as it was measured, within 0.25 to 4. Hosts without such a run are left out. In byte
// order of the hosts.
[[nodiscard]] std::vector<HostFromRun> hosts_from_one_run(const std::vector<DataRow>& rows,
                                                          std::span<const std::size_t> held,
                                                          const EngineFit& fit, std::uint64_t seed);

// The fit with these hosts' speeds known.
[[nodiscard]] EngineFit with_hosts(EngineFit fit, const std::vector<HostFromRun>& hosts);

}  // namespace eph::calibration
