#pragma once
// What the command line says about the run of a request log.
#include <vector>

#include "app/arguments.h"
#include "calibration/request_log.h"

namespace eph::app {

// --model, --tp, --dp, --engine-version and the engine's limits; not --engine and --gpu, which
// commands describe in their own words but log_facts() reads too.
[[nodiscard]] std::vector<OptionSpec> log_fact_options();
[[nodiscard]] Result<calibration::LogFacts> log_facts(const Arguments& arguments);
// Of the options of log_fact_options(), the first that was given; empty: none.
[[nodiscard]] std::string given_log_fact(const Arguments& arguments);

}  // namespace eph::app
