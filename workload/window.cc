// Transforms that pass each request on or leave it out: window, number of requests, token caps.
#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "workload/decorator.h"
#include "workload/transforms.h"

namespace eph::workload {
namespace {

class Windowed : public Decorator {
 public:
  Windowed(SourcePtr inner, SimTime from, SimTime to)
      : Decorator(std::move(inner)), from_(from), to_(to) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    while (!over_) {
      const Result<std::size_t> pulled = inner_->pull(out);
      if (!pulled || *pulled == 0) return pulled;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < *pulled && !over_; ++i) {
        over_ = out[i].at >= to_;
        if (over_ || out[i].at < from_) continue;
        out[kept] = out[i];
        out[kept++].at = SimTime::zero() + (out[i].at - from_);
      }
      if (kept > 0) return kept;
    }
    return std::size_t{0};
  }

 private:
  SimTime from_;
  SimTime to_;
  bool over_ = false;
};

class Limited : public Decorator {
 public:
  Limited(SourcePtr inner, std::int64_t requests) : Decorator(std::move(inner)), left_(requests) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    if (left_ == 0) return std::size_t{0};
    const auto most = std::min(out.size(), static_cast<std::size_t>(left_));
    const Result<std::size_t> pulled = inner_->pull(out.first(most));
    if (pulled) left_ -= static_cast<std::int64_t>(*pulled);
    return pulled;
  }

 private:
  std::int64_t left_;
};

class Capped : public Decorator {
 public:
  Capped(SourcePtr inner, const CapOptions& options)
      : Decorator(std::move(inner)), options_(options) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    while (true) {
      const Result<std::size_t> pulled = inner_->pull(out);
      if (!pulled || *pulled == 0) return pulled;
      std::size_t kept = 0;
      for (std::size_t i = 0; i < *pulled; ++i) {
        if (!fits(out[i])) {
          ++(options_.drop ? dropped_ : clipped_);
          if (options_.drop) continue;
          clip(out[i]);
        }
        limit_allowance(out[i]);
        out[kept++] = out[i];
      }
      if (kept > 0) return kept;
    }
  }

  [[nodiscard]] SourceCounts counts() const override {
    SourceCounts counts = inner_->counts();
    counts.clipped += clipped_;
    counts.over_cap_dropped += dropped_;
    return counts;
  }

 private:
  [[nodiscard]] bool fits(const Arrival& a) const {
    return (options_.prompt == 0 || a.prompt_tokens <= options_.prompt) &&
           (options_.output == 0 || a.output_tokens <= options_.output) &&
           (options_.total == 0 || a.prompt_tokens + a.output_tokens <= options_.total);
  }

  void clip(Arrival& a) const {
    std::int32_t prompt = a.prompt_tokens;
    if (options_.prompt > 0) prompt = std::min(prompt, options_.prompt);
    if (options_.total > 0) prompt = std::min(prompt, options_.total - 1);
    if (options_.output > 0) a.output_tokens = std::min(a.output_tokens, options_.output);
    if (options_.total > 0) a.output_tokens = std::min(a.output_tokens, options_.total - prompt);
    a.prompt_tokens = prompt;
    a.prefix_tokens = std::min(a.prefix_tokens, prompt);
    const std::int32_t block = inner_->hash_block_tokens();
    if (block > 0) {
      const std::int64_t blocks = (std::int64_t{prompt} + block - 1) / block;
      a.hash_count = std::min(a.hash_count, static_cast<std::uint32_t>(blocks));
    }
  }

  void limit_allowance(Arrival& a) const {
    if (options_.output > 0) a.max_output_tokens = std::min(a.max_output_tokens, options_.output);
    if (options_.total > 0)
      a.max_output_tokens = std::min(a.max_output_tokens, options_.total - a.prompt_tokens);
  }

  CapOptions options_;
  std::uint64_t clipped_ = 0;
  std::uint64_t dropped_ = 0;
};

class LimitedOutputs : public Decorator {
 public:
  LimitedOutputs(SourcePtr inner, std::int32_t most) : Decorator(std::move(inner)), most_(most) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    const Result<std::size_t> pulled = inner_->pull(out);
    if (!pulled) return pulled;
    for (Arrival& a : out.first(*pulled)) limit_output(a, most_);
    return pulled;
  }

 private:
  std::int32_t most_;
};

}  // namespace

Result<SourcePtr> limit_outputs(SourcePtr source, std::int32_t max_output_tokens) {
  if (max_output_tokens < 1) {
    return usage_error(
        fmt::format("limit of {} output tokens, must be at least 1", max_output_tokens),
        "leave it out for the requests' own");
  }
  return SourcePtr(std::make_unique<LimitedOutputs>(std::move(source), max_output_tokens));
}

Result<SourcePtr> window(SourcePtr source, SimTime from, std::optional<SimTime> to) {
  if (from < SimTime::zero()) {
    return usage_error(
        fmt::format("window starts at {} s, before the trace", number(from.seconds())),
        "give at least 0 s");
  }
  if (to && *to <= from) {
    return usage_error(fmt::format("window ends at {} s, not after its start at {} s",
                                   number(to->seconds()), number(from.seconds())),
                       "give an end after the start");
  }
  return SourcePtr(
      std::make_unique<Windowed>(std::move(source), from, to.value_or(SimTime::never())));
}

Result<SourcePtr> limit_requests(SourcePtr source, std::int64_t requests) {
  if (requests < 1) {
    return usage_error(fmt::format("number of requests is {}, must be at least 1", requests),
                       "leave it out for all requests");
  }
  return SourcePtr(std::make_unique<Limited>(std::move(source), requests));
}

Result<SourcePtr> cap_tokens(SourcePtr source, const CapOptions& options) {
  for (const auto& [name, value] :
       {std::pair{"prompt", options.prompt}, std::pair{"output", options.output},
        std::pair{"total", options.total}}) {
    if (value < 0) {
      return usage_error(fmt::format("cap of {} tokens is {}, must not be negative", name, value),
                         "0 means no cap");
    }
  }
  if (options.total == 1) {
    return usage_error("cap of total tokens is 1, must be at least 2",
                       "a request has a prompt and an output token");
  }
  return SourcePtr(std::make_unique<Capped>(std::move(source), options));
}

}  // namespace eph::workload
