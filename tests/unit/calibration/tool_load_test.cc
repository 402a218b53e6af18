#include <catch2/catch.hpp>
#include <cmath>

#include "calibration/tool_load.h"

using namespace eph;
using namespace eph::calibration;

namespace {
double next_s(ToolLoad& load) { return load.take().at.seconds(); }
}  // namespace

TEST_CASE("a closed loop sends a burst of its cap, then one request for each that ends") {
  ToolLoadSpec spec;
  spec.cap = 2;
  spec.requests = 3;
  spec.turn_s = 0.5;
  ToolLoad load(spec, 1);
  CHECK(next_s(load) == 0);
  CHECK(next_s(load) == 0);
  CHECK(load.peek() == SimTime::never());
  load.on_finished(RequestId{0}, SimTime::from_seconds(2));
  CHECK(next_s(load) == 2.5);
  load.on_finished(RequestId{1}, SimTime::from_seconds(3));
  CHECK(load.peek() == SimTime::never());  // three requests in total
}

TEST_CASE("during the ramp each slot serves one request and later ones wait for its end") {
  // Cap 4, ramp 10 s: starts at 0, 2.5, 5, 7.5 s. A slot that ends at 1 s is held until 10 s.
  ToolLoadSpec spec;
  spec.cap = 4;
  spec.ramp_s = 10;
  spec.stop_s = 40;
  ToolLoad load(spec, 1);
  CHECK(next_s(load) == 0);
  load.on_finished(RequestId{0}, SimTime::from_seconds(1));
  CHECK(next_s(load) == 2.5);
  CHECK(next_s(load) == 5);
  CHECK(next_s(load) == 7.5);
  load.on_finished(RequestId{1}, SimTime::from_seconds(8));
  CHECK(next_s(load) == 10);
  CHECK(next_s(load) == 10);
  CHECK(load.peek() == SimTime::never());
  load.on_finished(RequestId{2}, SimTime::from_seconds(12));
  CHECK(next_s(load) == 12);
}

TEST_CASE("a constant rate is evenly spaced and waits for a free slot at the cap") {
  ToolLoadSpec spec;
  spec.cap = 2;
  spec.rate = 10;
  spec.stop_s = 1;
  ToolLoad load(spec, 1);
  CHECK(next_s(load) == 0);
  CHECK(next_s(load) == 0.1);
  CHECK(load.peek() == SimTime::never());
  load.on_finished(RequestId{0}, SimTime::from_seconds(0.35));
  CHECK(next_s(load) == 0.35);  // was due at 0.2
  load.on_finished(RequestId{1}, SimTime::from_seconds(0.36));
  CHECK(next_s(load) == 0.36);  // was due at 0.3
  load.on_finished(RequestId{2}, SimTime::from_seconds(0.37));
  CHECK(next_s(load) == 0.4);
}

TEST_CASE("nothing is sent at or after the stage's end") {
  ToolLoadSpec spec;
  spec.cap = 1;
  spec.stop_s = 1;
  ToolLoad load(spec, 1);
  (void)load.take();
  load.on_finished(RequestId{0}, SimTime::from_seconds(1));
  CHECK(load.peek() == SimTime::never());
}

TEST_CASE("lengths are uniform between the share and the nominal length") {
  ToolLoadSpec spec;
  spec.isl = 1000;
  spec.osl = 100;
  spec.shortest_share = 0.8;
  spec.cap = 4000;
  ToolLoad load(spec, 3);
  double sum = 0;
  std::int32_t low = 1000, high = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto arrival = load.take();
    sum += arrival.prompt_tokens;
    low = std::min(low, arrival.prompt_tokens);
    high = std::max(high, arrival.prompt_tokens);
    CHECK(arrival.output_tokens >= 80);
    CHECK(arrival.output_tokens <= 100);
  }
  // Mean of the integers 800..1000 is 900, their standard deviation 58; 4000 draws: 0.9.
  CHECK(sum / 4000 == Approx(900).margin(4));
  CHECK(low == 800);
  CHECK(high == 1000);
}

TEST_CASE("gaps of an open loop are scaled so that the last request is due at requests / rate") {
  ToolLoadSpec spec;
  spec.cap = 1000;
  spec.requests = 1000;
  spec.rate = 20;
  spec.burstiness = 1;
  ToolLoad load(spec, 5);
  std::vector<double> at;
  while (load.peek() != SimTime::never()) at.push_back(next_s(load));
  REQUIRE(at.size() == 1000);
  CHECK(at.back() == Approx(50));
  // Poisson: the standard deviation of a gap is its mean, 50 ms; of 999 gaps it is known to 2.2 %.
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < at.size(); ++i) {
    const double gap = at[i] - at[i - 1];
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / 999;
  CHECK(std::sqrt(squares / 999 - mean * mean) / mean == Approx(1).margin(0.1));
}

TEST_CASE("a stage of random gaps ends at its time") {
  ToolLoadSpec spec;
  spec.cap = 100000;
  spec.rate = 100;
  spec.burstiness = 4;
  spec.stop_s = 20;
  ToolLoad load(spec, 5);
  std::size_t sent = 0;
  double last = 0;
  for (; load.peek() != SimTime::never(); ++sent) last = next_s(load);
  // Gaps of coefficient of variation 1/2: 2000 +- 22 requests.
  CHECK(sent == Approx(2000).margin(70));
  CHECK(last < 20);
}

TEST_CASE("a rate waits for a slot when it has a cap") {
  ToolLoadSpec spec;
  spec.cap = 1;
  spec.requests = 3;
  spec.rate = 1;
  spec.burstiness = 1e6;  // as good as even: due at 1, 2 and 3 s
  ToolLoad load(spec, 1);
  CHECK(next_s(load) == Approx(1).epsilon(0.01));
  CHECK(load.peek() == SimTime::never());
  load.on_finished(RequestId{0}, SimTime::from_seconds(5));
  CHECK(next_s(load) == 5);
}

TEST_CASE("recorded requests keep their lengths, and their arrivals when asked to") {
  const auto recorded = std::make_shared<const std::vector<RecordedRequest>>(
      std::vector<RecordedRequest>{{0, 10, 1}, {2.5, 20, 2}});
  ToolLoadSpec spec;
  spec.cap = 2;
  spec.recorded = recorded;
  spec.recorded_arrivals = true;
  ToolLoad as_recorded(spec, 1);
  CHECK(as_recorded.take().prompt_tokens == 10);
  const auto second = as_recorded.take();
  CHECK(second.at.seconds() == 2.5);
  CHECK(second.output_tokens == 2);
  CHECK(as_recorded.peek() == SimTime::never());

  // A closed loop of three requests starts again with the first length.
  spec.recorded_arrivals = false;
  spec.requests = 3;
  spec.cap = 3;
  ToolLoad closed(spec, 1);
  CHECK(closed.take().prompt_tokens == 10);
  CHECK(closed.take().prompt_tokens == 20);
  CHECK(closed.take().prompt_tokens == 10);
}
