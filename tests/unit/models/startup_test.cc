// Start-up times: the equation on round numbers, draws, the file.
#include "models/startup.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/line_source.h"
#include "models/catalog.h"

using namespace eph;
using namespace eph::models;

namespace {

StartupModel round_model() {
  StartupModel m;
  m.seconds = {30, 10, 5, 0.1, 0.5, 20, 8};
  m.factors = {{"acme", "", std::log(2.0), 10},
               {"", "h100-sxm", std::log(1.5), 10},
               {"acme", "h100-sxm", std::log(0.5), 5}};
  m.clouds = {{"acme", 0.5e9, 4}};
  m.download_bytes_per_s = 0.2e9;
  m.sd_warm_known = 0.1;
  m.sd_cold_known = 0.2;
  m.sd_warm_new = 0.3;
  m.sd_cold_new = 0.4;
  m.gpus_max = 8;
  m.command = "none";
  m.commit = "none";
  return m;
}

StartupQuery query(StartKind kind, int gpus = 1) {
  StartupQuery q;
  q.weight_bytes = 16e9;
  q.layers = 40;
  q.gpus = gpus;
  q.kind = kind;
  return q;
}

}  // namespace

TEST_CASE("a start on an unknown machine takes the plain sum of its seconds") {
  const StartupModel m = round_model();
  // 30 + 40 * 0.1 + 16 * 0.5 = 42
  CHECK(m.distribution(query(StartKind::warm)).median_s == Approx(42));
  // + 20 to compile, + 16 GB at 0.2 GB/s
  CHECK(m.distribution(query(StartKind::cold)).median_s == Approx(42 + 20 + 80));
  CHECK(m.distribution(query(StartKind::fresh)).median_s == Approx(42 + 28 + 80));
  // 4 ranks: + 10 + 2 * 5, and each loads a quarter
  CHECK(m.distribution(query(StartKind::warm, 4)).median_s == Approx(30 + 4 + 2 + 20));
  CHECK(m.distribution(query(StartKind::warm)).sigma == 0.3);
  CHECK(m.distribution(query(StartKind::fresh)).sigma == 0.4);
  CHECK_FALSE(m.distribution(query(StartKind::warm)).known_host);
}

TEST_CASE("factors of cloud, GPU and their pair multiply, and leave the download alone") {
  const StartupModel m = round_model();
  StartupQuery q = query(StartKind::cold);
  q.cloud = "acme";
  CHECK(m.distribution(q).median_s == Approx(2 * 62 + 32));
  q.gpu = "h100-sxm";  // 2 * 1.5 * 0.5
  const StartupDistribution known = m.distribution(q);
  CHECK(known.median_s == Approx(1.5 * 62 + 32));
  CHECK(known.download_s == Approx(32));
  CHECK(known.known_host);
  CHECK(known.sigma == 0.2);
  q.download_bytes_per_s = 1.6e9;
  CHECK(m.distribution(q).download_s == Approx(10));
}

TEST_CASE("quantiles and draws of a start are lognormal, and a stream repeats its draws") {
  StartupDistribution d;
  d.median_s = 50;
  d.sigma = 0.2;
  CHECK(d.quantile(0.5) == Approx(50));
  CHECK(d.quantile(0.95) == Approx(50 * std::exp(0.2 * 1.6448536)));
  Stream a({7, 0, Purpose::cold_start, 3}), b({7, 0, Purpose::cold_start, 3});
  double logs = 0, squares = 0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const Duration drawn = d.draw(a);
    REQUIRE(drawn == d.draw(b));
    const double x = std::log(drawn.seconds() / 50);
    logs += x;
    squares += x * x;
  }
  // Standard error of the mean 0.2 / sqrt(20000) = 0.0014, of the variance 0.04 sqrt(2 / 20000) =
  // 0.0004; four of each.
  CHECK(std::abs(logs / kDraws) < 0.0057);
  CHECK(std::abs(squares / kDraws - 0.04) < 0.0016);
}

TEST_CASE("a start-up model reads back as it was written") {
  const std::string path = std::string(EPH_TEST_OUT) + "/startup.json";
  const StartupModel m = round_model();
  REQUIRE(write_file(path, to_json(m).dump()));
  const auto back = load_startup(path);
  REQUIRE(back.has_value());
  CHECK(to_json(*back).dump() == to_json(m).dump());
  REQUIRE(write_file(path, "{\"version\": 1, \"form\": \"startup\", \"engine\": \"vlm\"}"));
  const auto bad = load_startup(path);
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().text().find("\"vlm\" is no engine") != std::string::npos);
}

TEST_CASE("an engine without measured starts borrows vLLM's with twice the spread") {
  const Catalog catalog(std::string(EPH_SOURCE_DIR) + "/data");
  const auto own = find_startup(catalog, EngineKind::vllm);
  const auto borrowed = find_startup(catalog, EngineKind::sglang);
  REQUIRE(own.has_value());
  REQUIRE(borrowed.has_value());
  CHECK_FALSE(own->borrowed);
  CHECK(borrowed->borrowed);
  CHECK(borrowed->model.sd_cold_new == Approx(2 * own->model.sd_cold_new));
}
