#include <catch2/catch.hpp>

#include "calibration/error_table.h"

using namespace eph::calibration;

TEST_CASE("errors are summed up by engine, protocol and model") {
  const auto row = [](const char* model, double predicted, double measured) {
    ScoredRow r{"vllm", model, "burst", {}, {}, {Figure::mean_tpot}};
    r.predicted[Figure::mean_tpot] = predicted;
    r.measured[Figure::mean_tpot] = measured;
    return r;
  };
  // Errors +10 %, -20 % for a, 0 % for b.
  const auto lines = error_tables({row("a", 11, 10), row("a", 8, 10), row("b", 5, 5)});
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].engine == "vllm");
  CHECK(lines[0].protocol.empty());
  CHECK(lines[0].errors.n == 3);
  CHECK(lines[0].errors.mape == Approx(10));
  CHECK(lines[0].errors.median == Approx(10));
  CHECK(lines[1].protocol == "burst");
  CHECK(lines[2].model == "a");
  CHECK(lines[2].errors.mape == Approx(15));
  CHECK(lines[2].errors.bias == Approx(-5));
  CHECK(lines[3].errors.mape == Approx(0));
}

TEST_CASE("figures without a prediction or outside the scored ones do not count") {
  ScoredRow row{"vllm", "a", "burst", {}, {}, {Figure::mean_tpot}};
  row.measured[Figure::mean_tpot] = 10;
  row.measured[Figure::mean_ttft] = 10;
  row.predicted[Figure::mean_ttft] = 11;
  CHECK(error_tables({row}).empty());
}
