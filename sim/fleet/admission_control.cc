#include "sim/fleet/admission_control.h"

#include <algorithm>

namespace eph::sim {

void AdmissionControl::set_classes(std::span<const std::string> names) {
  for (std::size_t i = sheddable_.size(); i < names.size(); ++i)
    sheddable_.push_back(std::find(options_.sheddable.begin(), options_.sheddable.end(),
                                   names[i]) != options_.sheddable.end());
}

bool AdmissionControl::admits(SimTime now, std::uint32_t request_class, std::int64_t present,
                              std::int64_t ready) {
  const bool sheddable = request_class < sheddable_.size() && sheddable_[request_class];
  if (sheddable && static_cast<double>(present) >=
                       options_.shed_above * static_cast<double>(std::max<std::int64_t>(1, ready)))
    return false;
  if (options_.rate <= 0) return true;
  tokens_ = std::min(options_.burst, tokens_ + options_.rate * (now - filled_at_).seconds());
  filled_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace eph::sim
