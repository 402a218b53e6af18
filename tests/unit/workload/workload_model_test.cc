#include "workload/workload_model.h"

#include "tests/unit/workload/support.h"
#include "workload/model_source.h"
#include "workload/recording.h"
#include "workload/sharing.h"

namespace eph::workload {
namespace {

// 600 s at 2 requests/s, then 600 s at 6; short prompts have long outputs in the first half and are
// rare in the second.
Recording two_halves() {
  Recording all;
  for (int i = 0; i < 4800; ++i) {
    const bool early = i < 1200;
    Arrival a;
    a.at = SimTime::from_seconds(early ? i / 2.0 : 600 + (i - 1200) / 6.0);
    const bool shorter = early ? i % 2 == 0 : i % 10 == 0;
    a.prompt_tokens = shorter ? 100 : 4000;
    a.output_tokens = shorter ? 500 : 20;
    a.max_output_tokens = a.output_tokens;
    all.arrivals.push_back(a);
  }
  return all;
}

WorkloadModel fitted(const Recording& recording, FitOptions options = {}) {
  const auto source = replay(recording);
  const auto model = fit_workload(*source, options);
  REQUIRE(model);
  return *model;
}

std::string faults_of(const std::string& text) {
  const auto json = parse_json(text, "m.json");
  REQUIRE(json);
  const auto model = parse_workload_model(*json, "m.json");
  return model ? "" : model.error().text();
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

constexpr const char* kSmallest = R"({
"format": "ephemeris-workload", "version": 1, "name": "n", "source": "s", "requests": 120,
"duration": "120 s", "rate": {"window": "60 s", "requests_per_s": [1, 1]},
"bursts": [{"window": "10 s", "concentration": 5}],
"lengths": {"bins": [{"share": 1, "prompt": {"p": [0, 1], "tokens": [10, 10]},
"output": {"p": [0, 0.5, 1], "tokens": [1, 2, 3]}}],
"segment": "60 s", "segments": [{"shares": [1]}, {"shares": [1]}]}
})";

}  // namespace

TEST_CASE("a quantile curve keeps repeated values and stays within its tolerance") {
  std::vector<std::int32_t> sample(300, 4096);  // 30 % at a limit
  for (std::int32_t i = 0; i < 700; ++i) sample.push_back(10 + i * i / 200);
  std::sort(sample.begin(), sample.end());
  const QuantileCurve curve = fit_curve(sample, 24);
  CHECK(curve.p.size() <= 24);
  CHECK(curve.draw(0.71) == 4096);
  CHECK(curve.draw(0.999) == 4096);
  for (const double p : {0.05, 0.25, 0.5, 0.69}) {
    const double exact = sample[static_cast<std::size_t>(p * 1000)];
    CHECK(curve.at(p) == Approx(exact).epsilon(0.02).margin(1));
  }
  CHECK(curve.draw(0) == 10);
  const QuantileCurve constant = fit_curve(std::vector<std::int32_t>{7, 7, 7}, 8);
  CHECK(constant.p.size() == 2);
  CHECK(constant.draw(0.3) == 7);
}

TEST_CASE("a fit keeps the rate, the mix over time and the joint lengths") {
  const WorkloadModel model = fitted(two_halves());
  CHECK(model.requests == 4800);
  CHECK(model.duration_s == Approx(1200).epsilon(0.001));
  REQUIRE(model.rate.requests_per_s.size() == 21);  // the last one is cut after 0.08 s
  CHECK(model.rate.requests_per_s[3] == Approx(2).epsilon(0.02));
  CHECK(model.rate.requests_per_s[15] == Approx(6).epsilon(0.02));

  double early = 0, early_short = 0, late = 0, late_short = 0;
  for (std::uint64_t run = 0; run < 5; ++run) {
    ModelTrafficOptions options;
    options.run = run;
    auto source = make_model_traffic(model, options);
    REQUIRE(source);
    for (const Arrival& a : pull_all(**source, 100).arrivals) {
      const bool is_short = a.prompt_tokens == 100;
      REQUIRE((is_short || a.prompt_tokens == 4000));
      REQUIRE(a.output_tokens == (is_short ? 500 : 20));
      (a.at.seconds() < 600 ? early : late) += 1;
      if (is_short) (a.at.seconds() < 600 ? early_short : late_short) += 1;
    }
  }
  CHECK(early / 5 == Approx(1200).epsilon(0.06));
  CHECK(late / 5 == Approx(3600).epsilon(0.03));
  CHECK(early_short / early == Approx(0.5).margin(0.03));
  CHECK(late_short / late == Approx(0.1).margin(0.01));
}

TEST_CASE("a model survives its file") {
  const WorkloadModel model = fitted(two_halves(), {.name = "halves", .source = "made up"});
  const std::string text = to_json(model).dump(1);
  const auto back = parse_workload_model(*parse_json(text, "m.json"), "m.json");
  REQUIRE(back);
  CHECK(back->name == "halves");
  CHECK(to_json(*back).dump(1) == text);
}

TEST_CASE("traffic scales, repeats and ends as asked") {
  const auto model = parse_workload_model(*parse_json(kSmallest, "m.json"), "m.json");
  REQUIRE(model);
  const auto count = [&](ModelTrafficOptions options) {
    auto source = make_model_traffic(*model, options);
    REQUIRE(source);
    return pull_all(**source, 64);
  };
  // 120 requests are expected in 120 s; four standard deviations of n Poisson counts.
  CHECK(double(count({.rate_scale = 50}).arrivals.size()) == Approx(6000).margin(310));
  CHECK(count({.rate_scale = 50}).arrivals.back().at.seconds() < 120);
  const Pulled fast = count({.rate_scale = 50, .mode = RateMode::compress});
  CHECK(double(fast.arrivals.size()) == Approx(120).margin(44));
  CHECK(fast.arrivals.back().at.seconds() < 2.4);
  const Pulled longer = count({.duration_s = 6000});
  CHECK(double(longer.arrivals.size()) == Approx(6000).margin(310));
  CHECK(longer.arrivals.back().at.seconds() > 5900);
  CHECK(count({.requests = 1000}).arrivals.size() == 1000);
  // Same requests whatever the block size of the pulls, other ones in another run.
  auto first = make_model_traffic(*model, {});
  const Pulled one = pull_all(**first, 1);
  CHECK(one.arrivals.size() == count({}).arrivals.size());
  CHECK(one.arrivals.front().at == count({}).arrivals.front().at);
  CHECK(one.arrivals.front().at != count({.run = 1}).arrivals.front().at);
}

TEST_CASE("conversations are continued with their blocks") {
  // Half of the requests repeat all but the last block of the request 10 s before, all share a
  // root.
  SharingObserver observer;
  std::vector<std::size_t> bin_of;
  std::vector<std::vector<std::uint64_t>> past;
  std::uint64_t next = 100;
  for (std::size_t i = 0; i < 2000; ++i) {
    std::vector<std::uint64_t> hashes{0};
    if (i >= 10 && i % 2 == 0) hashes.assign(past[i - 10].begin(), past[i - 10].end() - 1);
    while (hashes.size() < 10) hashes.push_back(next++);
    observer.add(double(i), hashes);
    past.push_back(hashes);
    bin_of.push_back(0);
  }
  const auto model = observer.fit(bin_of, 1, 512);
  REQUIRE(model);
  CHECK(model->root_blocks == 1);
  CHECK(model->continued[0] == Approx(0.5).margin(0.01));
  CHECK(model->shared_part[0].at(0.5) == Approx(0.9));
  CHECK(model->age_s.at(0.5) == Approx(10));
  // Half of the prompts reuse 9 of 10 blocks, half only the root.
  CHECK(model->reused_share == Approx(0.5).margin(0.01));

  SharingSource source(*model);
  SharingObserver again;
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < 2000; ++i) {
    Stream stream({.seed = 3, .purpose = Purpose::lengths, .entity = i});
    hashes.clear();
    source.draw(double(i), 0, 5000, stream, hashes);
    REQUIRE(hashes.size() == 10);
    again.add(double(i), hashes);
  }
  const auto drawn = again.fit(bin_of, 1, 512);
  CHECK(drawn->reused_share == Approx(0.5).margin(0.03));
  CHECK(drawn->age_s.at(0.5) == Approx(10).margin(1));
}

TEST_CASE("a model file is read strictly") {
  CHECK(faults_of(kSmallest).empty());
  CHECK(faults_of(with(kSmallest, "\"version\": 1", "\"version\": 2")).find("/version") !=
        std::string::npos);
  CHECK(faults_of(with(kSmallest, "\"name\"", "\"nmae\"")).find("did you mean \"name\"?") !=
        std::string::npos);
  CHECK(faults_of(with(kSmallest, "[1, 1]}", "[1, 1, 1]}"))
            .find("120 s need 2 rate windows, found 3; give one rate for each window") !=
        std::string::npos);
  CHECK(faults_of(with(kSmallest, "[1, 1]}", "[1, -1]}")).find("rate -1 is out of range") !=
        std::string::npos);
  CHECK(faults_of(with(kSmallest, "\"shares\": [1]}]", "\"shares\": [0.5]}]"))
            .find("shares sum to 0.5; they must be at least 0 and sum to 1") != std::string::npos);
  CHECK(faults_of(with(kSmallest, "\"10 s\"", "\"7 s\"")).find("7 s does not divide 60 s") !=
        std::string::npos);
  CHECK(faults_of(with(kSmallest, "\"p\": [0, 0.5, 1]", "\"p\": [0, 0, 1]"))
            .find("knot 2 is not above the one before") != std::string::npos);
  CHECK(faults_of(with(kSmallest, "[10, 10]", "[0, 10]")).find("value 0 is out of range") !=
        std::string::npos);
}

TEST_CASE("a trace too short to fit says so") {
  Recording small;
  for (int i = 0; i < 50; ++i) {
    Arrival a;
    a.at = SimTime::from_seconds(i);
    a.prompt_tokens = a.output_tokens = 1;
    small.arrivals.push_back(a);
  }
  const auto error = [](const Recording& trace) {
    const auto source = replay(trace);
    return fit_workload(*source, {}).error().text();
  };
  CHECK(error(small) == "50 requests are too few to fit a workload model; give at least 100");
  for (int i = 50; i < 120; ++i) {
    Arrival a = small.arrivals.back();
    small.arrivals.push_back(a);
  }
  CHECK(error(small).find("is shorter than two rate windows of 60 s") != std::string::npos);
}

}  // namespace eph::workload
