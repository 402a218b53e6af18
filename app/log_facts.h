#pragma once
// What the command line says about the run of a request log.
#include <vector>

#include "app/arguments.h"
#include "calibration/request_log.h"

namespace eph::app {

// Settings of a logged engine that fact_options() lacks, in a group with `first`, the command's own
// options for logs.
[[nodiscard]] OptionGroup log_options(std::vector<OptionSpec> first);
// Reads --dp, --block-size and those of fact_options() that a log understands.
[[nodiscard]] Result<calibration::LogFacts> log_facts(const Arguments& arguments);
// What was given of them as on the command line, --engine and --gpu included: " --tp 2".
[[nodiscard]] std::string log_facts_text(const Arguments& arguments);

// An error names a fact of other runs that was given for `what`, a log: "a request log".
[[nodiscard]] Result<void> refuse_other_facts(const Arguments& arguments, const std::string& what);
// An error names an option of `log_group` that was given where there is no log.
[[nodiscard]] Result<void> refuse_log_options(const Arguments& arguments,
                                              const OptionGroup& log_group,
                                              const std::string& remedy);

}  // namespace eph::app
