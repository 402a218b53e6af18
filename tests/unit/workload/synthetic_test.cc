#include "workload/synthetic.h"

#include <cmath>

#include "tests/unit/workload/support.h"

namespace eph::workload {
namespace {

Pulled generate(const SyntheticConfig& config) {
  auto source = make_synthetic(config);
  REQUIRE(source);
  return pull_all(**source, 1000);
}

SyntheticConfig config_at(double rate) {
  SyntheticConfig config;
  config.rate = *RateProfile::constant(rate);
  config.lengths = {.prompt = FixedLength{100}, .output = UniformLength{10, 20}};
  return config;
}

// Mean and CV of the gaps, the one before the first request included.
std::pair<double, double> gaps(const Pulled& all) {
  double sum = 0;
  double sum2 = 0;
  double last = 0;
  for (const Arrival& a : all.arrivals) {
    const double gap = a.at.seconds() - last;
    last = a.at.seconds();
    sum += gap;
    sum2 += gap * gap;
  }
  const auto n = static_cast<double>(all.arrivals.size());
  const double mean = sum / n;
  return {mean, std::sqrt(sum2 / n - mean * mean) / mean};
}

}  // namespace

TEST_CASE("Poisson and gamma arrivals have the rate and the CV asked for") {
  SyntheticConfig config = config_at(4);
  config.requests = 100000;
  for (const double cv : {0.25, 1.0, 3.0}) {
    config.process = cv == 1.0 ? ArrivalProcess::poisson : ArrivalProcess::gamma;
    config.cv = cv;
    const Pulled all = generate(config);
    REQUIRE(all.arrivals.size() == 100000);
    const auto [mean, measured] = gaps(all);
    CHECK(mean == Approx(0.25).epsilon(4 * cv / std::sqrt(100000.0)));  // 4 standard errors
    CHECK(measured == Approx(cv).epsilon(0.03));
  }
}

TEST_CASE("constant arrivals are evenly spaced from time 0") {
  SyntheticConfig config = config_at(8);
  config.process = ArrivalProcess::constant;
  config.duration_s = 1;
  const Pulled all = generate(config);
  REQUIRE(all.arrivals.size() == 8);  // at 0, 0.125, ..., 0.875
  for (std::int64_t i = 0; i < 8; ++i)
    CHECK(all.arrivals[static_cast<std::size_t>(i)].at.ns == i * 125'000'000);
}

TEST_CASE("a rate profile integrates and inverts") {
  const std::vector<std::pair<double, double>> points{{0, 0}, {10, 2}, {20, 2}};
  const RateProfile profile = *RateProfile::lines(points);
  CHECK(profile.at(5) == Approx(1));
  CHECK(profile.expected(10) == Approx(10));  // triangle
  CHECK(profile.expected(20) == Approx(30));
  CHECK(*profile.time_of(2.5) == Approx(5));  // 0.1 t^2 = 2.5
  CHECK(*profile.time_of(20) == Approx(15));
  CHECK_FALSE(profile.time_of(30).has_value());
  const RateProfile forever = profile.repeated();
  CHECK(forever.expected(25) == Approx(32.5));
  CHECK(*forever.time_of(62.5) == Approx(45));
  CHECK(forever.at(25) == Approx(1));

  const std::vector<double> rates{1, 0, 3};
  const RateProfile steps = *RateProfile::steps(10, rates);
  CHECK(steps.at(15) == 0);
  CHECK(steps.expected(15) == Approx(10));
  CHECK(*steps.time_of(25) == Approx(25));
  CHECK(steps.end_s() == 30);
}

TEST_CASE("Poisson arrivals follow a rate profile and stop at its end") {
  const std::vector<double> rates{10, 0, 30};
  SyntheticConfig config = config_at(1);
  config.rate = *RateProfile::steps(1000, rates);
  const Pulled all = generate(config);
  std::vector<double> counts(3, 0);
  for (const Arrival& a : all.arrivals)
    counts[static_cast<std::size_t>(a.at.seconds() / 1000)] += 1;
  CHECK(counts[0] == Approx(10000).margin(400));  // 4 standard deviations
  CHECK(counts[1] == 0);
  CHECK(counts[2] == Approx(30000).margin(700));
}

TEST_CASE("seed and run fix the requests") {
  SyntheticConfig config = config_at(4);
  config.requests = 50;
  const Pulled a = generate(config);
  const Pulled b = generate(config);
  config.run = 1;
  const Pulled c = generate(config);
  bool equal = true;
  bool other = false;
  for (std::size_t i = 0; i < 50; ++i) {
    equal = equal && a.arrivals[i].at == b.arrivals[i].at &&
            a.arrivals[i].output_tokens == b.arrivals[i].output_tokens;
    other = other || a.arrivals[i].at != c.arrivals[i].at;
    CHECK(a.arrivals[i].output_tokens >= 10);
    CHECK(a.arrivals[i].output_tokens <= 20);
  }
  CHECK(equal);
  CHECK(other);
}

TEST_CASE("synthetic traffic that cannot be made is refused") {
  const auto error_of = [](const SyntheticConfig& config) {
    const auto source = make_synthetic(config);
    return source ? std::string() : source.error().text();
  };
  SyntheticConfig config = config_at(4);
  CHECK(error_of(config) ==
        "synthetic arrivals without an end; give a number of requests or a duration");
  config.requests = 5;
  config.process = ArrivalProcess::gamma;
  config.cv = 0;
  CHECK(error_of(config) ==
        "CV of the gaps is 0, must be above 0; 1 is Poisson, larger is burstier; "
        "use constant arrivals for 0");
  config = SyntheticConfig{};
  config.requests = 5;
  CHECK(error_of(config) == "synthetic arrivals without a rate; give a rate or a rate profile");
  CHECK(RateProfile::constant(-1).error().text() ==
        "rate in requests/s is -1; give a number above 0");
  config = config_at(1e-9);
  config.requests = 100;
  auto late = make_synthetic(config);
  REQUIRE(late);
  CHECK(pull_all(**late, 1000).error.find("after 9e9 s; give a higher rate") != std::string::npos);
}

}  // namespace eph::workload
