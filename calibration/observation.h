#pragma once
#include <cstddef>

#include "calibration/measured_run.h"

namespace eph::calibration {

// One measured figure of one row of a dataset.
struct Observation {
  std::size_t row = 0;
  Figure figure = Figure::mean_tpot;
  double log_measured = 0, noise_sd = 0.05;  // noise: of log(measured / truth), assumed
};

}  // namespace eph::calibration
