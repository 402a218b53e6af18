// Conversations: what each turn carries, and when it is sent.
#include "workload/sessions.h"

#include <catch2/catch.hpp>

#include "workload/synthetic.h"

using namespace eph;
using namespace eph::workload;

namespace {

SessionConfig two_users() {
  SessionConfig config;
  config.turns = 3;
  config.first = {FixedLength{100}, FixedLength{20}};
  config.user = FixedLength{7};
  config.concurrency = 2;
  config.requests = 8;
  return config;
}

SimTime at_s(double s) { return SimTime::from_seconds(s); }

}  // namespace

TEST_CASE("a turn repeats what was said and adds the user's tokens") {
  auto load = make_sessions(two_users());
  REQUIRE(load);
  const Arrival first = (*load)->take();
  const Arrival other = (*load)->take();
  CHECK((*load)->peek() == SimTime::never());  // both wait for their answers
  (*load)->on_finished(RequestId{0}, at_s(5));
  CHECK((*load)->peek() == at_s(5));  // no think time
  const Arrival second = (*load)->take();
  (*load)->on_finished(RequestId{2}, at_s(8));
  const Arrival third = (*load)->take();
  CHECK(first.prompt_tokens == 100);
  CHECK(second.prompt_tokens == 100 + 20 + 7);
  CHECK(third.prompt_tokens == 100 + 20 + 7 + 20 + 7);
  CHECK(third.output_tokens == 20);
  CHECK(third.max_output_tokens == 20);
  CHECK(second.stream == first.stream);
  CHECK(third.stream == first.stream);
  CHECK(other.stream != first.stream);
  CHECK(first.prefix_tokens == 0);
}

TEST_CASE("an answer that ends at the limit is what the next turn repeats") {
  SessionConfig config = two_users();
  config.max_output_tokens = 15;
  auto load = make_sessions(config);
  REQUIRE(load);
  CHECK((*load)->take().max_output_tokens == 15);
  (void)(*load)->take();
  (*load)->on_finished(RequestId{0}, at_s(5));
  CHECK((*load)->take().prompt_tokens == 100 + 15 + 7);
}

TEST_CASE("a closed load begins a conversation when one has ended, and stops at its requests") {
  SessionConfig config = two_users();
  config.turns = 1;
  config.requests = 3;
  auto load = make_sessions(config);
  REQUIRE(load);
  const Arrival a = (*load)->take();
  (void)(*load)->take();
  (*load)->on_finished(RequestId{1}, at_s(2));
  CHECK((*load)->peek() == at_s(2));
  const Arrival c = (*load)->take();
  CHECK(c.prompt_tokens == 100);
  CHECK(c.stream != a.stream);
  (*load)->on_finished(RequestId{0}, at_s(3));
  CHECK((*load)->peek() == SimTime::never());
}

TEST_CASE("conversations stand behind one of the shared prompts") {
  SessionConfig config = two_users();
  config.shared_tokens = 1000;
  config.groups = 3;
  config.turns = 2;
  config.requests = 400;
  auto load = make_sessions(config);
  REQUIRE(load);
  std::vector<int> seen(3);
  std::vector<Arrival> sent;
  for (std::uint64_t i = 0; (*load)->peek() != SimTime::never(); ++i) {
    sent.push_back((*load)->take());
    (*load)->on_finished(RequestId{i}, sent.back().at + Duration::from_seconds(1));
  }
  REQUIRE(sent.size() == 400);
  std::map<std::uint64_t, std::uint32_t> group_of;
  for (const Arrival& a : sent) {
    CHECK(a.prefix_tokens == 1000);
    CHECK((a.prompt_tokens == 1100 || a.prompt_tokens == 1127));
    REQUIRE(a.prefix_group < 3);
    const auto known = group_of.emplace(a.stream, a.prefix_group);
    CHECK(known.first->second == a.prefix_group);
    if (known.second) ++seen[a.prefix_group];
  }
  // 200 conversations or so, a third each; five standard deviations are 33.
  for (const int n : seen) CHECK(std::abs(n - 67) < 34);
}

TEST_CASE("the user thinks for an exponential time") {
  SessionConfig config = two_users();
  config.concurrency = 1;
  config.turns = 4000;
  config.first = {FixedLength{1}, FixedLength{1}};
  config.user = FixedLength{1};
  config.requests = 4000;
  config.think_time = Duration::from_seconds(3);
  auto load = make_sessions(config);
  REQUIRE(load);
  double sum = 0, squares = 0;
  SimTime now{};
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const Arrival a = (*load)->take();
    const double pause = (a.at - now).seconds();
    if (i > 0) {
      sum += pause;
      squares += pause * pause;
    }
    now = a.at;
    (*load)->on_finished(RequestId{i}, now);
  }
  const double mean = sum / 3999;
  CHECK(mean == Approx(3).epsilon(0.08));  // five standard errors of 3 / sqrt(3999)
  CHECK(squares / 3999 == Approx(2 * mean * mean).epsilon(0.25));
}

TEST_CASE("open conversations begin at the times of an arrival process") {
  SyntheticConfig process;
  process.process = ArrivalProcess::constant;
  process.rate = *RateProfile::constant(2);
  process.requests = 10;
  auto starts = make_synthetic(process);
  REQUIRE(starts);
  SessionConfig config = two_users();
  config.concurrency = 0;
  config.turns = 2;
  config.requests = 0;
  config.stage_end = at_s(1.2);
  auto load = make_sessions(config, std::move(*starts));
  REQUIRE(load);
  std::vector<SimTime> times;
  times.push_back((*load)->take().at);
  (*load)->on_finished(RequestId{0}, at_s(0.7));
  while ((*load)->peek() != SimTime::never()) times.push_back((*load)->take().at);
  // Starts at 0, 0.5, 1 s; the second turn at 0.7 s; nothing after 1.2 s.
  CHECK(times == std::vector<SimTime>{at_s(0), at_s(0.5), at_s(0.7), at_s(1)});
}

TEST_CASE("the same seed gives the same conversations, whatever finishes first") {
  SessionConfig config = two_users();
  config.user = UniformLength{1, 50};
  config.first = {UniformLength{10, 90}, UniformLength{1, 40}};
  config.requests = 6;
  std::map<std::uint64_t, std::vector<std::int32_t>> prompts[2];
  for (int order : {0, 1}) {
    auto load = make_sessions(config);
    REQUIRE(load);
    std::vector<RequestId> open;
    for (std::uint64_t i = 0; i < 6; ++i) {
      if ((*load)->peek() == SimTime::never()) {
        const auto which = order == 0 ? open.begin() : open.end() - 1;
        const RequestId id = *which;
        open.erase(which);
        (*load)->on_finished(id, at_s(static_cast<double>(i)));
      }
      const Arrival a = (*load)->take();
      prompts[order][a.stream].push_back(a.prompt_tokens);
      open.push_back(RequestId{i});
    }
  }
  for (const auto& [stream, lengths] : prompts[0]) {
    const auto& same = prompts[1][stream];
    for (std::size_t t = 0; t < std::min(lengths.size(), same.size()); ++t)
      CHECK(lengths[t] == same[t]);
  }
}

TEST_CASE("a conversation load that cannot be is refused") {
  const auto refused = [](auto change) {
    SessionConfig config = two_users();
    change(config);
    const auto load = make_sessions(config);
    REQUIRE_FALSE(load);
    return load.error().text();
  };
  CHECK(refused([](SessionConfig& c) { c.turns = 0; }).find("turns") != std::string::npos);
  CHECK(refused([](SessionConfig& c) { c.requests = 0; }).find("end") != std::string::npos);
  CHECK(refused([](SessionConfig& c) { c.concurrency = 0; }).find("begin") != std::string::npos);
  CHECK(refused([](SessionConfig& c) { c.groups = 0; }).find("shared") != std::string::npos);
}
