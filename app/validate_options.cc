// Which options go together: `validate` predicts with profiles (--runs), refits (--cross) or writes
// the report (--report), and an option of another way would be ignored.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "app/commands.h"
#include "app/validate_cross.h"
#include "calibration/folds.h"

namespace eph::app {
namespace {

constexpr std::string_view kRuns = "runs", kCross = "cross", kReport = "report";

// The ways an option has an effect on, by the group of the help that it stands in: the groups below
// belong to one way, where and how fast results come to both that compute, all others to --runs.
std::vector<std::string_view> ways_of(const OptionGroup& group, std::string_view option) {
  if (group.title == cross_options().title) return {kCross};
  if (group.title == report_options().title) return {kReport};
  const bool shared = group.title == shared_options().title || option == "out" ||
                      option == "seed" || group.title == "output" || group.title == "execution";
  if (shared) return {kRuns, kCross};
  return {kRuns};
}

Result<std::string_view> chosen_way(const Arguments& arguments) {
  std::vector<std::string_view> chosen;
  for (const std::string_view way : {kCross, kReport, kRuns}) {
    if (arguments.has(way)) chosen.push_back(way);
  }
  if (chosen.size() > 1) {
    return usage_error(fmt::format("--{} and --{} are different questions", chosen[0], chosen[1]),
                       "leave out one of the two");
  }
  if (chosen.size() == 1) return chosen.front();
  if (arguments.has("data")) {
    return usage_error(
        "--data without --cross",
        fmt::format("add --cross with one of {}", fmt::join(calibration::scheme_names(), ", ")));
  }
  return usage_error("validate needs measured runs",
                     "give --runs FILE, or --cross SCHEME --data FOLDER");
}

}  // namespace

Result<void> check_validate_options(const Arguments& arguments) {
  const auto chosen = chosen_way(arguments);
  if (!chosen) return chosen.error();
  for (const OptionGroup& group : validate_spec().groups) {
    for (const OptionSpec& option : group.options) {
      const auto ways = ways_of(group, option.name);
      const bool has_effect = std::find(ways.begin(), ways.end(), *chosen) != ways.end();
      if (!arguments.has(option.name) || has_effect) continue;
      return usage_error(fmt::format("--{} has no effect with --{}", option.name, *chosen),
                         fmt::format("it goes with --{}", fmt::join(ways, " or --")));
    }
  }
  return {};
}

}  // namespace eph::app
