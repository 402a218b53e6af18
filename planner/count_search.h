#pragma once
// The smallest count that passes a monotone but expensive test.
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

// Calls `trial` never twice with the same count. `forecast` is asked before each trial for the
// count that probably is the answer, and only decides where to try: first one below it, because a
// trial that fails is stopped early and costs less than one that passes. Where forecasts are
// refuted, or several did not settle it, steps that double and then bisection follow, so that there
// are O(log(answer / first forecast)) trials whatever the forecasts say. An Error of a trial ends
// the search.
[[nodiscard]] Result<CountAnswer> smallest_count(const std::function<Result<Trial>(int)>& trial,
                                                 const std::function<int()>& forecast, int max);

}  // namespace eph::planner
