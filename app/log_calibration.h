#pragma once
// ephemeris calibrate --log: a compact profile from a request log alone.
#include "app/arguments.h"

namespace eph::app {

int run_log_calibration(const Arguments& arguments);

}  // namespace eph::app
