// Each time line is worked out by hand from the algorithm that the autoscaler's documentation
// gives.
#include <catch2/catch.hpp>

#include <fmt/format.h>

#include "sim/autoscale/autoscaler.h"
#include "sim/autoscale/load_history.h"

using namespace eph;
using namespace eph::sim;

namespace {

struct Row {
  double t = 0;
  FleetLoad load;
};

FleetLoad requests(double in_flight, double ready, double queued = 0) {
  FleetLoad load;
  load.in_flight = in_flight;
  load.queued = queued;
  load.ready = ready;
  return load;
}

// "t:desired" wherever the answer changes.
std::vector<std::string> changes(const AutoscalerOptions& options, const std::vector<Row>& rows,
                                 double until) {
  const auto scaler = make_autoscaler(options);
  std::vector<std::string> out;
  int last = -1;
  const auto decide_before = [&](SimTime limit) {
    while (scaler->next() < limit) {
      const SimTime at = scaler->next();
      const int desired = scaler->decide(at);
      if (desired != last) out.push_back(fmt::format("{}:{}", at.seconds(), desired));
      last = desired;
    }
  };
  for (const Row& row : rows) {
    decide_before(SimTime::from_seconds(row.t));
    scaler->observe(SimTime::from_seconds(row.t), row.load);
  }
  decide_before(SimTime::from_seconds(until) + Duration{1});
  return out;
}

using Line = std::vector<std::string>;

HpaOptions hpa(double target, int most = 100) {
  HpaOptions o;
  o.target = target;
  o.max_replicas = most;
  return o;
}

}  // namespace

TEST_CASE("a load's mean over a window is weighted by time") {
  LoadHistory h;
  h.set(SimTime::from_seconds(0), 10);
  h.set(SimTime::from_seconds(4), 40);
  // 4 s of 10 and 2 s of 40.
  CHECK(h.mean(SimTime::from_seconds(0), SimTime::from_seconds(6)) == Approx(20));
  CHECK(h.mean(SimTime::from_seconds(3), SimTime::from_seconds(5)) == Approx(25));
  // What lies before the first value is not known and does not count.
  CHECK(h.mean(SimTime::from_seconds(-60), SimTime::from_seconds(6)) == Approx(20));
  h.forget(SimTime::from_seconds(5));
  CHECK(h.mean(SimTime::from_seconds(5), SimTime::from_seconds(7)) == Approx(40));
}

TEST_CASE("the HPA keeps its size within the tolerance and takes the ceiling beyond it") {
  // Target 10, 4 replicas: 43 is 7.5 % above 40 and changes nothing; 45 is 12.5 % above: ceil(4.5)
  // = 5.
  CHECK(changes({hpa(10), {}}, {{0, requests(43, 4)}, {20, requests(45, 4)}}, 30) ==
        Line{"15:4", "30:5"});
}

TEST_CASE("the HPA adds 4 pods or 100 percent within 15 s, whichever is more") {
  // 1 -> max(1 + 4, 2) = 5 at 15 s -> max(9, 10) = 10 at 30 s -> max(14, 20) = 20 -> 40 ->
  // ceil(500/10) = 50.
  CHECK(changes({hpa(10), {}}, {{0, requests(500, 1)}}, 90) ==
        Line{"15:5", "30:10", "45:20", "60:40", "75:50"});
  CHECK(changes({hpa(10, 12), {}}, {{0, requests(500, 1)}}, 90) == Line{"15:5", "30:10", "45:12"});
}

TEST_CASE("the HPA scales down to the most that was recommended within 300 s") {
  // 8 recommended at 15 and 30 s, 2 from 45 s on. At 330 s the 8 of 30 s is exactly 300 s old: out.
  CHECK(changes({hpa(10), {}}, {{0, requests(80, 8)}, {31, requests(20, 8)}}, 400) ==
        Line{"15:8", "330:2"});
  // With a limit of one pod a minute: 330 s: 7; then the event leaves the 60 s window at 390 s: 6.
  HpaOptions slow = hpa(10);
  slow.down = {0, Duration{15'000'000'000}, 1, Duration{60'000'000'000}, HpaOptions::Select::max};
  CHECK(changes({slow, {}}, {{0, requests(80, 8)}, {31, requests(20, 8)}}, 400) ==
        Line{"15:8", "330:7", "390:6"});
  slow.down.select = HpaOptions::Select::disabled;
  CHECK(changes({slow, {}}, {{0, requests(80, 8)}, {31, requests(20, 8)}}, 400) == Line{"15:8"});
}

TEST_CASE("pods that are not ready count nothing upwards and are left out downwards") {
  // 10 wanted, 5 ready, 40 in flight, target 6: 8 a ready pod asks for more, 4 a pod of all for
  // fewer: no change.
  HpaOptions pods = hpa(6);
  pods.pod_readiness = true;
  pods.stabilization_down = Duration::zero();
  HpaOptions plain = pods;
  plain.pod_readiness = false;
  const std::vector<Row> rows{{0, requests(60, 10)}, {16, requests(40, 5)}};
  CHECK(changes({pods, {}}, rows, 30) == Line{"15:10"});
  CHECK(changes({plain, {}}, rows, 30) == Line{"15:10", "30:7"});
}

TEST_CASE("KEDA goes from none to one at a poll and back after its cooldown") {
  KedaOptions o;
  o.hpa = hpa(10);
  o.cooldown = Duration{60'000'000'000};
  // The load of 35 s is seen by the poll of 60 s: one; the HPA of the same instant makes it
  // min(ceil 3, 1 + 4) = 3. Idle from 100 s: polls at 120 (30 s after the last active one at 90),
  // 150: 60 s, none. The HPA's window has kept 3.
  CHECK(changes({o, {}}, {{0, requests(0, 0)}, {35, requests(0, 0, 30)}, {100, requests(0, 3)}},
                200) == Line{"15:0", "60:3", "150:0"});
}

TEST_CASE("Knative follows the stable mean, and the panic mean while it is twice what is there") {
  KnativeOptions o;
  o.target = 10;
  o.target_percentage = 100;
  // 10 in flight at one replica until 30 s, then 40. At 32 s: panic window (26, 32] = (4*10 +
  // 2*40)/6 = 20: 2 pods, 2/1 >= 2: panic. 34 s: (2*10 + 4*40)/6 = 30: 3; 36 s: 40: 4, and that is
  // the most. Four are ready from 40 s on: 4/4 < 2, the last "over" was at 38 s; stable again after
  // 98 s: at 100 s the stable mean (40, 100] is 40: 4.
  CHECK(changes({o, {}}, {{0, requests(10, 1)}, {30, requests(40, 1)}, {40, requests(40, 4)}},
                110) == Line{"2:1", "32:2", "34:3", "36:4"});
}

TEST_CASE("Knative leaves none only after an idle stable window and the grace period") {
  KnativeOptions o;
  o.target = 10;
  // Idle from 10 s: the mean over (10, 70] is 0 at 70 s; 30 s of grace: none at 100 s.
  CHECK(changes({o, {}}, {{0, requests(3, 1)}, {10, requests(0, 1)}}, 120) == Line{"2:1", "100:0"});
  // Idle from the start: a full stable window since then, 60 s, and the grace period.
  CHECK(changes({o, {}}, {{0, requests(0, 1)}}, 120) == Line{"2:1", "90:0"});
  // At most half may go at once: not below floor(8/2), and never below one half of what is ready.
  CHECK(changes({o, {}}, {{0, requests(0, 8)}}, 60) == Line{"2:4"});
  o.min_scale = 2;
  CHECK(changes({o, {}}, {{0, requests(0, 2)}}, 200) == Line{"2:2"});
}

TEST_CASE("Ray Serve waits for the first push and for its delays") {
  RayServeOptions o;
  o.max_replicas = 20;
  o.downscale_delay = Duration{60'000'000'000};
  // 12 ongoing at one replica, target 2: 6. Wanted from the push at 10 s on; the 301st loop in a
  // row is at 40 s. From 50 s on 6 replicas and nothing ongoing. Pushes: 60 s: mean (30, 60] = 12 *
  // 20/30 = 8: 4; 70 s: 4: 2; 80 s: 0: 1 (its minimum). Fewer are wanted from 60 s on; 600 + 1
  // loops later, at 120 s, it is one.
  CHECK(changes({o, {}}, {{0, requests(12, 1)}, {50, requests(0, 6)}}, 130) ==
        Line{"0.1:1", "40:6", "120:1"});
}

TEST_CASE("Ray Serve starts the first replica at once and lets the last one go on its own") {
  RayServeOptions o;
  o.min_replicas = 0;
  o.max_replicas = 20;
  o.downscale_delay = Duration{30'000'000'000};
  o.downscale_to_zero_delay = Duration{60'000'000'000};
  // Nothing runs and something waits at 5 s: one, in that loop. Two are there at 20 s although one
  // was wanted.
  CHECK(changes({o, {}}, {{0, requests(0, 0)}, {5, requests(0, 0, 1)}}, 6) == Line{"0.1:0", "5:1"});
  // Idle, two running: from the push at 10 s fewer are wanted: 2 -> 1 at 40 s; then 601 loops: 1 ->
  // 0 at 100.1 s.
  CHECK(changes({o, {}}, {{0, requests(0, 2)}, {41, requests(0, 1)}}, 120) ==
        Line{"0.1:2", "40:1", "100.1:0"});
}

TEST_CASE(
    "a serverless pool follows the load at once and lets containers go after their idle window") {
  ServerlessOptions o;
  o.target_inputs = 10;
  o.buffer_containers = 1;
  // 25 inputs: 3 + 1. From 10 s on 5 inputs: containers 2 and 3 were busy until 10 s and go at 70
  // s; the buffer never was and started at 1 s: wanted are 1 + 1, so 3 and 4 go; container 4 may at
  // 61 s, 3 at 70 s.
  CHECK(changes({o, {}}, {{0, requests(25, 0)}, {10, requests(5, 4)}}, 100) ==
        Line{"1:4", "61:3", "70:2"});
  // Idle from 10 s on: no buffer either. The first two at 70 s, and the minimum stays.
  o.min_containers = 1;
  CHECK(changes({o, {}}, {{0, requests(15, 0)}, {10, requests(0, 3)}}, 100) ==
        Line{"1:3", "61:2", "70:1"});
}

TEST_CASE("Dynamo's SLA planner sizes prefill and decode for the last interval's requests") {
  DynamoOptions o;
  o.isl = 3000, o.osl = 150;
  o.prefill_tps_per_gpu = 10'000, o.decode_tps_per_gpu = 500;
  o.max_gpu_budget = 16;
  FleetLoad load;
  load.ready = 2;
  load.rps = 10;
  // 10 * 3000 / 10000 = 3 prefill, 10 * 150 / 500 = 3 decode.
  // Then 40 a second: 12 and 12 exceed 16 GPUs: 12 * 16/24 = 8 each.
  FleetLoad more = load;
  more.rps = 40;
  CHECK(changes({o, {}}, {{0, load}, {180, more}}, 360) == Line{"180:6", "360:16"});
}

TEST_CASE("Dynamo's load planner moves one worker at a time and spares a new decode worker") {
  DynamoOptions o;
  o.mode = DynamoOptions::Mode::load;
  FleetLoad busy;
  busy.ready = 2;
  busy.kv_usage = 0.95;
  FleetLoad calm = busy;
  calm.kv_usage = 0.3;
  // 1 + 1; decode +1 at 30 and 60 s. KV falls at 61 s; none is taken at 90, 120, 150 (three
  // intervals), then one each.
  CHECK(changes({o, {}}, {{0, busy}, {61, calm}}, 240) == Line{"30:3", "60:4", "180:3", "210:2"});
}

TEST_CASE("metrics that come late are acted on late, the number of replicas is known at once") {
  MetricPath late;
  late.delay = Duration{20'000'000'000};
  // The load of 20 s arrives at 40 s: the sync of 45 s, not that of 30 s, adds replicas.
  CHECK(changes({hpa(10), late}, {{0, requests(10, 1)}, {20, requests(40, 1)}}, 60) ==
        Line{"15:1", "45:4"});
  MetricPath scraped;
  scraped.interval = Duration{25'000'000'000};
  // Scraped at 25, 50, ...: 40 at 50 s, seen by the sync of 60 s.
  CHECK(changes({hpa(10), scraped}, {{0, requests(10, 1)}, {26, requests(40, 1)}}, 60) ==
        Line{"15:1", "60:4"});
}

TEST_CASE("a schedule repeats after its period") {
  ScheduledOptions o;
  o.entries = {{Duration::zero(), 2}, {Duration{10'000'000'000}, 5}};
  o.period = Duration{60'000'000'000};
  CHECK(changes({o, {}}, {{0, requests(0, 2)}}, 80) == Line{"0:2", "10:5", "60:2", "70:5"});
}

TEST_CASE("options that make no sense together are refused") {
  CHECK_FALSE(check({HpaOptions{}, {}}).has_value());  // no target
  HpaOptions crossed = hpa(1);
  crossed.min_replicas = 200;
  CHECK_FALSE(check({crossed, {}}).has_value());
  CHECK_FALSE(check({DynamoOptions{}, {}}).has_value());  // no rates
  CHECK_FALSE(check({ScheduledOptions{}, {}}).has_value());
  CHECK(check({KnativeOptions{}, {}}).has_value());
}

TEST_CASE("a history that begins with the size at the start holds it for the window") {
  HpaOptions o = hpa(10);
  const auto line = [](const HpaOptions& options) {
    return changes({options, {}}, {{0, requests(5, 4)}}, 400);
  };
  CHECK(line(o) == Line{"15:1"});  // nothing was ever recommended but 1
  o.initial_recommendation = true;
  // The 4 of 0 s is out when it is 300 s old.
  CHECK(line(o) == Line{"15:4", "300:1"});
}
