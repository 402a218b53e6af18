#include "workload/sessions.h"

#include <fmt/format.h>

#include <functional>
#include <queue>
#include <vector>

#include "core/assert.h"
#include "core/distributions.h"
#include "workload/decorator.h"

namespace eph::workload {
namespace {

constexpr std::int64_t kMostTurns = std::int64_t{1} << 20;
constexpr std::int64_t kMostAtOnce = 10'000'000;

// Which conversation a request in flight belongs to. Numbers come in order, ends in any.
class InFlight {
 public:
  void add(std::uint32_t session) {
    if (end_ - begin_ == ring_.size()) grow();
    ring_[end_++ & mask()] = session;
  }
  std::uint32_t take(std::uint64_t request) {
    EPH_ASSERT(request >= begin_ && request < end_ && at(request) != kDone,
               "request {} is not in flight", request);
    const std::uint32_t session = at(request);
    at(request) = kDone;
    while (begin_ < end_ && at(begin_) == kDone) ++begin_;
    return session;
  }

 private:
  static constexpr std::uint32_t kDone = ~std::uint32_t{0};
  [[nodiscard]] std::uint64_t mask() const { return ring_.size() - 1; }
  std::uint32_t& at(std::uint64_t request) { return ring_[request & mask()]; }
  void grow() {
    std::vector<std::uint32_t> larger(ring_.empty() ? 64 : 2 * ring_.size());
    for (std::uint64_t i = begin_; i < end_; ++i) larger[i & (larger.size() - 1)] = at(i);
    ring_.swap(larger);
  }

  std::vector<std::uint32_t> ring_;  // size: zero or a power of two
  std::uint64_t begin_ = 0, end_ = 0;
};

class Sessions final : public Load {
 public:
  Sessions(const SessionConfig& config, std::unique_ptr<ArrivalSource> starts)
      : config_(config), source_(std::move(starts)) {
    if (source_ != nullptr) {
      starts_.emplace(*source_);
      next_start();
      return;
    }
    for (std::int64_t i = 0; i < config.concurrency; ++i) due_.push({SimTime::zero(), 0, begin()});
  }

  SimTime peek() override {
    if (config_.requests > 0 && sent_ == config_.requests) return SimTime::never();
    SimTime at = start_;
    if (!due_.empty()) at = std::min(at, due_.top().at);
    return config_.stage_end && at >= *config_.stage_end ? SimTime::never() : at;
  }

  Arrival take() override {
    const SimTime at = peek();
    EPH_ASSERT(at != SimTime::never(), "take() without a request to send");
    std::uint32_t slot = 0;
    if (!due_.empty() && due_.top().at == at) {
      slot = due_.top().slot;
      due_.pop();
    } else {
      slot = begin();
      next_start();
    }
    ++sent_;
    in_flight_.add(slot);
    return turn(sessions_[slot], at);
  }

  void on_finished(RequestId id, SimTime now) override {
    const std::uint32_t slot = in_flight_.take(index(id));
    const Session& s = sessions_[slot];
    if (s.turn < config_.turns && s.tokens + s.next_user <= kMaxTokens) {
      due_.push({now + think(s), ++released_, slot});
      return;
    }
    unused_.push_back(slot);
    if (config_.concurrency > 0) due_.push({now, ++released_, begin()});
  }

  [[nodiscard]] Result<void> failed() const override { return failure_; }

 private:
  struct Session {
    std::uint64_t number = 0;
    std::int32_t turn = 0;       // sent so far
    std::int64_t tokens = 0;     // said so far
    std::int32_t next_user = 0;  // what the next turn adds
    std::uint32_t group = 0;
  };
  struct Due {
    SimTime at{};
    std::uint64_t order = 0;  // among equal times the one released first
    std::uint32_t slot = 0;
    friend bool operator>(const Due& a, const Due& b) {
      return a.at == b.at ? a.order > b.order : a.at > b.at;
    }
  };

  [[nodiscard]] Stream stream(const Session& s, Purpose purpose) const {
    return Stream(
        {config_.seed, config_.run, purpose,
         s.number * static_cast<std::uint64_t>(kMostTurns) + static_cast<std::uint64_t>(s.turn)});
  }

  std::uint32_t begin() {
    if (unused_.empty()) {
      unused_.push_back(static_cast<std::uint32_t>(sessions_.size()));
      sessions_.emplace_back();
    }
    const std::uint32_t slot = unused_.back();
    unused_.pop_back();
    Session& s = sessions_[slot] = Session{};
    s.number = begun_++;
    Stream draws = stream(s, Purpose::protocol);
    s.group = static_cast<std::uint32_t>(draws.below(config_.groups));
    return slot;
  }

  Arrival turn(Session& s, SimTime at) {
    Stream draws = stream(s, Purpose::lengths);
    const std::int32_t first = draw(config_.first.prompt, draws);
    Arrival arrival;
    arrival.at = at;
    const std::int64_t prompt =
        s.turn == 0 ? std::int64_t{config_.shared_tokens} + first : s.tokens + s.next_user;
    arrival.prompt_tokens = static_cast<std::int32_t>(std::min<std::int64_t>(prompt, kMaxTokens));
    arrival.output_tokens = draw(config_.first.output, draws);
    arrival.max_output_tokens = arrival.output_tokens;
    if (config_.max_output_tokens > 0) limit_output(arrival, config_.max_output_tokens);
    arrival.session = arrival.stream = s.number;
    if (config_.shared_tokens > 0) {
      arrival.prefix_group = s.group;
      arrival.prefix_tokens = config_.shared_tokens;
    }
    s.tokens = std::int64_t{arrival.prompt_tokens} + arrival.output_tokens;
    s.next_user = draw(config_.user, draws);
    ++s.turn;
    return arrival;
  }

  [[nodiscard]] Duration think(const Session& s) const {
    if (config_.think_time == Duration::zero()) return {};
    Stream draws = stream(s, Purpose::protocol);
    return Duration::from_seconds(draw_exponential(draws, config_.think_time.seconds()));
  }

  void next_start() {
    start_ = SimTime::never();
    const Result<const Arrival*> next = starts_->next();
    if (!next)
      failure_ = next.error();
    else if (*next != nullptr)
      start_ = (*next)->at;
  }

  SessionConfig config_;
  std::unique_ptr<ArrivalSource> source_;
  std::optional<OneByOne> starts_;
  SimTime start_ = SimTime::never();
  std::vector<Session> sessions_;  // by slot, reused
  std::vector<std::uint32_t> unused_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  InFlight in_flight_;
  std::int64_t sent_ = 0;
  std::uint64_t begun_ = 0, released_ = 0;
  Result<void> failure_;
};

Error out_of_range(std::string_view what, std::int64_t value, std::string_view remedy) {
  return usage_error(fmt::format("{} is {}", what, value), std::string(remedy));
}

Result<void> check_config(const SessionConfig& c) {
  if (c.turns < 1 || c.turns >= kMostTurns)
    return out_of_range("number of turns", c.turns, "give 1 to 1048575");
  if (c.shared_tokens < 0 || c.shared_tokens > kMaxTokens / 2)
    return out_of_range("length of the shared prompt", c.shared_tokens, "give 0 to 5e8 tokens");
  if (c.groups < 1) return out_of_range("number of shared prompts", c.groups, "give at least 1");
  if (c.think_time < Duration::zero())
    return out_of_range("think time in ns", c.think_time.ns, "give 0 or more");
  if (c.concurrency < 0 || c.concurrency > kMostAtOnce)
    return out_of_range("conversations at once", c.concurrency, "give 0 to 10000000");
  if (c.max_output_tokens < 0)
    return out_of_range("limit of output tokens", c.max_output_tokens, "give 0 (none) or more");
  if (c.requests < 0) return out_of_range("number of requests", c.requests, "give 0 or more");
  if (c.requests == 0 && !c.stage_end)
    return usage_error("a load without an end", "give a number of requests or a stage end");
  if (auto ok = check(c.first.prompt); !ok) return ok;
  if (auto ok = check(c.first.output); !ok) return ok;
  return check(c.user);
}

}  // namespace

Result<std::unique_ptr<Load>> make_sessions(const SessionConfig& config,
                                            std::unique_ptr<ArrivalSource> starts) {
  if (Result<void> ok = check_config(config); !ok) return ok.error();
  if ((config.concurrency > 0) == (starts != nullptr))
    return usage_error("conversations begin either at given times or when another one ends",
                       "give one of a concurrency and an arrival process");
  return std::unique_ptr<Load>(std::make_unique<Sessions>(config, std::move(starts)));
}

}  // namespace eph::workload
