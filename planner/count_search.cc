#include "planner/count_search.h"

#include <algorithm>

namespace eph::planner {
namespace {

constexpr int kForecasts = 4;  // that are followed, at most

// What is known: `refused` fails (0 replicas serve nothing), `passed` passes, or is one above the
// range.
class Bracket {
 public:
  explicit Bracket(int max) : max_(max), passed_(max + 1) {}

  void note(int count, Trial outcome) {
    if (outcome == Trial::pass)
      passed_ = count;
    else
      refused_ = std::max(refused_, count);
  }
  [[nodiscard]] bool closed() const { return passed_ - refused_ <= 1; }
  [[nodiscard]] int refused() const { return refused_; }
  [[nodiscard]] std::optional<int> passed() const {
    return passed_ <= max_ ? std::optional(passed_) : std::nullopt;
  }

  [[nodiscard]] int next(int forecast) {
    // What should have passed failed, probably by little: what a failure says on how far it is
    // from passing is vague, because nearly full systems are.
    if (expected_ <= refused_ && refused_ > 0 && !passed())
      forecast = std::clamp(forecast, refused_ + 1, up_to(step()));
    if (followed_ < kForecasts && forecast > refused_ && forecast <= std::min(passed_, max_)) {
      ++followed_;
      expected_ = forecast;
      return forecast - 1 > refused_ ? forecast - 1 : forecast;
    }
    if (refused_ > 0 && passed()) return refused_ + (passed_ - refused_) / 2;
    if (passed()) return std::max(1, passed_ - step());
    return refused_ == 0 ? std::clamp(forecast, 1, max_) : up_to(step());
  }

 private:
  // A sixteenth of where the search stands, then twice as much each time.
  int step() {
    const int now = step_ > 0 ? step_ : std::max(1, (passed() ? passed_ : refused_) / 16);
    step_ = std::min(now * 2, max_);
    return now;
  }
  [[nodiscard]] int up_to(int step) const {
    return static_cast<int>(std::min<std::int64_t>(max_, std::int64_t{refused_} + step));
  }

  int max_;
  int refused_ = 0;
  int passed_;
  int followed_ = 0;
  int expected_ = 0;  // the forecast that was followed last
  int step_ = 0;
};

}  // namespace

Result<CountAnswer> smallest_count(const std::function<Result<Trial>(int)>& trial,
                                   const std::function<int()>& forecast, int max) {
  CountAnswer answer;
  Bracket bracket(max);
  for (bool mends = true; mends && !bracket.closed();) {
    const int count = bracket.next(forecast());
    ++answer.trials;
    const Result<Trial> outcome = trial(count);
    if (!outcome) return outcome.error();
    bracket.note(count, *outcome);
    mends = *outcome != Trial::fail_forever;
  }
  answer.largest_refused = bracket.refused();
  answer.smallest = bracket.passed();
  return answer;
}

}  // namespace eph::planner
