#pragma once
// Fits what a machine changes about an engine's coefficients: the factors of its GPU and one host
// factor per kind of host (MODEL eq. 19).
#include <cstdint>
#include <string>
#include <vector>

#include "calibration/dataset.h"
#include "models/profile.h"

namespace eph::calibration {

// Factors of one GPU; the rows may come from several kinds of host ("gcp l4", "upcloud l4").
struct MachineFit {
  models::Machine machine;               // its host speed: of a host that was not in the fit
  std::vector<models::HostSpeed> hosts;  // in the order of their names
  double cost = 0;                       // mean weighted loss of a figure
  std::size_t rows = 0;
  std::size_t failed = 0;  // of the rows: cannot be simulated with these factors

  // Of a host that was not in the fit: the geometric mean of those that were.
  [[nodiscard]] double host_speed(const std::string& host = "") const;
  [[nodiscard]] models::Machine on(const std::string& host) const;
};

struct MachineFitOptions {
  bool gpu = true;  // false: the GPU's factors stay at those of `start`
  models::Machine start;
  int threads = 0;  // 0: as many as the machine has
  std::uint64_t seed = 1;
};

// Minimises the pseudo-Huber loss of log(predicted / measured) over the logarithms of the factors,
// with weak priors around 1. `rows` must not be empty; uses their fit_plan.
[[nodiscard]] MachineFit fit_machine(const std::vector<const DataRow*>& rows,
                                     const models::EngineProfile& profile,
                                     const MachineFitOptions& options);

}  // namespace eph::calibration
