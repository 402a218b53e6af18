// Plans: three engines at two parallelisms over ten minutes of a workload model, on one thread and
// on two.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "core/digest.h"
#include "planner/plan.h"

namespace {

using namespace eph;

void plan(benchmark::State& state) {
  const models::Catalog catalog(EPH_SOURCE_DIR "/data");
  planner::PlanProblem problem;
  for (const char* engine : {"vllm", "sglang", "trtllm"}) {
    for (const int tp : {1, 2}) {
      scenario::DeploymentSpec spec;
      spec.model = "meta-llama/Llama-3.1-8B-Instruct";
      spec.gpu = "h100-sxm";
      spec.engine = engine;
      spec.layout.tensor = tp;
      problem.candidates.push_back(std::move(spec));
    }
  }
  problem.workload.model = "azure-conv-2023";
  problem.workload.rate_scale = 10;
  problem.workload.to_s = 600;
  problem.slos = *sim::parse_slos("p95_ttft=500ms,p95_tpot=30ms");
  planner::PlanOptions options;
  options.threads = static_cast<int>(state.range(0));
  double simulated = 0, simulations = 0;
  std::uint64_t digest = 0;
  for (auto _ : state) {
    const auto report = planner::plan(catalog, problem, options);
    if (!report) return state.SkipWithError(report.error().text().c_str());
    Digest all;
    all.add(planner::to_json(*report).dump());
    digest = all.value();
    simulated += static_cast<double>(report->simulations) * static_cast<double>(report->requests);
    simulations = report->simulations;
  }
  state.counters["simulations"] = simulations;
  state.counters["requests/s"] = benchmark::Counter(simulated, benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

}  // namespace

BENCHMARK(plan)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
