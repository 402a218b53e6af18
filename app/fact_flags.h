#pragma once
// Flags that say of a measured run what its file does not.
#include "app/arguments.h"
#include "calibration/run_facts.h"

namespace eph::app {

// `selects`: --engine and --gpu are the command's own options and pick rows by them.
[[nodiscard]] OptionGroup fact_options(bool selects = false);
// Whether any of them was given, --engine and --gpu left aside when they select.
[[nodiscard]] Result<calibration::RunFacts> read_facts(const Arguments& arguments,
                                                       bool selects = false);
// The flags as they were given, for the record of a command.
[[nodiscard]] std::string facts_text(const Arguments& arguments, bool selects = false);

}  // namespace eph::app
