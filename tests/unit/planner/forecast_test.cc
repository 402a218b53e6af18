#include "planner/forecast.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/line_source.h"

namespace {

using namespace eph;

constexpr double kStep = 0.010, kPromptToken = 20e-6, kDecode = 5e-4;
constexpr double kPrompt = 500, kOutput = 50, kRate = 200;

scenario::Assembly assembly() {
  const std::string path = std::string(EPH_TEST_OUT) + "/forecast_linear.json";
  REQUIRE(write_file(path, R"({"form": "linear", "t0_ms": 10, "us_per_prefill_token": 20,
    "us_per_decode_sequence": 500, "ns_per_kv_token": 0})"));
  scenario::DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B";
  spec.profile = path;
  auto out = scenario::assemble(models::Catalog(std::string(EPH_SOURCE_DIR) + "/data"), spec);
  REQUIRE(out);
  return std::move(*out);
}

planner::LoadPieces steady() { return {{{kRate, kPrompt, kOutput}}, 64}; }

// s = t0 + r s (u P + d O), solved for the rate r of one replica at which s is the limit.
double rate_of_one(double limit) {
  return (1 - kStep / limit) / (kPromptToken * kPrompt + kDecode * kOutput);
}

}  // namespace

TEST_CASE("with a linear step the forecast is the fluid's closed form") {
  const scenario::Assembly given = assembly();
  const planner::LoadPieces load = steady();
  for (double limit_ms : {15.0, 20.0, 40.0}) {
    std::vector<sim::Slo> slos(1);
    slos[0].latency = sim::Latency::tpot;
    slos[0].limit = Duration::from_seconds(limit_ms * 1e-3);
    const planner::Forecast forecast(given, load, slos);
    const double exact = kRate / rate_of_one(limit_ms * 1e-3);
    INFO("limit " << limit_ms << " ms, closed form " << exact << " replicas");
    // Whole sequences in a step, and the last 0.2 % of the fixed point, move it by little.
    CHECK(forecast.smallest() == Approx(std::ceil(exact)).epsilon(0.1));
  }
}

TEST_CASE("a measurement changes what a replica counts, and a failure that was foreseen does not") {
  const scenario::Assembly given = assembly();
  const planner::LoadPieces load = steady();
  const auto slos = *sim::parse_slos("p95_tpot=20ms");
  planner::Forecast forecast(given, load, slos);
  const int before = forecast.smallest();
  const auto learn = [&](int replicas, bool passed, double tpot_s) {
    forecast.learn(replicas, passed, 64, {tpot_s});
  };
  learn(before - 1, false, 0.050);
  CHECK(forecast.smallest() == before);
  // 20 replicas measured what the fluid has at half as many: it takes twice as many for anything.
  const double fluid_10 = kStep / (1 - kRate / 10 * (kPromptToken * kPrompt + kDecode * kOutput));
  learn(20, false, fluid_10);
  CHECK(forecast.smallest() == Approx(2 * kRate / rate_of_one(0.020)).margin(2));
}

TEST_CASE("an objective that the lone request misses has no forecast among real counts") {
  const scenario::Assembly given = assembly();
  const planner::LoadPieces load = steady();
  const auto slos = *sim::parse_slos("p95_tpot=9ms");
  CHECK(planner::Forecast(given, load, slos).smallest() > 1'000'000);
}

TEST_CASE("a load is cut into pieces of equally many requests with their own rates") {
  scenario::RequestList list;
  for (int i = 0; i < 640; ++i) {
    workload::Arrival a;
    // 10 requests/s for 320 of them, then 40/s.
    a.at = SimTime::from_seconds(i < 320 ? i * 0.1 : 32 + (i - 320) * 0.025);
    a.prompt_tokens = i < 320 ? 100 : 300;
    a.output_tokens = 7;
    list.arrivals.push_back(a);
  }
  const planner::LoadPieces cut = planner::cut_load(list);
  REQUIRE(cut.pieces.size() == 10);  // of 64 requests
  CHECK(cut.pieces[0].rate == Approx(10));
  CHECK(cut.pieces[0].prompt == Approx(100));
  CHECK(cut.pieces[8].rate == Approx(40));
  CHECK(cut.pieces[8].prompt == Approx(300));
  CHECK(cut.pieces[8].output == Approx(7));
}
