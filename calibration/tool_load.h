#pragma once
// What measuring tools send: a capped closed loop or an evenly spaced stream, with the tools' own rules.
#include <cstdint>
#include <limits>
#include <optional>
#include <queue>
#include <vector>

#include "workload/load.h"

namespace eph::calibration {

// `cap` slots hold one request each. Without `rate` a slot sends its next request `turn_s` after the last
// token of the one before: a closed loop. With `rate`, request i is due at i / rate and waits for a slot.
// `ramp_s` (GuideLLM's throughput strategy): request i < cap starts at ramp_s * i / cap, and every later
// one is held until ramp_s, so all slots that finished in between fire together at its end.
struct ToolLoadSpec {
  std::int64_t isl = 1, osl = 1;
  double shortest_share = 1.0;  // both lengths uniform integers in [share * nominal, nominal]
  std::int64_t cap = 1;
  std::optional<std::int64_t> requests;  // in total; none: until stop_s
  double rate = 0;                       // requests per second; 0: closed loop
  double ramp_s = 0;
  double stop_s = std::numeric_limits<double>::infinity();  // nothing is sent at or after
  double turn_s = 0;
};

class ToolLoad final : public workload::Load {
 public:
  // Lengths come from stream (seed, 0, lengths, request index).
  ToolLoad(const ToolLoadSpec& spec, std::uint64_t seed);

  [[nodiscard]] SimTime peek() override;
  [[nodiscard]] workload::Arrival take() override;
  void on_finished(RequestId id, SimTime now) override;

 private:
  [[nodiscard]] SimTime due(std::int64_t index) const;

  ToolLoadSpec spec_;
  std::uint64_t seed_;
  std::int64_t next_ = 0;
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> free_slots_;  // ns
};

}  // namespace eph::calibration
