#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <vector>

#include "core/rng.h"
#include "workload/copies.h"
#include "workload/decorator.h"
#include "workload/transforms.h"

namespace eph::workload {
namespace {

// Exchanges the contents (lengths, class, prefix, hashes) of requests near each other; times stay.
class NeighbourDraw {
 public:
  NeighbourDraw(const RepeatOptions& options, bool shuffle)
      : options_(options), shuffle_(shuffle) {}

  void put(const Arrival& arrival, std::span<const std::uint64_t> hashes) {
    times_.push_back(arrival.at);
    const std::size_t window = 2 * static_cast<std::size_t>(options_.neighbours) + 1;
    const std::uint32_t place = pen_.put(arrival, hashes);
    if (shuffle_ || pool_.size() < window) {
      pool_.push_back(place);
    } else {
      drop(pool_[oldest_]);
      pool_[oldest_] = place;
      oldest_ = (oldest_ + 1) % window;
    }
  }

  // Enough read ahead for the next draw?
  [[nodiscard]] bool ready() const {
    return times_.size() > static_cast<std::size_t>(options_.neighbours);
  }
  [[nodiscard]] bool empty() const { return times_.empty(); }

  Arrival draw(std::uint64_t index, std::vector<std::uint64_t>& hashes) {
    Stream stream({.seed = options_.seed,
                   .run = options_.run,
                   .purpose = Purpose::transform,
                   .entity = index});
    const std::size_t chosen = stream.below(pool_.size());
    Arrival arrival = shuffle_ ? take(chosen, hashes) : pen_.at(pool_[chosen]);
    arrival.at = times_.front();
    times_.pop_front();
    return arrival;
  }

  void clear() {
    for (const std::uint32_t place : pool_) drop(place);
    pool_.clear();
    oldest_ = 0;
  }

 private:
  Arrival take(std::size_t chosen, std::vector<std::uint64_t>& hashes) {
    const std::uint32_t place = pool_[chosen];
    pool_[chosen] = pool_.back();
    pool_.pop_back();
    return pen_.release(place, hashes);
  }

  void drop(std::uint32_t place) {
    unused_.clear();
    static_cast<void>(pen_.release(place, unused_));
  }

  RepeatOptions options_;
  bool shuffle_;
  HoldingPen pen_;
  std::deque<SimTime> times_;        // of requests read, not yet given
  std::vector<std::uint32_t> pool_;  // contents to draw from
  std::size_t oldest_ = 0;
  std::vector<std::uint64_t> unused_;
};

class Repeated : public ArrivalSource {
 public:
  Repeated(SourceFactory open, SourcePtr first, const RepeatOptions& options)
      : open_(std::move(open)),
        options_(options),
        source_(std::move(first)),
        reader_(*source_),
        neighbours_(options, source_->hash_block_tokens() > 0) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    hashes_.clear();
    std::size_t filled = 0;
    while (filled < out.size() && !ended_) {
      const Result<bool> given = next(out[filled]);
      if (!given) failure_ = given.error();
      ended_ = ended_ || !given;
      if (given && *given) ++filled;
    }
    if (filled == 0 && failure_) return *failure_;
    return filled;
  }

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(hashes_).subspan(arrival.hash_offset, arrival.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return source_->hash_block_tokens();
  }
  [[nodiscard]] std::span<const std::string> class_names() const override {
    return repetition_ == 0 ? source_->class_names() : std::span<const std::string>(names_);
  }
  [[nodiscard]] SourceCounts counts() const override {
    SourceCounts counts = source_->counts();
    counts += past_;
    return counts;
  }

 private:
  [[nodiscard]] bool fresh() const { return options_.fresh_lengths && repetition_ > 0; }

  // True and a request, false when the caller should ask again or the end is reached (ended_).
  Result<bool> next(Arrival& out) {
    if (fresh() && (neighbours_.ready() || (source_over_ && !neighbours_.empty()))) {
      out = rename(neighbours_.draw(given_++, hashes_));
      return true;
    }
    if (source_over_) return start_next();
    const Result<const Arrival*> read = reader_.next();
    if (!read) return read.error();
    if (*read == nullptr) {
      source_over_ = true;
      return false;
    }
    note_time((*read)->at);
    if (fresh()) {
      neighbours_.put(**read, source_->block_hashes(**read));
      return false;
    }
    Arrival copy = **read;
    const auto hashes = source_->block_hashes(copy);
    copy.hash_offset = hashes_.size();
    hashes_.insert(hashes_.end(), hashes.begin(), hashes.end());
    ++given_;
    out = rename(copy);
    return true;
  }

  Arrival rename(Arrival arrival) {
    const auto copy = static_cast<std::uint64_t>(repetition_);
    arrival.at = arrival.at + Duration{shift_ns_};
    arrival.session = session_in_copy(arrival.session, copy);
    for (std::uint32_t i = 0; i < arrival.hash_count; ++i)
      hashes_[arrival.hash_offset + i] = name_in_copy(hashes_[arrival.hash_offset + i], copy);
    return arrival;
  }

  void note_time(SimTime at) {
    if (repetition_ > 0) return;
    if (requests_ == 0) first_ns_ = at.ns;
    last_ns_ = at.ns;
    ++requests_;
  }

  Result<bool> start_next() {
    if (repetition_ == 0 && requests_ > 0) {
      const std::int64_t span = last_ns_ - first_ns_;
      period_ns_ = requests_ > 1 ? span + span / (requests_ - 1) : 0;
      if (period_ns_ == 0) {
        return usage_error("cannot repeat a trace whose requests all come at one time",
                           "give a trace with a duration");
      }
    }
    ++repetition_;
    if (repetition_ == options_.times || requests_ == 0) {
      ended_ = true;
      return false;
    }
    past_ += source_->counts();
    if (repetition_ == 1)
      names_.assign(source_->class_names().begin(), source_->class_names().end());
    Result<SourcePtr> again = open_();
    if (!again) return again.error();
    source_ = std::move(again).value();
    reader_ = OneByOne(*source_);
    source_over_ = false;
    shift_ns_ += period_ns_;
    neighbours_.clear();
    return false;
  }

  SourceFactory open_;
  RepeatOptions options_;
  SourcePtr source_;
  OneByOne reader_;
  NeighbourDraw neighbours_;
  SourceCounts past_;               // of the repetitions before
  std::vector<std::string> names_;  // all classes, known after the first repetition
  std::int64_t repetition_ = 0;
  std::uint64_t given_ = 0;
  std::int64_t requests_ = 0;  // of one repetition
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  std::int64_t period_ns_ = 0;
  std::int64_t shift_ns_ = 0;
  bool source_over_ = false;
  bool ended_ = false;
  std::optional<Error> failure_;
  std::vector<std::uint64_t> hashes_;  // of the last pull
};

}  // namespace

Result<SourcePtr> repeat(SourceFactory open, const RepeatOptions& options) {
  if (options.times < 0) {
    return usage_error(
        fmt::format("number of repetitions is {}, must not be negative", options.times),
        "0 repeats without end");
  }
  if (options.neighbours < 0) {
    return usage_error(
        fmt::format("number of neighbours is {}, must not be negative", options.neighbours),
        "500 on either side is the default");
  }
  Result<SourcePtr> first = open();
  if (!first) return first.error();
  return SourcePtr(std::make_unique<Repeated>(std::move(open), std::move(first).value(), options));
}

}  // namespace eph::workload
