#include "sim/metrics.h"

#include <array>

#include "core/rng.h"
#include "core/stats.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario vllm() { return Scenario(models::EngineKind::vllm, kTenMs); }

}  // namespace

TEST_CASE("latency quantiles equal interpolated order statistics, counts weighing in") {
  Stream stream({7, 0, Purpose::test, 0});
  sim::LatencySample sample;
  std::vector<double> all;
  for (int i = 0; i < 500; ++i) {
    const auto ns = static_cast<std::int64_t>(stream.below(1000));
    const std::uint64_t count = 1 + stream.below(3);
    sample.add(Duration{ns}, count);
    all.insert(all.end(), count, static_cast<double>(ns) * 1e-9);
  }
  std::sort(all.begin(), all.end());
  CHECK(sample.count() == all.size());
  CHECK(sample.mean_s() == Approx(mean(all)));
  CHECK(sample.max_s() == Approx(all.back()));
  for (const double p : {0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0})
    CHECK(sample.quantile_s(p) == Approx(quantile_sorted(all, p)));
}

TEST_CASE("an empty sample has quantile, mean and maximum zero") {
  const sim::LatencySample sample;
  CHECK(sample.quantile_s(0.5) == 0.0);
  CHECK(sample.mean_s() == 0.0);
  CHECK(sample.max_s() == 0.0);
}

TEST_CASE("beyond the exact limit quantiles stay within 0.2 %") {
  sim::LatencySample sample;
  const auto n = static_cast<std::int64_t>(sim::LatencySample::kExactLimit) + 1000;
  for (std::int64_t i = 0; i < n; ++i) sample.add(Duration{1000 + (i * 7919) % n});
  CHECK(sample.count() == static_cast<std::uint64_t>(n));
  CHECK(sample.mean_s() == Approx((1000 + static_cast<double>(n - 1) / 2) * 1e-9));
  for (const double p : {0.1, 0.5, 0.99})
    CHECK(sample.quantile_s(p) ==
          Approx((1000 + p * static_cast<double>(n)) * 1e-9).epsilon(0.002));
}

TEST_CASE("latencies of a day and counts of a million weigh in like any others") {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  constexpr std::int64_t kMillion = sim::LatencySample::kExactLimit;
  sim::LatencySample days, many;
  days.add_each(std::array<std::int64_t, 3>{1, 3, kDay}, 1);
  days.add(Duration{2}, 2);
  // Sorted 1, 2, 2, 3, a day.
  CHECK(days.quantile_s(0.5) == Approx(2e-9));
  CHECK(days.quantile_s(0.75) == Approx(3e-9));
  CHECK(days.quantile_s(1) == Approx(86400));
  CHECK(days.mean_s() == Approx((8e-9 + 86400) / 5));
  many.add_each(std::array<std::int64_t, 1>{5}, kMillion);
  CHECK(many.quantile_s(0.3) == Approx(5e-9));
  CHECK(many.count() == kMillion);
  // One value is exact, the other two go beyond the limit.
  sim::LatencySample beyond;
  beyond.add_each(std::array<std::int64_t, 3>{10, 20, kDay}, kMillion / 2 + 1);
  CHECK(beyond.count() == 3 * (kMillion / 2 + 1));
  CHECK(beyond.quantile_s(0.5) == Approx(20e-9));
  CHECK(beyond.max_s() == Approx(86400));
}

TEST_CASE("rates, shares and means over time of a run worked out by hand") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.send(0, 4, 2);
  s.send(0, 6, 2);
  const Outcome o = run(s);
  // Request 0: 0..20 ms, request 1 waits 20 ms and runs 20..40 ms.
  const sim::RunSummary& r = o.summary;
  CHECK(r.counts.arrived == 2);
  CHECK(r.counts.finished == 2);
  CHECK(r.counts.prompt_tokens == 10);
  CHECK(r.counts.output_tokens == 4);
  CHECK(r.requests_per_s == Approx(2 / 0.040));
  CHECK(r.output_tokens_per_s == Approx(4 / 0.040));
  CHECK(r.total_tokens_per_s == Approx(14 / 0.040));
  CHECK(r.busy_share == Approx(1.0));
  CHECK(r.mean_running == Approx(1.0));
  CHECK(r.mean_waiting == Approx(0.5));
  CHECK(r.mean_in_system == Approx(1.5));
  CHECK(r.peak_kv_used == Approx(2.0 / 1000));
  CHECK(r.ttft.mean_s() == Approx(0.020));
  CHECK(r.ttft.quantile_s(1.0) == Approx(0.030));
  CHECK(r.e2e.mean_s() == Approx(0.030));
  CHECK(r.queued.mean_s() == Approx(0.010));
  CHECK(r.tpot.mean_s() == Approx(0.010));
}

TEST_CASE("requests sent before measure_from are simulated but not summarised") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.config.measure_from = at_ms(5);
  s.send(0, 4, 2);
  s.send(5, 4, 1);
  const Outcome o = run(s);
  CHECK(o.summary.counts.arrived == 2);
  CHECK(o.summary.ttft.count() == 1);
  CHECK(o.summary.ttft.mean_s() == Approx(0.025));  // waits for the first: 20..30 ms
  CHECK(o.summary.itl.count() == 0);
  CHECK(o.summary.first_sent == at_ms(5));
  CHECK(o.summary.requests_per_s == Approx(1 / 0.025));
  CHECK(o.summary.busy_share == Approx(1.0));
  CHECK(o.summary.mean_in_system == Approx((2 * 15 + 1 * 10) / 25.0));
}

TEST_CASE("goodput counts requests that meet every limit themselves") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.options.slos = *sim::parse_slos("p50_ttft=25ms,p99_e2e=45ms,mean_tpot=10ms");
  for (int i = 0; i < 3; ++i) s.send(0, 4, 2);
  const Outcome o = run(s);
  // TTFT 10, 30, 50 ms; e2e 20, 40, 60 ms: only the first meets both.
  CHECK(o.summary.goodput_share == Approx(1.0 / 3));
  CHECK(o.summary.goodput_per_s == Approx(1 / 0.060));
  REQUIRE(o.summary.slos.size() == 3);
  CHECK(o.summary.slos[0].measured_s == Approx(0.030));
  CHECK_FALSE(o.summary.slos[0].met);
  CHECK_FALSE(o.summary.slos[1].met);
  CHECK(o.summary.slos[2].met);
  CHECK_FALSE(o.summary.slos_met());
}

TEST_CASE("a percentile is not met when too few requests finish to have it") {
  Scenario s = vllm();
  s.config.horizon = at_ms(100);
  s.options.slos = *sim::parse_slos("p50_ttft=1s,p80_ttft=1s");
  for (int i = 0; i < 3; ++i) s.send(0, 4, 1);
  s.send(95, 4, 1);
  const Outcome o = run(s);
  CHECK(o.summary.slos[0].met);  // 3 of 4 finished
  CHECK_FALSE(o.summary.slos[1].met);
}

TEST_CASE("the series shows queues, blocks and counts at even times") {
  Scenario s = vllm();
  s.engine().max_num_seqs = 1;
  s.config.series_interval = Duration::from_seconds(0.010);
  s.send(5, 4, 2);
  s.send(6, 4, 1);
  const Outcome o = run(s);
  // Steps 5..15, 15..25 (request 0), 25..35 (request 1); the first point falls before the first
  // send.
  const auto& series = o.summary.series;
  REQUIRE(series.size() == 4);
  CHECK(series[0].at == at_ms(0));
  CHECK(series[0].running == 0);
  CHECK(series[1].at == at_ms(10));
  CHECK(series[1].running == 1);
  CHECK(series[1].waiting == 1);
  CHECK(series[1].kv_used == Approx(0.001));
  CHECK(series[2].kv_used == Approx(0.002));  // the fifth token, at 15 ms
  CHECK(series[2].finished == 0);
  CHECK(series[3].at == at_ms(30));
  CHECK(series[3].waiting == 0);
  CHECK(series[3].finished == 1);
}

TEST_CASE("the digest depends on every request's times") {
  Scenario s = vllm();
  s.send(0, 4, 2);
  s.send(3, 4, 2);
  const std::uint64_t digest = run(s).summary.digest;
  CHECK(run(s).summary.digest == digest);
  s.arrivals[1] = request(SimTime{at_ms(3).ns + 1}, 4, 2);
  CHECK(run(s).summary.digest != digest);
}
