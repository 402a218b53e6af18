#pragma once
// Which fields of a scenario go together: rules that hold for files and command lines alike.
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "scenario/scenario.h"

namespace eph::scenario {

// Ids of the fields that the user wrote; of further pools "pools/0/tp".
using Given = std::set<std::string, std::less<>>;

// How the user wrote (or would write) a field: "--rate-scale", or "rate_scale" in a file.
using Spelling = std::function<std::string(std::string_view id)>;

struct Conflict {
  std::string id;  // the field that does not fit
  std::string what, remedy;
  // It would only have no effect: where fields are varied it may at other points.
  bool idle = false;
  bool foreign = false;  // it belongs to other engines: of several candidates some may know it
  std::string other{};   // the field that it contradicts, named at the end of `what`
};

// Fields that would have no effect beside the others.
[[nodiscard]] std::vector<Conflict> find_conflicts(const Scenario& scenario, const Given& given,
                                                   const Spelling& spelling);
// What is needed before the scenario can run: a model, one source of requests, its length. `id` is
// the field to add.
[[nodiscard]] std::vector<Conflict> find_missing(const Scenario& scenario, const Given& given,
                                                 const Spelling& spelling);

}  // namespace eph::scenario
