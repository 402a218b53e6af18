#pragma once
// What an engine tells of itself.
#include <cstdint>

namespace eph::sim {

struct EngineLevels {
  std::int64_t waiting = 0, running = 0;
  double kv_usage = 0;  // share of blocks, 0..1
};

}  // namespace eph::sim
