#include "calibration/release_dates.h"

#include <array>

namespace eph::calibration {
namespace {

struct Release {
  std::string_view date, version;
};

// github.com/vllm-project/vllm/releases, not verified to the day; the last line is where the table
// ends, not a release.
constexpr std::array kVllm{Release{"2025-06-10", "0.9.1"},  Release{"2025-07-24", "0.10.0"},
                           Release{"2025-08-18", "0.10.1"}, Release{"2025-09-13", "0.10.2"},
                           Release{"2025-10-02", "0.11.0"}, Release{"2025-11-18", "0.11.1"},
                           Release{"2025-11-20", "0.11.2"}, Release{"2025-12-03", "0.12.0"},
                           Release{"2025-12-19", ""}};

}  // namespace

std::string release_on(models::EngineKind engine, std::string_view date) {
  std::string_view version;
  if (engine != models::EngineKind::vllm || date.size() != 10) return {};
  for (const Release& release : kVllm) {
    if (release.date <= date) version = release.version;
  }
  return std::string(version);
}

}  // namespace eph::calibration
