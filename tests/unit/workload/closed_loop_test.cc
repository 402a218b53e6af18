#include "workload/closed_loop.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <vector>

#include "workload/open_load.h"

namespace eph::workload {
namespace {

struct Sent {
  double at_s;
  double finish_s;
};

// A server that needs service(i) seconds for request i, all in parallel; returns every request
// sent.
std::vector<Sent> drive(Load& load, const std::function<double(std::size_t)>& service,
                        std::size_t limit = 1000) {
  std::vector<Sent> sent;
  std::multiset<std::pair<std::int64_t, std::size_t>> running;
  while (sent.size() < limit) {
    const SimTime at = load.peek();
    const bool finish_first =
        !running.empty() && running.begin()->first <= at.ns;  // a finish may release an earlier one
    if (finish_first) {
      const auto [ns, id] = *running.begin();
      running.erase(running.begin());
      load.on_finished(RequestId{id}, SimTime{ns});
      continue;
    }
    if (at == SimTime::never()) break;
    const Arrival arrival = load.take();
    REQUIRE(arrival.at == at);
    const double finish = at.seconds() + service(sent.size());
    running.emplace(SimTime::from_seconds(finish).ns, sent.size());
    sent.push_back({at.seconds(), finish});
  }
  return sent;
}

std::vector<double> times(const std::vector<Sent>& sent) {
  std::vector<double> at;
  for (const Sent& s : sent) at.push_back(s.at_s);
  return at;
}

std::unique_ptr<Load> make(const ClosedLoopConfig& config) {
  auto load = make_closed_loop(config);
  REQUIRE(load);
  return std::move(load).value();
}

std::string error_of(const ClosedLoopConfig& config) {
  const auto load = make_closed_loop(config);
  return load ? "" : load.error().text();
}

ClosedLoopConfig loop(std::int64_t concurrency, std::int64_t requests) {
  ClosedLoopConfig config;
  config.concurrency = concurrency;
  config.requests = requests;
  config.lengths = {.prompt = FixedLength{100}, .output = FixedLength{10}};
  return config;
}

using Times = std::vector<double>;

}  // namespace

TEST_CASE("a closed loop sends its limit on outputs, and cuts them there") {
  ClosedLoopConfig config = loop(1, 1);
  config.max_output_tokens = 64;
  const Arrival longer = make(config)->take();
  CHECK(longer.output_tokens == 10);
  CHECK(longer.max_output_tokens == 64);
  config.max_output_tokens = 4;
  CHECK(make(config)->take().output_tokens == 4);
  config.max_output_tokens = -1;
  CHECK(error_of(config).find("limit of output tokens is -1") != std::string::npos);
}

TEST_CASE("a closed loop starts with a burst and keeps C in flight") {
  // Service 1 s for even, 2 s for odd requests, C = 2, 6 requests:
  // 0 and 1 at 0; 2 at 1 (after 0); 3 at 2 (after 1 or 2, both end at 2); 4 at 2; 5 at 3 (after 4).
  const auto load = make(loop(2, 6));
  const auto sent = drive(*load, [](std::size_t i) { return i % 2 == 0 ? 1.0 : 2.0; });
  CHECK(times(sent) == Times{0, 0, 1, 2, 2, 3});
}

TEST_CASE("the turnaround delays each follow-up and jitter has the given mean") {
  ClosedLoopConfig config = loop(1, 4);
  config.turnaround = Duration::from_seconds(0.5);
  CHECK(times(drive(*make(config), [](std::size_t) { return 1.0; })) == Times{0, 1.5, 3, 4.5});

  config.requests = 20001;
  config.turnaround_jitter = Duration::from_seconds(0.25);
  const auto sent = drive(
      *make(config), [](std::size_t) { return 1.0; }, 100000);
  REQUIRE(sent.size() == 20001);
  // 20000 gaps of 1.5 + Exp(0.25); the standard error of their mean is 0.25 / sqrt(20000) = 0.0018.
  CHECK(sent.back().at_s / 20000 == Approx(1.75).margin(0.008));
}

TEST_CASE("nothing is sent at or after the stage end") {
  ClosedLoopConfig config = loop(1, 0);  // GuideLLM synchronous
  config.stage_end = SimTime::from_seconds(3);
  CHECK(times(drive(*make(config), [](std::size_t) { return 1.0; })) == Times{0, 1, 2});
}

TEST_CASE("a separate warm-up ends entirely before the measured phase starts") {
  // C = 2: warm-up of 4, then 4 measured; request 1 takes 5 s, the others 1 s.
  // Warm-up: 0, 1 at 0; 2 at 1; 3 at 2; 3 ends at 3, but 1 only at 5: the measured burst is at 5.
  ClosedLoopConfig config = loop(2, 4);
  config.warmup_requests = 4;
  const auto sent = drive(*make(config), [](std::size_t i) { return i == 1 ? 5.0 : 1.0; });
  CHECK(times(sent) == Times{0, 0, 1, 2, 5, 5, 6, 6});
}

TEST_CASE("InferenceMAX sends 2 C to warm up and 10 C to measure, lengths 0.8 to 1 of nominal") {
  auto config = inferencemax_protocol(4, 1000, 200);
  REQUIRE(config);
  const auto load = make(*config);
  std::size_t n = 0;
  std::set<std::int32_t> prompts;
  while (load->peek() != SimTime::never()) {
    const Arrival a = load->take();
    prompts.insert(a.prompt_tokens);
    CHECK(a.prompt_tokens >= 800);
    CHECK(a.prompt_tokens <= 1000);
    CHECK(a.output_tokens >= 160);
    CHECK(a.output_tokens <= 200);
    CHECK(a.max_output_tokens == a.output_tokens);
    load->on_finished(RequestId{n++}, a.at + Duration::from_seconds(1));
  }
  CHECK(n == 48);
  CHECK(prompts.size() > 20);
}

TEST_CASE("the ramped loop holds every later request until the ramp's end") {
  // cap 4, ramp 2 s: requests 0..3 start at 0, 0.5, 1, 1.5. Service 0.6 s: 0, 1 and 2 end at
  // 0.6, 1.1 and 1.6, but wait for 2.0; 3 ends at 2.1. Then each slot loops every 0.6 s.
  ClosedLoopConfig config = loop(4, 0);
  config.pattern = LoadPattern::ramped;
  config.ramp = Duration::from_seconds(2);
  config.stage_end = SimTime::from_seconds(2.65);
  const auto sent = drive(*make(config), [](std::size_t) { return 0.6; });
  const Times expected{0, 0.5, 1, 1.5, 2, 2, 2, 2.1, 2.6, 2.6, 2.6};
  REQUIRE(sent.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(sent[i].at_s == Approx(expected[i]));
}

TEST_CASE("a constant rate under a cap sends when a slot frees") {
  // 2 requests/s planned at 0, 0.5, 1, ...; cap 1; service 0.8 s: 0 at 0, 1 (planned 0.5) at 0.8,
  // 2 (planned 1) at 1.6, 3 (planned 1.5) at 2.4; without load the plan is kept.
  ClosedLoopConfig config = loop(1, 4);
  config.pattern = LoadPattern::constant;
  config.rate_per_s = 2;
  const auto capped = drive(*make(config), [](std::size_t) { return 0.8; });
  for (std::size_t i = 0; i < 4; ++i) CHECK(capped[i].at_s == Approx(0.8 * double(i)).margin(1e-9));
  CHECK(times(drive(*make(config), [](std::size_t) { return 0.1; })) == Times{0, 0.5, 1, 1.5});
  config.concurrency = 0;
  CHECK(times(drive(*make(config), [](std::size_t) { return 9.0; })) == Times{0, 0.5, 1, 1.5});
}

TEST_CASE("offline sends everything at once") {
  ClosedLoopConfig config = loop(0, 3);
  config.pattern = LoadPattern::offline;
  CHECK(times(drive(*make(config), [](std::size_t) { return 1.0; })) == Times{0, 0, 0});
}

TEST_CASE("an open Poisson load has exponential gaps and does not look at the server") {
  ClosedLoopConfig config = loop(0, 40000);
  config.pattern = LoadPattern::poisson;
  config.rate_per_s = 10;
  const auto fast = drive(
      *make(config), [](std::size_t) { return 0.01; }, 50000);
  const auto slow = drive(
      *make(config), [](std::size_t) { return 100.0; }, 50000);
  CHECK(times(fast) == times(slow));
  REQUIRE(fast.size() == 40000);
  double sum2 = 0;
  double last = 0;
  for (const Sent& s : fast) {
    sum2 += (s.at_s - last) * (s.at_s - last);
    last = s.at_s;
  }
  // Mean 0.1 s within 4 standard errors (0.1 / 200); second moment of an exponential is 2 * 0.01.
  CHECK(last / 40000 == Approx(0.1).margin(0.002));
  CHECK(sum2 / 40000 == Approx(0.02).epsilon(0.05));
  config.run = 1;
  CHECK(times(drive(
            *make(config), [](std::size_t) { return 1.0; }, 50000)) != times(fast));
}

TEST_CASE("lengths of request i do not depend on when it is sent") {
  ClosedLoopConfig config = loop(2, 50);
  config.lengths = {.prompt = UniformLength{1, 1000}, .output = UniformLength{1, 1000}};
  const auto lengths = [&](double service) {
    const auto load = make(config);
    std::vector<std::int32_t> prompts;
    std::size_t n = 0;
    while (load->peek() != SimTime::never()) {
      const Arrival a = load->take();
      prompts.push_back(a.prompt_tokens);
      load->on_finished(RequestId{n++}, a.at + Duration::from_seconds(service));
    }
    return prompts;
  };
  CHECK(lengths(1.0) == lengths(0.3));
}

TEST_CASE("contradictory load settings are refused with the value") {
  ClosedLoopConfig config = loop(2, 0);
  CHECK(error_of(config) == "a load without an end; give a number of requests or a stage end");
  config = loop(0, 5);
  CHECK(error_of(config) == "concurrency is 0; give at least 1 request in flight");
  config = loop(1, 5);
  config.rate_per_s = 3;
  CHECK(error_of(config) ==
        "rate of a load without planned times is 3; leave it 0, or use a constant or Poisson load");
  config.pattern = LoadPattern::constant;
  config.rate_per_s = 0;
  CHECK(error_of(config) == "rate in requests/s is 0; give a number above 0");
  config = loop(1, 5);
  config.ramp = Duration::from_seconds(10);
  CHECK(error_of(config) ==
        "ramp in seconds of a load without ramp is 10; leave it 0, or use a ramped load");
  config = loop(1, 5);
  config.lengths.prompt = FixedLength{0};
  CHECK(error_of(config) == "fixed length is 0; give 1 to 1000000000 tokens");
}

}  // namespace eph::workload
