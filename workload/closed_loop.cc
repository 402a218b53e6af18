#include "workload/closed_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <vector>

#include "core/assert.h"
#include "core/distributions.h"
#include "core/text.h"

namespace eph::workload {
namespace {

constexpr std::int64_t kMostSlots = 10'000'000;

// Draws of request i are keyed by i, so lengths do not depend on when it is sent.
enum class Draw : std::uint64_t { gap = 0, turnaround = 1 };
std::uint64_t entity(Draw draw, std::uint64_t index) {
  return index * 2 + static_cast<std::uint64_t>(draw);
}

class ClosedLoop : public Load {
 public:
  explicit ClosedLoop(const ClosedLoopConfig& config) : config_(config) {
    const std::int64_t slots = std::min(config.concurrency, limit(config));
    std::vector<SimTime> free(static_cast<std::size_t>(slots), SimTime::zero());
    free_at_ = Slots(std::greater<>{}, std::move(free));
    plan_next();
  }

  SimTime peek() override {
    if (sent_ == limit(config_) || waits_for_warmup()) return SimTime::never();
    if (config_.concurrency > 0 && free_at_.empty()) return SimTime::never();
    const SimTime at = config_.concurrency > 0 ? std::max(planned_, free_at_.top()) : planned_;
    return config_.stage_end && at >= *config_.stage_end ? SimTime::never() : at;
  }

  Arrival take() override {
    Arrival arrival;
    arrival.at = peek();
    EPH_ASSERT(arrival.at != SimTime::never(), "take() without a request to send");
    Stream stream({.seed = config_.seed,
                   .run = config_.run,
                   .purpose = Purpose::lengths,
                   .entity = static_cast<std::uint64_t>(sent_)});
    arrival.prompt_tokens = draw(config_.lengths.prompt, stream);
    arrival.output_tokens = draw(config_.lengths.output, stream);
    arrival.max_output_tokens = arrival.output_tokens;
    if (config_.max_output_tokens > 0) limit_output(arrival, config_.max_output_tokens);
    if (config_.concurrency > 0) free_at_.pop();
    ++sent_;
    plan_next();
    return arrival;
  }

  void on_finished(RequestId id, SimTime now) override {
    ++finished_;
    EPH_ASSERT(finished_ <= sent_, "{} requests finished of {} sent", finished_, sent_);
    if (finished_ == config_.warmup_requests && sent_ == config_.warmup_requests) {
      start_ = now;
      plan_next();
    }
    if (config_.concurrency == 0) return;
    Duration pause = config_.turnaround;
    if (config_.turnaround_jitter > Duration::zero()) {
      Stream stream({.seed = config_.seed,
                     .run = config_.run,
                     .purpose = Purpose::protocol,
                     .entity = entity(Draw::turnaround, index(id))});
      pause +=
          Duration::from_seconds(draw_exponential(stream, config_.turnaround_jitter.seconds()));
    }
    free_at_.push(now + pause);
  }

 private:
  using Slots = std::priority_queue<SimTime, std::vector<SimTime>, std::greater<>>;

  static std::int64_t limit(const ClosedLoopConfig& config) {
    return config.requests > 0 ? config.warmup_requests + config.requests
                               : std::numeric_limits<std::int64_t>::max();
  }

  [[nodiscard]] bool waits_for_warmup() const {
    return sent_ == config_.warmup_requests && finished_ < sent_;
  }

  // Planned time of request `sent_`, counted from the start of its phase.
  void plan_next() {
    if (sent_ < config_.warmup_requests) {
      planned_ = SimTime::zero();
      return;
    }
    const std::int64_t i = sent_ - config_.warmup_requests;
    Duration offset{};
    switch (config_.pattern) {
      case LoadPattern::concurrency:
      case LoadPattern::offline:
        break;
      case LoadPattern::ramped:
        offset = i < config_.concurrency
                     ? Duration::from_seconds(config_.ramp.seconds() * static_cast<double>(i) /
                                              static_cast<double>(config_.concurrency))
                     : config_.ramp;
        break;
      case LoadPattern::constant:
        offset = Duration::from_seconds(static_cast<double>(i) / config_.rate_per_s);
        break;
      case LoadPattern::poisson:
        offset = poisson_offset(i);
        break;
    }
    planned_ = start_ + offset;
  }

  // Called once for each i in order (again for i = 0 when the warm-up ends, which must not add a
  // gap).
  Duration poisson_offset(std::int64_t i) {
    if (i == gaps_drawn_) {
      Stream stream({.seed = config_.seed,
                     .run = config_.run,
                     .purpose = Purpose::arrivals,
                     .entity = entity(Draw::gap, static_cast<std::uint64_t>(i))});
      poisson_s_ += draw_exponential(stream, 1.0 / config_.rate_per_s);
      ++gaps_drawn_;
    }
    return Duration::from_seconds(poisson_s_);
  }

  ClosedLoopConfig config_;
  Slots free_at_;  // one entry for each free slot: when it may send again
  SimTime planned_{};
  SimTime start_{};  // of the measured phase
  std::int64_t sent_ = 0;
  std::int64_t finished_ = 0;
  std::int64_t gaps_drawn_ = 0;
  double poisson_s_ = 0;
};

Error bad(std::string_view what, double value, std::string_view remedy) {
  return usage_error(fmt::format("{} is {}", what, number(value)), std::string(remedy));
}

Result<void> check_counts(const ClosedLoopConfig& c) {
  if (c.requests < 0)
    return bad("number of requests", static_cast<double>(c.requests),
               "give 0 (until the stage ends) or more");
  if (c.requests == 0 && !c.stage_end)
    return usage_error("a load without an end", "give a number of requests or a stage end");
  if (c.max_output_tokens < 0)
    return bad("limit of output tokens", c.max_output_tokens, "give 0 (none) or more");
  if (c.warmup_requests < 0)
    return bad("number of warm-up requests", static_cast<double>(c.warmup_requests),
               "give 0 or more");
  if (c.turnaround < Duration::zero())
    return bad("turnaround in seconds", c.turnaround.seconds(), "give 0 or more");
  if (c.turnaround_jitter < Duration::zero())
    return bad("turnaround jitter in seconds", c.turnaround_jitter.seconds(), "give 0 or more");
  return {};
}

Result<void> check_pattern(const ClosedLoopConfig& c) {
  const bool closed = c.pattern == LoadPattern::concurrency || c.pattern == LoadPattern::ramped;
  const bool paced = c.pattern == LoadPattern::constant || c.pattern == LoadPattern::poisson;
  if (c.concurrency < 0 || (closed && c.concurrency == 0))
    return bad("concurrency", static_cast<double>(c.concurrency),
               "give at least 1 request in flight");
  if (c.concurrency > kMostSlots)
    return bad("concurrency", static_cast<double>(c.concurrency),
               "give at most 10000000 requests in flight");
  if (c.pattern == LoadPattern::offline && c.concurrency != 0)
    return bad("concurrency of an offline load", static_cast<double>(c.concurrency),
               "leave it 0: all requests are sent at once");
  if (c.pattern == LoadPattern::offline && c.requests == 0)
    return bad("number of requests of an offline load", 0, "give at least 1");
  if (paced && !(c.rate_per_s > 0 && std::isfinite(c.rate_per_s)))
    return bad("rate in requests/s", c.rate_per_s, "give a number above 0");
  constexpr double kLongest = 4e9;  // s; an instant holds 9.2e9
  if (paced &&
      !(static_cast<double>(std::max<std::int64_t>(c.requests, 1)) / c.rate_per_s < kLongest))
    return bad("rate in requests/s", c.rate_per_s,
               "give a rate that sends all requests within 4e9 s");
  if (!paced && c.rate_per_s != 0)
    return bad("rate of a load without planned times", c.rate_per_s,
               "leave it 0, or use a constant or Poisson load");
  if (c.ramp < Duration::zero()) return bad("ramp in seconds", c.ramp.seconds(), "give 0 or more");
  if (c.pattern != LoadPattern::ramped && c.ramp != Duration::zero())
    return bad("ramp in seconds of a load without ramp", c.ramp.seconds(),
               "leave it 0, or use a ramped load");
  return {};
}

}  // namespace

Result<std::unique_ptr<Load>> make_closed_loop(const ClosedLoopConfig& config) {
  if (Result<void> ok = check_counts(config); !ok) return ok.error();
  if (Result<void> ok = check_pattern(config); !ok) return ok.error();
  if (Result<void> ok = check(config.lengths.prompt); !ok) return ok.error();
  if (Result<void> ok = check(config.lengths.output); !ok) return ok.error();
  return std::unique_ptr<Load>(std::make_unique<ClosedLoop>(config));
}

Result<ClosedLoopConfig> inferencemax_protocol(std::int64_t concurrency, std::int32_t prompt_tokens,
                                               std::int32_t output_tokens, bool separate_warmup) {
  constexpr double kShortest = 0.8;  // of nominal; random_range_ratio of the benchmark
  const Result<Length> prompt = uniform_around(prompt_tokens, kShortest, 1.0);
  if (!prompt) return prompt.error();
  const Result<Length> output = uniform_around(output_tokens, kShortest, 1.0);
  if (!output) return output.error();
  ClosedLoopConfig config;
  config.concurrency = concurrency;
  config.requests = 10 * concurrency;
  config.warmup_requests = separate_warmup ? 2 * concurrency : 0;
  config.lengths = {.prompt = *prompt, .output = *output};
  return config;
}

}  // namespace eph::workload
