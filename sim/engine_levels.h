#pragma once
// What an engine tells of itself.
#include <cstdint>
#include <optional>

#include "core/time.h"

namespace eph::sim {

struct EngineLevels {
  std::int64_t waiting = 0, running = 0;
  double kv_usage = 0;  // share of blocks, 0..1
};

// For routers that look into engines.
class EngineProbe {
 public:
  virtual ~EngineProbe() = default;
  // Before anything that happens at `at`, which is not before anything that has changed them. None:
  // the replica does not answer.
  [[nodiscard]] virtual std::optional<EngineLevels> levels(std::uint32_t place, SimTime at) = 0;
};

}  // namespace eph::sim
