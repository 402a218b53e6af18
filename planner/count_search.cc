#include "planner/count_search.h"

#include <algorithm>

namespace eph::planner {

Result<CountAnswer> smallest_count(const std::function<Result<Trial>(int)>& trial, int guess,
                                   int max) {
  CountAnswer answer;
  int refused = 0;       // fails (0 replicas serve nothing)
  int passed = max + 1;  // one above the range until something passes
  auto ask = [&](int count) -> Result<Trial> {
    ++answer.trials;
    Result<Trial> outcome = trial(count);
    if (!outcome) return outcome;
    if (*outcome == Trial::pass) {
      passed = count;
    } else {
      refused = std::max(refused, count);
    }
    return outcome;
  };

  int count = std::clamp(guess, 1, max);
  Result<Trial> outcome = ask(count);
  if (!outcome) return outcome.error();
  int step = std::max(1, count / 4);
  if (*outcome == Trial::pass) {
    while (passed > 1 && passed - refused > 1 && *outcome == Trial::pass) {
      outcome = ask(std::max(refused + 1, passed - step));
      if (!outcome) return outcome.error();
      step *= 2;
    }
  } else {
    while (*outcome == Trial::fail && refused < max) {
      outcome = ask(std::min(max, refused + step));
      if (!outcome) return outcome.error();
      step *= 2;
    }
  }
  while (*outcome != Trial::fail_forever && passed <= max && passed - refused > 1) {
    outcome = ask(refused + (passed - refused) / 2);
    if (!outcome) return outcome.error();
  }
  answer.largest_refused = refused;
  if (passed <= max) answer.smallest = passed;
  return answer;
}

}  // namespace eph::planner
