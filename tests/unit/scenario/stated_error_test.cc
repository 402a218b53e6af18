#include "scenario/stated_error.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace eph;
using namespace eph::scenario;
using models::Familiarity;

namespace {

models::EngineProfile profile() {
  models::EngineProfile p;
  p.spread = {{{0.02, 0.05}, {0.04, 0.1}, {0.1, 0.2}}};
  return p;
}

}  // namespace

TEST_CASE(
    "an error is that of the deployment's familiarity, one step less familiar where the data end") {
  CHECK(stated_error(profile(), Familiarity::deployment, false, false).tpot_sd == 0.02);
  CHECK(stated_error(profile(), Familiarity::deployment, false, true).tpot_sd == 0.04);
  CHECK(stated_error(profile(), Familiarity::model, false, false).ttft_sd == 0.1);
  CHECK(stated_error(profile(), Familiarity::engine, false, true).ttft_sd == 0.2);
  CHECK(stated_error(profile(), Familiarity::engine, true, true).ttft_sd == 0.4);
  CHECK_FALSE(stated_error(profile(), Familiarity::deployment, false, false).extrapolated);
  CHECK(stated_error(profile(), Familiarity::deployment, false, true).extrapolated);
}

TEST_CASE("the 90 % interval is 1.645 deviations of the logarithm each way") {
  const StatedError e = stated_error(profile(), Familiarity::engine, false, false);
  CHECK(e.tpot_90().low == Approx(std::exp(-0.1645)));
  CHECK(e.tpot_90().high == Approx(std::exp(0.1645)));
  CHECK(e.ttft_90().low * e.ttft_90().high == Approx(1.0));
}

TEST_CASE("the chance to stay below a limit is the normal probability of the logarithm") {
  CHECK(chance_below(1.0, 1.0, 0.1) == Approx(0.5));
  CHECK(chance_below(std::exp(0.1645), 1.0, 0.1) == Approx(0.95).epsilon(1e-3));
  CHECK(chance_below(std::exp(-0.1), 1.0, 0.1) == Approx(0.1587).epsilon(1e-3));
  CHECK(chance_below(2.0, 1.0, 0) == 1);
  CHECK(chance_below(0.5, 1.0, 0) == 0);
  CHECK(chance_below(0.5, 0.0, 0.1) == 1);
}
