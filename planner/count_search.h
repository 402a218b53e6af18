#pragma once
// The smallest count that passes a monotone but expensive test: bracketing, then bisection.
#include <functional>
#include <optional>

#include "core/result.h"

namespace eph::planner {

// What one trial of `count` said.
enum class Trial {
  pass,
  fail,          // more may help
  fail_forever,  // more cannot help (the objective is missed without any queueing)
};

struct CountAnswer {
  std::optional<int> smallest;  // passes; `smallest - 1` failed, or smallest is 1
  int largest_refused = 0;      // largest count that was tried and failed; 0: none
  int trials = 0;
};

// Calls `trial` O(log(answer / guess) + log(gap)) times, never twice with the same count. `guess`
// (clamped to 1..max) only decides where to start. Steps up and down by half at first, doubling as
// it goes, because a good guess is near. An Error of a trial ends the search.
[[nodiscard]] Result<CountAnswer> smallest_count(const std::function<Result<Trial>(int)>& trial,
                                                 int guess, int max);

}  // namespace eph::planner
