#include "planner/plan.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/line_source.h"
#include "planner/evaluate.h"

namespace {

using namespace eph;

const std::string kOut = EPH_TEST_OUT;

// Step time 10 ms + 20 us per prompt token + 0.5 ms per decoding sequence: a lone request of 500
// prompt tokens has TTFT 20 ms and TPOT 10.5 ms.
std::string linear_profile() {
  const std::string path = kOut + "/planner_linear.json";
  const auto written = write_file(
      path,
      R"({"form": "linear", "t0_ms": 10, "us_per_prefill_token": 20, "us_per_decode_sequence": 500, "ns_per_kv_token": 0})");
  REQUIRE(written);
  return path;
}

scenario::DeploymentSpec deployment() {
  scenario::DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B";
  spec.profile = linear_profile();
  return spec;
}

// 20 requests/s for 60 s, 500 tokens in and 50 out.
planner::PlanProblem problem() {
  planner::PlanProblem problem;
  problem.candidates = {deployment()};
  scenario::SyntheticSpec synthetic;
  synthetic.rate = 20;
  synthetic.prompt_tokens = 500;
  synthetic.output_tokens = 50;
  synthetic.duration_s = 60;
  problem.workload.synthetic = synthetic;
  problem.slos = *sim::parse_slos("p95_ttft=60ms,p95_tpot=16ms");
  return problem;
}

models::Catalog catalog() { return models::Catalog(std::string(EPH_SOURCE_DIR) + "/data"); }

}  // namespace

TEST_CASE("the plan is what trying every count gives, and one replica fewer fails") {
  const planner::PlanProblem given = problem();
  const auto report = planner::plan(catalog(), given, {});
  REQUIRE(report);
  REQUIRE(report->rows.size() == 1);
  const planner::PlanRow& row = report->rows[0];
  REQUIRE(row.feasible);

  const auto assembly = scenario::assemble(catalog(), given.candidates[0]);
  REQUIRE(assembly);
  const auto requests = scenario::load_requests(catalog(), given.workload, given.seed, 0);
  REQUIRE(requests);
  int smallest = 0;
  while (true) {
    ++smallest;
    REQUIRE(smallest <= 64);
    const auto outcome =
        planner::evaluate(*assembly, *requests, smallest, {given.slos, given.seed, 0});
    REQUIRE(outcome);
    if (outcome->passed) break;
  }
  CHECK(smallest > 1);
  CHECK(row.replicas == smallest);
  CHECK(row.replicas_refused == smallest - 1);
  CHECK(row.at_plan.verdict == planner::Trial::pass);
  CHECK(row.headroom >= 0);
  CHECK(row.at_plan.arrived == report->requests);
}

TEST_CASE("cost is replicas times GPUs times price, and tokens are the workload's") {
  planner::PlanProblem given = problem();
  given.candidates[0].layout.tensor = 2;
  planner::PlanOptions options;
  options.price_file = kOut + "/planner_prices.json";
  REQUIRE(write_file(options.price_file, R"({"version": 1, "currency": "USD", "prices": [
    {"gpu": "h100-sxm", "provider": "generic", "commitment": "on_demand", "per_gpu_hour": "2.50 USD/h",
     "assumed": true, "source": "assumption: of this test"}]})"));
  const auto report = planner::plan(catalog(), given, options);
  REQUIRE(report);
  const planner::PlanRow& row = report->rows[0];
  REQUIRE(row.feasible);
  CHECK(row.gpus == 2 * row.replicas);
  CHECK(row.usd_per_hour == Approx(2.5 * row.gpus));
  // 50 output tokens a request: requests/s * 50 * 3600 tokens an hour.
  CHECK(row.usd_per_million_output_tokens ==
        Approx(row.usd_per_hour / (report->mean_rate * 50 * 3600) * 1e6).epsilon(0.02));
}

TEST_CASE("an objective that even a lone request misses is infeasible at any size, and says why") {
  planner::PlanProblem given = problem();
  given.slos = *sim::parse_slos("p95_ttft=15ms");  // the lone TTFT is 20 ms
  const auto report = planner::plan(catalog(), given, {});
  REQUIRE(report);
  CHECK_FALSE(report->rows[0].feasible);
  CHECK_THAT(report->rows[0].reason, Catch::Contains("p95_ttft=15ms"));
}

TEST_CASE("a model that does not fit is a row with its reason beside those that do") {
  planner::PlanProblem given = problem();
  given.candidates.push_back(deployment());
  given.candidates[0].model = "meta-llama/Llama-3.1-405B";
  const auto report = planner::plan(catalog(), given, {});
  REQUIRE(report);
  REQUIRE(report->rows.size() == 2);
  CHECK(report->rows[0].feasible);
  CHECK_FALSE(report->rows[1].feasible);
  CHECK(report->rows[1].deployment.model == "meta-llama/Llama-3.1-405B");
  CHECK_FALSE(report->rows[1].reason.empty());
}

TEST_CASE("the report does not depend on the number of threads") {
  planner::PlanProblem given = problem();
  given.candidates.push_back(deployment());
  given.candidates[1].max_num_seqs = 4;
  given.candidates.push_back(deployment());
  given.candidates[2].layout.tensor = 2;
  planner::PlanOptions one, three;
  one.threads = 1;
  three.threads = 3;
  const auto a = planner::plan(catalog(), given, one);
  const auto b = planner::plan(catalog(), given, three);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(planner::to_json(*a).dump() == planner::to_json(*b).dump());
}

TEST_CASE("a plan without objectives or candidates is a usage error") {
  planner::PlanProblem given = problem();
  given.slos.clear();
  const auto no_slos = planner::plan(catalog(), given, {});
  REQUIRE_FALSE(no_slos);
  CHECK(no_slos.error().kind == ErrorKind::usage);
  given = problem();
  given.candidates.clear();
  CHECK_FALSE(planner::plan(catalog(), given, {}));
}
