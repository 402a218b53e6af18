#pragma once
// Who is let in at the gateway.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/time.h"
#include "sim/fleet/options.h"

namespace eph::sim {

class AdmissionControl {
 public:
  explicit AdmissionControl(const AdmissionOptions& options)
      : options_(options), tokens_(options.burst) {}

  // Names of the classes so far, by number.
  void set_classes(std::span<const std::string> names);
  // The request may come in: `present` are in the pool already, on `ready` replicas. Takes a token.
  [[nodiscard]] bool admits(SimTime now, std::uint32_t request_class, std::int64_t present,
                            std::int64_t ready);
  // There is room to wait behind `queued` others.
  [[nodiscard]] bool may_wait(std::int64_t queued) const {
    return options_.max_queue < 0 || queued < options_.max_queue;
  }

 private:
  AdmissionOptions options_;
  std::vector<bool> sheddable_;  // by class
  double tokens_;
  SimTime filled_at_{};
};

}  // namespace eph::sim
