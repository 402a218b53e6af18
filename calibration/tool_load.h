#pragma once
// What measuring tools send: a capped closed loop or an evenly spaced stream, with the tools' own
// rules.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "calibration/run_load.h"
#include "workload/load.h"

namespace eph::calibration {

// `cap` slots hold one request each. Without `rate` a slot sends its next request `turn_s` after
// the last token of the one before: a closed loop. With `rate`, request i is due at i / rate and
// waits for a slot. `burstiness` spaces the requests of a `rate` randomly: gamma gaps of that
// shape, 1 is Poisson. With a known number of requests the gaps are scaled so that the last is due
// at requests / rate, as vLLM's benchmark does: the draw changes the order of gaps, never the rate.
// `recorded` gives the lengths in order (again from the start when they run out), and with
// `recorded_arrivals` also when each request is due.
// `ramp_s` (GuideLLM's throughput strategy): request i < cap starts at ramp_s * i / cap, and every
// later one is held until ramp_s, so all slots that finished in between fire together at its end.
struct ToolLoadSpec {
  std::int64_t isl = 1, osl = 1;
  double shortest_share = 1.0;  // both lengths uniform integers in [share * nominal, nominal]
  std::int64_t cap = 1;
  std::optional<std::int64_t> requests;  // in total; none: until stop_s
  double rate = 0;                       // requests per second; 0: closed loop
  double burstiness = 0;                 // 0: evenly spaced
  std::shared_ptr<const std::vector<RecordedRequest>> recorded;
  bool recorded_arrivals = false;
  double ramp_s = 0;
  double stop_s = std::numeric_limits<double>::infinity();  // nothing is sent at or after
  double turn_s = 0;
};

class ToolLoad final : public workload::Load {
 public:
  // Lengths come from stream (seed, 0, lengths, request index), gaps from (seed, 0, arrivals, 0).
  // Random gaps need `requests` or a finite `stop_s`.
  ToolLoad(const ToolLoadSpec& spec, std::uint64_t seed);

  [[nodiscard]] SimTime peek() override;
  [[nodiscard]] workload::Arrival take() override;
  void on_finished(RequestId id, SimTime now) override;

 private:
  [[nodiscard]] SimTime due(std::int64_t index) const;

  ToolLoadSpec spec_;
  std::uint64_t seed_;
  std::int64_t next_ = 0;
  std::vector<double> due_s_;  // of random gaps
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> free_slots_;  // ns
};

}  // namespace eph::calibration
