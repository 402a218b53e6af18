// The simulator against queueing theory. A replica with max_num_seqs = 1 and a constant step model
// is a single server in order of arrival; a request of n output tokens is served for n steps.
#include <cmath>

#include "core/stats.h"
#include "tests/support/poisson_load.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

// Mean and half-width of its 95 % interval from 20 batch means (Student's t, 19 degrees of
// freedom).
struct Estimate {
  double mean = 0, half_width = 0;
};
Estimate batch_means(const std::vector<double>& values) {
  constexpr std::size_t kBatches = 20;
  std::vector<double> means;
  const std::size_t size = values.size() / kBatches;
  for (std::size_t b = 0; b < kBatches; ++b)
    means.push_back(mean(std::span(values).subspan(b * size, size)));
  return {mean(means), 2.093 * std::sqrt(variance(means) / kBatches)};
}

struct QueueRun {
  Estimate wait;
  sim::RunSummary summary;
};

// Lindley's recursion on the same draws: W' = max(0, W + S - A), in nanoseconds.
std::vector<double> lindley(double step_s, PoissonLoad load) {
  const std::int64_t step_ns = Duration::from_seconds(step_s).ns;
  std::vector<double> waits;
  std::int64_t free_at = 0;
  while (load.peek() != SimTime::never()) {
    const workload::Arrival a = load.take();
    waits.push_back(Duration{std::max<std::int64_t>(0, free_at - a.at.ns)}.seconds());
    free_at = std::max(free_at, a.at.ns) + a.output_tokens * step_ns;
  }
  return waits;
}

QueueRun single_server(double step_s, PoissonLoad load) {
  class Waits final : public sim::MetricsSink {
   public:
    void on_request(const sim::RequestRecord& r) override { waits.push_back(r.queued().seconds()); }
    std::vector<double> waits;
  };
  const ConstantStepModel step(step_s);
  Scenario s(models::EngineKind::vllm, step);
  s.engine().max_num_seqs = 1;
  s.config.replica.kv = {100001, 16, 100000};
  Waits sink;
  sim::RunOptions options;
  options.sink = &sink;
  const std::vector<double> expected = lindley(step_s, load);
  auto summary = sim::Simulation(s.config).run(load, options);
  REQUIRE(summary.has_value());
  CHECK(sink.waits == expected);  // every single wait, to the nanosecond
  return {batch_means(sink.waits), std::move(*summary)};
}

// Prints the deviation, and requires it within 3.9 standard errors (99.9 %) and `limit_percent`.
void compare(const std::string& what, const Estimate& got, double theory, double limit_percent) {
  const double deviation = (got.mean / theory - 1) * 100;
  const double interval = got.half_width / theory * 100;
  WARN(fmt::format(
      "{}: simulated {:.4f} ms, closed form {:.4f} ms, deviation {:+.2f} % (95 % +-{:.2f} %)", what,
      got.mean * 1e3, theory * 1e3, deviation, interval));
  CHECK(std::abs(deviation) < limit_percent);
  CHECK(std::abs(deviation) < 3.883 / 2.093 * interval);
}

}  // namespace

TEST_CASE("M/D/1: the mean wait is rho D / 2(1 - rho) and the server is busy for rho") {
  const double rho = GENERATE(0.3, 0.6, 0.8, 0.9);
  const double d = 0.010;
  const QueueRun r = single_server(d, PoissonLoad(
                                          rho / d, 200000, 1, [](Stream&) { return 1; }, 11));
  compare(fmt::format("M/D/1 rho {}", rho), r.wait, rho * d / (2 * (1 - rho)), 5);
  CHECK(r.summary.busy_share == Approx(rho).epsilon(0.01));
  CHECK(r.summary.mean_waiting ==
        Approx(rho / d * rho * d / (2 * (1 - rho))).epsilon(0.06));  // Little, on the queue
  CHECK_FALSE(r.summary.saturated);
}

TEST_CASE("M/M/1: with geometric outputs the mean wait is Pollaczek and Khinchine's") {
  const double rho = GENERATE(0.5, 0.8);
  const double step = 0.0005, mean_tokens = 20;
  const double service = step * mean_tokens;
  const QueueRun r =
      single_server(step, PoissonLoad(
                              rho / service, 400000, 1,
                              [=](Stream& stream) { return geometric(stream, mean_tokens); }, 12));
  // Geometric with success p: E[n^2] = (2 - p) / p^2; rho / (1 - rho) S (1 - p / 2) in all.
  const double exact = rho / (1 - rho) * service * (1 - 0.5 / mean_tokens);
  compare(fmt::format("M/Geo/1 rho {}", rho), r.wait, exact, 6);
  compare(fmt::format("M/M/1 rho {}", rho), r.wait, rho / (1 - rho) * service, 6.5);
}

TEST_CASE("saturation is seen at rho 1.2 and not at 0.8") {
  const double d = 0.010;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    const auto saturated = [&](double rho, std::int64_t n, bool geometric_service) {
      const double step = geometric_service ? d / 20 : d;
      return single_server(
                 step,
                 PoissonLoad(
                     rho / d, n, 1,
                     [&](Stream& s) { return geometric_service ? geometric(s, 20) : 1; }, seed))
          .summary.saturated;
    };
    CHECK_FALSE(saturated(0.8, 4000, false));
    CHECK(saturated(1.2, 4000, false));
    CHECK_FALSE(saturated(0.8, 4000, true));
    CHECK(saturated(1.2, 4000, true));
    CHECK_FALSE(saturated(0.8, 400, false));
  }
}
