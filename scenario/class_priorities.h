#pragma once
// Priorities of classes: "chat=0", "batch=5".
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"
#include "scenario/check.h"
#include "workload/transforms.h"

namespace eph::scenario {

using ClassPriorities = std::vector<std::pair<std::string, std::int32_t>>;

// Errors: a text that is not CLASS=N, a class given twice.
[[nodiscard]] Result<ClassPriorities> read_class_priorities(const std::vector<std::string>& texts);

// Every request of such a class has its priority, whatever it had.
[[nodiscard]] workload::SourcePtr with_class_priorities(workload::SourcePtr source,
                                                        ClassPriorities priorities);

// Says so of classes that have a priority and none of the requests.
[[nodiscard]] std::vector<std::string> unseen_classes(const std::vector<std::string>& texts,
                                                      std::span<const std::string> seen);

// Its engine is told to look at priorities.
[[nodiscard]] bool by_priority(const DeploymentSpec& spec);

// What is asked of a trace whose header shows that it has no priorities, or no classes. Nothing of
// a file that cannot be read: opening it says why.
[[nodiscard]] std::vector<Conflict> find_unrecorded(const Scenario& scenario, const Given& given);

}  // namespace eph::scenario
