#pragma once
// Did the number of requests in the system keep growing while requests were being sent?
#include <cstdint>
#include <vector>

#include "core/time.h"

namespace eph::sim {

// Follows the number in the system (sent, not ended at the client) in bounded memory.
//
// Saturated means, with the sends split into quarters by count and q sends in the last one:
//   - the mean number in the system of the fourth quarter exceeds that of the third by more than 3
//   % of
//     q and by more than sqrt(q), and
//   - of the second half's sends, fewer than 97 % were matched by an end within that half.
// At load rho > 1 the backlog grows by 1 - 1/rho per send, so the difference of the quarters is
// about (1 - 1/rho) q: 17 % of q at rho = 1.2. Below 1 it stays within the queue's own fluctuation;
// sqrt(q) is the size of a Poisson count's. A closed loop, whose number in the system is bounded,
// never qualifies.
class BacklogTrend {
 public:
  void on_sent(SimTime now);
  void on_ended(SimTime now);
  [[nodiscard]] bool saturated() const;
  // Mean growth of the number in the system over the second half of the sends, requests/s, and that
  // number when the last one was sent. 0 with fewer than two sends.
  [[nodiscard]] double growth_per_s() const;
  [[nodiscard]] std::int64_t at_last_send() const {
    return static_cast<std::int64_t>(last_sent_.sent - last_sent_.ended);
  }
  [[nodiscard]] SimTime last_send() const { return last_sent_.at; }
  // Time average of the number in the system since `from` was last called.
  void restart_mean(SimTime now);
  [[nodiscard]] double mean_in_system(SimTime now) const;

 private:
  __extension__ typedef __int128 Wide;
  struct Point {  // at every stride-th send, before it is counted
    SimTime at{};
    Wide integral = 0;  // request nanoseconds
    std::uint64_t sent = 0, ended = 0;
  };
  static constexpr std::size_t kMaxPoints = 2048;

  void advance(SimTime now);
  [[nodiscard]] Point here() const { return {last_, integral_, sent_, ended_}; }

  std::vector<Point> points_;
  std::uint64_t stride_ = 1;
  Point last_sent_;
  SimTime last_{};
  Wide integral_ = 0;
  std::uint64_t sent_ = 0, ended_ = 0;
  SimTime mean_from_{};
  Wide mean_integral_ = 0;
};

}  // namespace eph::sim
