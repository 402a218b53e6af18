#include <catch2/catch.hpp>

#include "calibration/fit.h"
#include "calibration/replay.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;
using models::Coefficient;

namespace {

double& at(models::CoefficientValues& values, Coefficient c) { return values[static_cast<std::size_t>(c)]; }

FreeCoefficient free_log(Coefficient c, double prior) {
  FreeCoefficient f;
  f.coefficient = c;
  f.prior = prior;
  f.prior_sd = 1;
  f.lower = prior / 10;
  f.upper = prior * 10;
  return f;
}

// Rows whose "measured" figures are what the simulator gives for known coefficients.
std::vector<RunPlan> synthetic_rows(const models::CoefficientValues& truth) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  std::vector<RunPlan> plans;
  for (const int concurrency : {4, 16, 64}) {
    for (const int isl : {256, 2048}) {
      const MeasuredRun run =
          read_one(serving_row("vllm", "meta-llama/Llama-3.1-8B-Instruct", "bf16", isl, 64, concurrency, 1,
                               "closed_loop_unknown_ramp"));
      auto plan = plan_run(run, specs);
      REQUIRE(plan.has_value());
      plan->load.requests = 3 * concurrency;
      const auto replayed = replay(*plan, truth, {});
      INFO((replayed ? std::string() : replayed.error().text()));
      REQUIRE(replayed.has_value());
      plan->measured = replayed->figures;
      plans.push_back(std::move(*plan));
    }
  }
  return plans;
}

}  // namespace

TEST_CASE("a fit finds the coefficients that made its rows") {
  models::CoefficientValues truth = models::start_values();
  at(truth, Coefficient::gemm_scale) = 1.25;
  at(truth, Coefficient::layer_overhead) = 40;
  const std::vector<RunPlan> plans = synthetic_rows(truth);
  FitProblem problem;
  problem.start = models::start_values();
  const double start_overhead = at(problem.start, Coefficient::layer_overhead);
  problem.free = {free_log(Coefficient::gemm_scale, 1.0), free_log(Coefficient::layer_overhead, start_overhead)};
  for (const RunPlan& plan : plans) {
    problem.rows.push_back({&plan, {{Figure::mean_tpot, 1.0}, {Figure::mean_ttft, 1.0}}});
  }
  FitOptions options;
  options.prior_weight = 1e-4;
  options.max_iterations = 15;
  options.threads = 2;
  const auto summary = fit(problem, options);
  INFO((summary ? summary->brief_report() : summary.error().text()));
  REQUIRE(summary.has_value());
  CHECK(summary->usable);
  CHECK(summary->failed_rows == 0);
  CHECK(summary->final_cost < 1e-3 * summary->initial_cost);
  models::CoefficientValues found = summary->values;
  CHECK(at(found, Coefficient::gemm_scale) == Approx(1.25).epsilon(0.01));
  CHECK(at(found, Coefficient::layer_overhead) == Approx(40).epsilon(0.02));
  REQUIRE(summary->covariance.size() == 4);
  CHECK(summary->covariance[0] > 0);
  CHECK(summary->covariance[1] == Approx(summary->covariance[2]));
}

TEST_CASE("a fit without rows or with bad options is refused") {
  FitProblem problem;
  FitOptions options;
  CHECK_FALSE(fit(problem, options).has_value());
  options.huber_delta = 0;
  const auto refused = fit(problem, options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().what.find("huber_delta") != std::string::npos);
}
