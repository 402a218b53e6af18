#include "workload/dequantise.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/rng.h"
#include "core/text.h"
#include "workload/decorator.h"

namespace eph::workload {
namespace {

class Dequantised : public Decorator {
 public:
  Dequantised(std::unique_ptr<ArrivalSource> inner, Duration step, std::uint64_t seed,
              std::uint64_t run)
      : Decorator(std::move(inner)), reader_(*inner_), step_(step), seed_(seed), run_(run) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    hashes_.clear();
    std::size_t filled = 0;
    while (filled < out.size()) {
      if (next_ == group_.size() && (failure_ || !read_group())) {
        if (failure_ && filled == 0) return *failure_;
        break;
      }
      out[filled++] = pen_.release(group_[next_++], hashes_);
    }
    return filled;
  }

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(hashes_).subspan(arrival.hash_offset, arrival.hash_count);
  }

 private:
  // Gathers the requests of one instant; false at the end. A fault behind them waits.
  bool read_group() {
    group_.clear();
    next_ = 0;
    if (ahead_) group_.push_back(*ahead_);
    ahead_.reset();
    while (!ended_) {
      const Result<const Arrival*> read = reader_.next();
      if (!read) failure_ = read.error();
      ended_ = !read || *read == nullptr;
      if (ended_) break;
      const std::uint32_t place = pen_.put(**read, inner_->block_hashes(**read));
      if (!group_.empty() && pen_.at(place).at > pen_.at(group_.front()).at) {
        ahead_ = place;
        break;
      }
      group_.push_back(place);
    }
    spread();
    return !group_.empty();
  }

  void spread() {
    if (group_.empty()) return;
    const SimTime from = pen_.at(group_.front()).at;
    Duration width = step_;
    if (ahead_) width = std::min(width, pen_.at(*ahead_).at - from);
    Stream stream({.seed = seed_, .run = run_, .purpose = Purpose::transform, .entity = groups_++});
    shifts_.clear();
    for (std::size_t i = 0; i < group_.size(); ++i)
      shifts_.push_back(stream.below(static_cast<std::uint64_t>(width.ns)));
    std::sort(shifts_.begin(), shifts_.end());
    for (std::size_t i = 0; i < group_.size(); ++i)
      pen_.at(group_[i]).at = from + Duration{static_cast<std::int64_t>(shifts_[i])};
  }

  OneByOne reader_;
  Duration step_;
  std::uint64_t seed_;
  std::uint64_t run_;
  std::uint64_t groups_ = 0;
  HoldingPen pen_;
  std::vector<std::uint32_t> group_;    // places of one instant, in order
  std::vector<std::uint64_t> shifts_;   // ns
  std::optional<std::uint32_t> ahead_;  // first request of the next instant
  std::size_t next_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;
  std::vector<std::uint64_t> hashes_;  // of the last pull
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> dequantise(std::unique_ptr<ArrivalSource> source,
                                                  Duration step, std::uint64_t seed,
                                                  std::uint64_t run) {
  if (step <= Duration::zero()) {
    return usage_error(fmt::format("time step is {} s, must be above 0", number(step.seconds())),
                       "Mooncake's conversation trace has steps of 3 s");
  }
  return std::unique_ptr<ArrivalSource>(
      std::make_unique<Dequantised>(std::move(source), step, seed, run));
}

}  // namespace eph::workload
