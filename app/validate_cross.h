#pragma once
// The parts of `ephemeris validate` that refit without what they predict, and that write the
// report.
#include "app/arguments.h"

namespace eph::app {

// Options of the two ways, as groups of the command's help.
[[nodiscard]] OptionGroup cross_options();
// Options that mean something with --cross and with --runs.
[[nodiscard]] OptionGroup shared_options();
[[nodiscard]] OptionGroup report_options();

// Error: an option of another way of using `validate` than the one that the arguments choose.
[[nodiscard]] Result<void> check_validate_options(const Arguments& arguments);

int run_cross(const Arguments& arguments);   // --cross SCHEME --data FOLDER
int run_report(const Arguments& arguments);  // --report FILE --from FOLDER

}  // namespace eph::app
