#include "calibration/held_out_row.h"

namespace eph::calibration {
namespace {

constexpr double kSaturatedLoad = 0.9;  // as in the exclusions

}  // namespace

std::string load_class(const RowFacts& facts) {
  if (facts.protocol != name(Protocol::constant)) return facts.protocol;
  return facts.load_fraction > kSaturatedLoad ? "constant > 0.9" : "constant <= 0.9";
}

std::string size_class(const RowFacts& facts) {
  if (facts.parameters < 1e9) return "< 1B";
  return facts.parameters < 2e9 ? "1B-2B" : ">= 2B";
}

bool is_sweep(const RowFacts& facts) { return !facts.host.empty(); }

}  // namespace eph::calibration
