#pragma once
// Several engines, one command line: which of them takes what.
#include <string>
#include <vector>

#include "core/error.h"
#include "scenario/check.h"
#include "scenario/scenario.h"

namespace eph::app {

// An engine option written for one engine alone: --set trtllm:max_num_tokens=4096.
struct AddressedSetting {
  std::string engine;
  scenario::EngineSetting setting;
};
// Takes "ENGINE:" off the name; none: for every engine that knows the option.
[[nodiscard]] AddressedSetting address(scenario::EngineSetting setting);

// Gives each candidate the settings addressed to its engine, in place of those of the same name,
// and its part of "trtllm:tuned,default" as its preset. What is addressed to no candidate is
// returned.
[[nodiscard]] std::vector<Error> deliver(const std::vector<AddressedSetting>& addressed,
                                         std::vector<scenario::DeploymentSpec>& candidates);

struct CandidateFaults {
  std::vector<scenario::Conflict> conflicts;  // `id` is the field, `what` names engines if several
  std::vector<std::string> notes;             // what some engines do not take, and others do
};
// Every conflict of every candidate. What belongs to the engines of other candidates is no
// conflict: it is taken from those that do not know it, with a note. `varied`: candidates of one of
// many points; what is another engine's is a conflict, and taken from them all the same.
[[nodiscard]] CandidateFaults check_candidates(const scenario::Scenario& scenario,
                                               const scenario::Given& given,
                                               const scenario::Spelling& spelling, bool varied,
                                               std::vector<scenario::DeploymentSpec>& candidates);

}  // namespace eph::app
