// Which options go together: `validate` predicts with profiles (--runs), refits (--cross) or writes
// the report (--report), and an option of another way would be ignored.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "app/validate_cross.h"
#include "calibration/folds.h"

namespace eph::app {
namespace {

struct Way {
  std::string_view option;              // chooses it
  std::vector<std::string_view> takes;  // options that have no effect on the others
};

const std::array<Way, 3>& ways() {
  static const std::array<Way, 3> kWays{
      {{"cross",
        {"data", "engine", "gpu", "folds", "held-out", "repeats", "host-from-run", "protocol",
         "model", "max-iterations", "out", "picture", "seed", "threads", "json", "catalog"}},
       {"report", {"from", "template"}},
       {"runs", {"profile", "out", "picture", "seed", "threads", "json", "catalog"}}}};
  return kWays;
}

bool takes(const Way& way, std::string_view option) {
  return std::find(way.takes.begin(), way.takes.end(), option) != way.takes.end();
}

}  // namespace

Result<void> check_validate_options(const Arguments& arguments) {
  const Way* chosen = nullptr;
  for (const Way& way : ways()) {
    if (!arguments.has(way.option)) continue;
    if (chosen != nullptr) {
      return usage_error(
          fmt::format("--{} and --{} are different questions", chosen->option, way.option),
          "leave out one of the two");
    }
    chosen = &way;
  }
  if (chosen == nullptr) {
    if (arguments.has("data")) {
      return usage_error(
          "--data without --cross",
          fmt::format("add --cross with one of {}", fmt::join(calibration::scheme_names(), ", ")));
    }
    return usage_error("validate needs measured runs",
                       "give --runs FILE, or --cross SCHEME --data FOLDER");
  }
  for (const Way& way : ways()) {
    for (const std::string_view option : way.takes) {
      if (!arguments.has(option) || takes(*chosen, option)) continue;
      return usage_error(fmt::format("--{} has no effect with --{}", option, chosen->option),
                         fmt::format("it goes with --{}", way.option));
    }
  }
  return {};
}

}  // namespace eph::app
