#include <catch2/catch.hpp>
#include <cmath>

#include "calibration/engine_fit.h"
#include "calibration/predict_rows.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;
using models::Coefficient;

namespace {

double& at(models::CoefficientValues& values, Coefficient c) {
  return values[static_cast<std::size_t>(c)];
}

// Rows whose "measured" figures are what the simulator gives for known coefficients: three rounds
// of a closed loop of one model at two tensor-parallel sizes.
std::vector<DataRow> synthetic_rows(const models::CoefficientValues& truth) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  std::vector<DataRow> rows;
  for (const int tp : {1, 2}) {
    for (const int concurrency : {4, 16, 64}) {
      for (const int isl : {256, 2048}) {
        const MeasuredRun run = read_one(serving_row("trtllm", "Qwen/Qwen3-32B", "fp8", isl, 64,
                                                     concurrency, tp, "closed_loop_unknown_ramp"));
        auto plan = plan_run(run, specs);
        REQUIRE(plan.has_value());
        plan->load.requests = 3 * concurrency;
        const auto replayed = replay(*plan, truth, {});
        REQUIRE(replayed.has_value());
        plan->measured[Figure::mean_ttft] = replayed->figures[Figure::mean_ttft];
        plan->measured[Figure::mean_tpot] = replayed->figures[Figure::mean_tpot];
        DataRow row;
        row.plan = *plan;
        row.fit_plan = *plan;
        row.model = plan->deployment.context.llm.name;
        row.tensor_parallel = tp;
        row.isl = isl;
        row.osl = 64;
        row.concurrency = concurrency;
        row.curve = fmt::format("{} {}", tp, isl);
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

models::CoefficientValues other_engine() {
  models::CoefficientValues truth = models::start_values(models::EngineKind::trtllm);
  at(truth, Coefficient::gemm_scale) *= 1.15;
  at(truth, Coefficient::layer_overhead) = 30;
  at(truth, Coefficient::kv_reserve) = 5;
  return truth;
}

FitOptions two_threads() {
  FitOptions options;
  options.threads = 2;
  return options;
}

// Largest |log(predicted / measured)| of a figure over the chosen rows.
double worst(const std::vector<DataRow>& rows, const std::vector<bool>& only, const EngineFit& fit,
             Figure figure) {
  double out = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!only.empty() && !only[i]) continue;
    const auto predicted = predict_row(rows[i], fit, 1);
    REQUIRE(predicted.has_value());
    out = std::max(out, std::abs(std::log(*(*predicted)[figure] / *rows[i].plan.measured[figure])));
  }
  return out;
}

}  // namespace

TEST_CASE("a fit predicts the rows it saw, made by other coefficients than it starts with") {
  const std::vector<DataRow> rows = synthetic_rows(other_engine());
  const auto fit = fit_engine(rows, {}, models::EngineKind::trtllm, two_threads());
  REQUIRE(fit.has_value());
  INFO(fit->brief_report());
  CHECK(fit->rows == 12);
  CHECK(fit->observations == 24);
  CHECK(fit->failed == 0);
  CHECK(fit->final_cost < 0.2 * fit->start_cost);
  // About the noise that the fit assumes of such rows, 2.5 % and 4.5 %.
  CHECK(worst(rows, {}, *fit, Figure::mean_tpot) < 0.025);
  CHECK(worst(rows, {}, *fit, Figure::mean_ttft) < 0.06);
}

TEST_CASE("what is held out enters a fit in no way, and is predicted from the rest") {
  std::vector<DataRow> rows = synthetic_rows(other_engine());
  std::vector<bool> held(rows.size(), false);
  for (std::size_t i = 0; i < rows.size(); ++i) held[i] = rows[i].tensor_parallel == 2;
  const auto fit = fit_engine(rows, held, models::EngineKind::trtllm, two_threads());
  REQUIRE(fit.has_value());
  CHECK(fit->rows == 6);
  // Half of the model's rows were seen; the other layout is an extrapolation.
  CHECK(worst(rows, held, *fit, Figure::mean_tpot) < 0.08);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!held[i]) continue;
    *rows[i].plan.measured[Figure::mean_tpot] *= 7;
    *rows[i].plan.measured[Figure::mean_ttft] *= 0.01;
  }
  const auto again = fit_engine(rows, held, models::EngineKind::trtllm, two_threads());
  REQUIRE(again.has_value());
  CHECK(to_json(again->profile).dump() == to_json(fit->profile).dump());
}

TEST_CASE("a fit is the same on one thread and on three") {
  const std::vector<DataRow> rows = synthetic_rows(other_engine());
  FitOptions one, three;
  one.threads = 1;
  three.threads = 3;
  const auto a = fit_engine(rows, {}, models::EngineKind::trtllm, one);
  const auto b = fit_engine(rows, {}, models::EngineKind::trtllm, three);
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  CHECK(to_json(a->profile).dump() == to_json(b->profile).dump());
  CHECK(a->log_sd == b->log_sd);
}

TEST_CASE("predictions are stated less surely where nothing was measured") {
  const std::vector<DataRow> rows = synthetic_rows(other_engine());
  std::vector<bool> held(rows.size(), false);
  for (std::size_t i = 0; i < rows.size(); ++i) held[i] = rows[i].tensor_parallel == 2;
  const auto fitter = EngineFitter::create(rows, models::EngineKind::trtllm, two_threads());
  REQUIRE(fitter.has_value());
  const auto fit = fitter->fit(held);
  REQUIRE(fit.has_value());
  double seen = 0, unseen = 0;
  for (std::size_t i = 0; i < fitter->observations().size(); ++i) {
    const Observation& o = fitter->observations()[i];
    CHECK(fit->log_sd[i] >= o.noise_sd);
    (held[o.row] ? unseen : seen) += fit->log_sd[i];
  }
  CHECK(unseen > seen);
}

TEST_CASE("a fit without rows or with bad options is refused") {
  const std::vector<DataRow> none;
  CHECK_FALSE(fit_engine(none, {}, models::EngineKind::vllm, {}).has_value());
  const std::vector<DataRow> rows =
      synthetic_rows(models::start_values(models::EngineKind::trtllm));
  FitOptions options;
  options.iterations = 0;
  const auto refused = fit_engine(rows, {}, models::EngineKind::trtllm, options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what.find("0 iterations") != std::string::npos);
  const auto all_out =
      fit_engine(rows, std::vector<bool>(rows.size(), true), models::EngineKind::trtllm, {});
  CHECK_FALSE(all_out.has_value());
}
