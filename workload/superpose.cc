#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/rng.h"
#include "core/text.h"
#include "workload/copies.h"
#include "workload/decorator.h"
#include "workload/transforms.h"

namespace eph::workload {
namespace {

Stream stream_of(const SuperposeOptions& options, std::uint64_t index) {
  return Stream(
      {.seed = options.seed, .run = options.run, .purpose = Purpose::transform, .entity = index});
}

// Keeps each request with probability `share`, by the same draw that superposition uses for the
// copy above the whole part.
class Thinned : public Decorator {
 public:
  Thinned(SourcePtr inner, double share, const SuperposeOptions& options)
      : Decorator(std::move(inner)), share_(share), options_(options) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    while (true) {
      const Result<std::size_t> pulled = inner_->pull(out);
      if (!pulled || *pulled == 0) return pulled;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < *pulled; ++i) {
        if (stream_of(options_, index_++).unit() < share_) out[kept++] = out[i];
      }
      if (kept > 0) return kept;
    }
  }

 private:
  double share_;
  SuperposeOptions options_;
  std::uint64_t index_ = 0;
};

// Copies wait in a heap until no later request can be shifted ahead of them.
class Superposed : public Decorator {
 public:
  Superposed(SourcePtr inner, double factor, const SuperposeOptions& options)
      : Decorator(std::move(inner)),
        reader_(*inner_),
        whole_(static_cast<std::uint64_t>(std::floor(factor))),
        fraction_(factor - std::floor(factor)),
        options_(options) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    hashes_.clear();
    std::size_t filled = 0;
    while (filled < out.size()) {
      if (!heap_.empty() && heap_.front().at_ns <= safe_until_ns_) {
        out[filled++] = pop();
      } else if (failure_) {
        if (filled == 0) return *failure_;
        break;
      } else if (ended_) {
        break;
      } else {
        read_more();
      }
    }
    return filled;
  }

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(hashes_).subspan(arrival.hash_offset, arrival.hash_count);
  }

 private:
  struct Waiting {
    std::int64_t at_ns;
    std::uint64_t order;  // of creation; decides between equal times
    std::uint32_t place;
  };
  static bool later(const Waiting& a, const Waiting& b) {
    return a.at_ns != b.at_ns ? a.at_ns > b.at_ns : a.order > b.order;
  }

  void read_more() {
    const Result<const Arrival*> read = reader_.next();
    if (!read) {
      failure_ = read.error();
    } else if (*read == nullptr) {
      finish();
    } else {
      add_copies(**read);
    }
  }

  void add_copies(const Arrival& original) {
    if (index_ == 0) first_ns_ = original.at.ns;
    last_ns_ = original.at.ns;
    safe_until_ns_ = last_ns_ - options_.displacement.ns;
    Stream stream = stream_of(options_, index_++);
    const bool one_more = stream.unit() < fraction_;
    const std::uint64_t copies = whole_ + (one_more ? 1 : 0);
    const double span = 2.0 * static_cast<double>(options_.displacement.ns);
    for (std::uint64_t copy = 0; copy < copies; ++copy) {
      std::int64_t at_ns = original.at.ns;
      if (copy > 0) {
        at_ns += std::llround((stream.unit() - 0.5) * span);
        if (at_ns < first_ns_) at_ns = 2 * first_ns_ - at_ns;
      }
      push(original, copy, at_ns);
    }
  }

  void push(const Arrival& original, std::uint64_t copy, std::int64_t at_ns) {
    Arrival arrival = original;
    arrival.session = session_in_copy(original.session, copy);
    copied_.clear();
    for (const std::uint64_t hash : inner_->block_hashes(original))
      copied_.push_back(name_in_copy(hash, copy));
    heap_.push_back({at_ns, order_++, pen_.put(arrival, copied_)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  Arrival pop() {
    const Waiting first = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    Arrival arrival = pen_.release(first.place, hashes_);
    arrival.at = SimTime{first.at_ns};
    return arrival;
  }

  // The end is known now: what was shifted beyond it comes back (more than once in a trace shorter
  // than the displacement).
  void finish() {
    ended_ = true;
    safe_until_ns_ = last_ns_;
    const std::int64_t length = last_ns_ - first_ns_;
    for (Waiting& waiting : heap_) {
      if (waiting.at_ns <= last_ns_) continue;
      std::int64_t from_start = length == 0 ? 0 : (waiting.at_ns - first_ns_) % (2 * length);
      if (from_start > length) from_start = 2 * length - from_start;
      waiting.at_ns = first_ns_ + from_start;
    }
    std::make_heap(heap_.begin(), heap_.end(), later);
  }

  OneByOne reader_;
  std::uint64_t whole_;
  double fraction_;
  SuperposeOptions options_;
  HoldingPen pen_;
  std::vector<Waiting> heap_;  // earliest in front
  std::vector<std::uint64_t> copied_;
  std::vector<std::uint64_t> hashes_;  // of the last pull
  std::uint64_t index_ = 0;
  std::uint64_t order_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  std::int64_t safe_until_ns_ = std::numeric_limits<std::int64_t>::min();
  bool ended_ = false;
  std::optional<Error> failure_;
};

Result<void> check_factor(double factor) {
  constexpr double kMost = 1e6;
  if (factor > 0 && factor <= kMost) return {};
  return usage_error(
      fmt::format("rate factor is {}, must be above 0 and at most 1000000", number(factor)),
      "1 keeps the rate, 20 means twenty times the requests");
}

class Compressed : public Decorator {
 public:
  Compressed(SourcePtr inner, double factor) : Decorator(std::move(inner)), factor_(factor) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    const Result<std::size_t> pulled = inner_->pull(out);
    if (!pulled) return pulled;
    for (Arrival& arrival : out.first(*pulled)) {
      const double ns = static_cast<double>(arrival.at.ns) / factor_;
      if (!(ns < kLatestNs)) {
        return usage_error(fmt::format("an arrival at {} s after the rate factor {}",
                                       number(ns * 1e-9), number(factor_)),
                           "use a larger factor");
      }
      arrival.at = SimTime{std::llround(ns)};
    }
    return pulled;
  }

 private:
  static constexpr double kLatestNs = 9e18;
  double factor_;
};

}  // namespace

Result<SourcePtr> superpose(SourcePtr source, double factor, const SuperposeOptions& options) {
  if (Result<void> ok = check_factor(factor); !ok) return ok.error();
  if (options.displacement < Duration::zero()) {
    return usage_error(fmt::format("displacement of copies is {} s, must not be negative",
                                   number(options.displacement.seconds())),
                       "30 s is the default");
  }
  if (factor == 1.0) return source;
  if (factor < 1.0) return SourcePtr(std::make_unique<Thinned>(std::move(source), factor, options));
  return SourcePtr(std::make_unique<Superposed>(std::move(source), factor, options));
}

Result<SourcePtr> compress(SourcePtr source, double factor) {
  if (Result<void> ok = check_factor(factor); !ok) return ok.error();
  if (factor == 1.0) return source;
  return SourcePtr(std::make_unique<Compressed>(std::move(source), factor));
}

Result<SourcePtr> scale_rate(SourcePtr source, double factor, RateMode mode,
                             const SuperposeOptions& options) {
  return mode == RateMode::superpose ? superpose(std::move(source), factor, options)
                                     : compress(std::move(source), factor);
}

}  // namespace eph::workload
