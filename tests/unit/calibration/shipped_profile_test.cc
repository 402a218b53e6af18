#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "calibration/calibrate.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

std::string shared_data() {
  const char* set = std::getenv("EPHEMERIS_SHARED_DATA");
  return set != nullptr ? set : std::string(EPH_SOURCE_DIR) + "/../shared/data";
}

void check_close(const models::CoefficientValues& a, const models::CoefficientValues& b) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    INFO(models::coefficient_info(static_cast<models::Coefficient>(c)).name);
    CHECK(a[c] == Approx(b[c]).epsilon(1e-6).margin(1e-9));
  }
}

}  // namespace

// SGLang's fit takes a second; the other profiles come from the same code and their own commands.
// Compilers may order sums differently: one part in a million.
TEST_CASE("the measured data give the shipped SGLang profile again") {
  if (!std::filesystem::exists(shared_data() + "/h100/serving_runs.csv")) {
    WARN("no measured data: not compared");
    return;
  }
  const models::Catalog catalog = shipped_catalog();
  const auto shipped = models::load_profile(catalog.folder() + "/profiles/sglang-h100-sxm.json");
  INFO((shipped ? std::string() : shipped.error().text()));
  REQUIRE(shipped.has_value());
  CalibrateOptions options;
  options.engine = models::EngineKind::sglang;
  options.data_folder = shared_data();
  options.held_out = 0;
  const auto again = calibrate(options, catalog);
  INFO((again ? std::string() : again.error().text()));
  REQUIRE(again.has_value());
  const models::EngineProfile& fitted = again->profile;
  check_close(fitted.values, shipped->values);
  REQUIRE(fitted.corrections.size() == shipped->corrections.size());
  for (std::size_t i = 0; i < fitted.corrections.size(); ++i) {
    CHECK(fitted.corrections[i].tensor == shipped->corrections[i].tensor);
    check_close(fitted.corrections[i].values, shipped->corrections[i].values);
    for (std::size_t k = 0; k < fitted.corrections[i].residual.decode.size(); ++k) {
      // Knots are kept to four decimals.
      CHECK(std::abs(fitted.corrections[i].residual.decode[k] -
                     shipped->corrections[i].residual.decode[k]) < 1.5e-4);
    }
  }
}
