// Start values against measured inter-token latencies of single requests. Needs the measured data
// (EPHEMERIS_SHARED_DATA or ../shared/data); without it the case says so and ends.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "core/csv.h"
#include "core/stats.h"
#include "models/catalog.h"
#include "models/fitted_model.h"

using namespace eph;
using namespace eph::models;

TEST_CASE("unfitted, the step of a lone request is its measured inter-token latency within 3 %") {
  const char* given = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::string path =
      (given != nullptr ? std::string(given) : std::string(EPH_SOURCE_DIR) + "/../shared/data") +
      "/h100/guidellm_sweeps.csv";
  if (!std::filesystem::exists(path)) {
    WARN("skipped: no " << path);
    return;
  }
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  const Catalog catalog(std::string(EPH_SOURCE_DIR) + "/data");
  const auto gpu = catalog.gpu("h100-sxm");
  const auto operators = load_operators(std::string(EPH_SOURCE_DIR) + "/data/ops/vllm-h100.json");
  REQUIRE(gpu);
  REQUIRE(operators);

  std::vector<double> predicted, measured;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const auto tp = table->integer(row, "tp");
    REQUIRE(tp);
    if (table->text(row, "gpu").find("H100") == std::string_view::npos || *tp == 3 ||
        table->text(row, "strategy") != "synchronous" || table->text(row, "cloud") != "upcloud") {
      continue;
    }
    const auto llm = catalog.llm(table->text(row, "model"));
    REQUIRE(llm);
    StepContext context;
    context.gpu = *gpu;
    context.llm = *llm;
    context.layout.tensor = static_cast<int>(tp->value());
    context.operators = operators->operators;
    BatchShape shape;
    shape.add_decode(*table->integer(row, "isl").value() + *table->integer(row, "osl").value() / 2);
    // The slower of GPU and host sets the pace of equal steps (MODEL eq. 18).
    const StepTimes t = FittedStepModel(context, start_values()).times(shape);
    predicted.push_back(std::max(t.gpu, t.lead + t.launch + t.results) * 1e3);
    measured.push_back(*table->number(row, "itl_p50_ms").value());
  }
  REQUIRE(measured.size() >= 20);
  const ErrorSummary errors = summarise_errors(predicted, measured);
  INFO("n " << errors.n << " mape " << errors.mape << " median " << errors.median << " p90 "
            << errors.p90);
  CHECK(errors.median < 3);
  CHECK(errors.p90 < 10);  // the 135M model, whose steps are all launch
}
