// Answers of the search against trying every count to the end of its simulation.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/line_source.h"
#include "planner/evaluate.h"
#include "planner/plan.h"

namespace {

using namespace eph;

struct Case {
  const char* name;
  const char* engine;
  const char* slos;
  double rate = 20, cv = 1;
  int tensor = 1;
  const char* model = "";    // workload model; else synthetic
  const char* classes = "";  // trace with two classes
};

models::Catalog catalog() { return models::Catalog(std::string(EPH_SOURCE_DIR) + "/data"); }

// Two classes, of which "long" is the tenth request.
std::string class_trace(double rate) {
  const std::string path = std::string(EPH_TEST_OUT) + "/unabridged_classes.csv";
  std::string text = "arrival_s,prompt_tokens,output_tokens,class\n";
  for (int i = 0; i < 3000; ++i)
    text += fmt::format("{:.6f},{},{},{}\n", i / rate, i % 10 == 0 ? 3000 : 200 + i % 7 * 50,
                        20 + i % 13 * 10, i % 10 == 0 ? "long" : "chat");
  REQUIRE(write_file(path, text));
  return path;
}

planner::PlanProblem problem_of(const Case& c) {
  planner::PlanProblem out;
  scenario::DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B-Instruct";
  spec.gpu = "h100-sxm";
  spec.engine = c.engine;
  spec.layout.tensor = c.tensor;
  out.candidates = {spec};
  out.slos = *sim::parse_slos(c.slos);
  if (*c.model != '\0') {
    out.workload.model = c.model;
    out.workload.rate_scale = c.rate;
    out.workload.to_s = 150;
  } else if (*c.classes != '\0') {
    out.workload.trace = class_trace(c.rate);
  } else {
    scenario::SyntheticSpec synthetic;
    synthetic.rate = c.rate;
    synthetic.arrivals = c.cv == 1 ? "poisson" : "gamma";
    synthetic.cv = c.cv;
    synthetic.prompt_tokens = 700;
    synthetic.output_tokens = 120;
    synthetic.duration_s = 120;
    out.workload.synthetic = synthetic;
  }
  return out;
}

}  // namespace

TEST_CASE("the search answers what an unabridged search answers, and reports the same figures") {
  const Case one = GENERATE(
      Case{"poisson", "vllm", "p95_ttft=300ms,p95_tpot=20ms", 120, 1},
      Case{"bursts", "vllm", "p99_ttft=400ms,p90_tpot=25ms", 100, 4},
      Case{"sglang", "sglang", "p95_tpot=22ms", 120, 1},
      Case{"trtllm tp 2", "trtllm", "p95_e2e=2s", 150, 1, 2},
      Case{"mean", "vllm", "mean_tpot=15ms,mean_ttft=200ms", 100, 2},
      Case{"itl", "vllm", "p95_itl=40ms,p95_ttft=250ms", 120, 1},
      Case{"trace model", "vllm", "p95_ttft=500ms,p95_tpot=30ms", 20, 1, 1, "azure-conv-2023"},
      Case{"code model", "sglang", "p95_ttft=600ms,p95_tpot=40ms", 20, 1, 1, "azure-code-2023"},
      Case{"classes", "vllm", "chat:p95_ttft=120ms,long:p90_e2e=3s", 80, 1, 1, "", "two"});
  INFO(one.name);
  const planner::PlanProblem given = problem_of(one);
  const auto report = planner::plan(catalog(), given, {});
  REQUIRE(report);
  const planner::PlanRow& row = report->rows[0];

  const auto assembly = scenario::assemble(catalog(), given.candidates[0]);
  REQUIRE(assembly);
  const auto requests = scenario::load_requests(catalog(), given.workload, given.seed, 0);
  REQUIRE(requests);
  planner::EvaluateOptions whole{given.slos, given.seed, planner::PlanOptions{}.max_rejected_share};
  whole.to_the_end = true;
  planner::EvaluateOptions abridged = whole;
  abridged.to_the_end = false;
  int smallest = 0;
  bool stopped = false;
  for (int count = 1; smallest == 0; ++count) {
    REQUIRE(count <= 64);
    const auto full = planner::evaluate(*assembly, *requests, count, whole);
    REQUIRE(full);
    REQUIRE(full->summary.counts.unfinished == 0);
    const auto cut = planner::evaluate(*assembly, *requests, count, abridged);
    REQUIRE(cut);
    INFO(count << " replicas: " << full->failure << " / " << cut->failure);
    CHECK(full->passed == cut->passed);
    stopped = stopped || cut->stopped_early;
    if (!full->passed) continue;
    smallest = count;
    CHECK(full->summary.digest == cut->summary.digest);
    CHECK(to_json(row.at_plan).dump() == to_json(planner::figures_of(*full, count)).dump());
  }
  REQUIRE(row.feasible);
  CHECK(row.replicas == smallest);
  CHECK(row.replicas_refused == smallest - 1);
  CHECK(smallest > 1);
  // Means and gaps between tokens are judged at the end only.
  const std::string_view name = one.name;
  if (name != "mean" && name != "itl") CHECK(stopped);
}
