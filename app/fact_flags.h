#pragma once
// Flags that say of a measured run what its file does not.
#include "app/arguments.h"
#include "calibration/run_facts.h"

namespace eph::app {

// Which flags: all of them, those but --engine and --gpu (the command's own, which pick rows), or
// those but
// --engine, --gpu and --model (which mean more than that in the command).
enum class FactFlags { all, selecting, others };
[[nodiscard]] OptionGroup fact_options(FactFlags flags = FactFlags::all);
// Whether any of them was given, --engine and --gpu left aside when they select.
[[nodiscard]] Result<calibration::RunFacts> read_facts(const Arguments& arguments,
                                                       bool selects = false);
// The flags as they were given, for the record of a command.
[[nodiscard]] std::string facts_text(const Arguments& arguments, bool selects = false);

}  // namespace eph::app
