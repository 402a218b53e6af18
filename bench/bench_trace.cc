// Whole runs over measured traces, reading included: requests, steps and queue events per second.
// The traces are not part of the project: EPHEMERIS_SHARED_DATA names their folder.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "models/catalog.h"
#include "scenario/assemble.h"
#include "sim/simulation.h"

namespace {

using namespace eph;

std::string trace(const char* name) {
  const char* folder = std::getenv("EPHEMERIS_SHARED_DATA");
  return fmt::format("{}/traces/{}", folder != nullptr ? folder : EPH_SOURCE_DIR "/../shared/data",
                     name);
}

struct Case {
  const char* file;
  const char* engine = "vllm";
  bool caching = false;
  int replicas = 1;
  std::int64_t repeat = 1;
  double rate_scale = 1;
};

void run(benchmark::State& state, const Case& c) {
  if (!std::filesystem::exists(trace(c.file))) return state.SkipWithError("no such trace here");
  const models::Catalog catalog(EPH_SOURCE_DIR "/data");
  scenario::DeploymentSpec deployment;
  deployment.model = "meta-llama/Llama-3.1-8B-Instruct";
  deployment.engine = c.engine;
  deployment.replicas = c.replicas;
  deployment.prefix_caching = c.caching;
  const auto assembly = scenario::assemble(catalog, deployment);
  if (!assembly) return state.SkipWithError(assembly.error().text().c_str());
  scenario::WorkloadSpec workload;
  workload.trace = trace(c.file);
  workload.repeat = c.repeat;
  workload.rate_scale = c.rate_scale;
  sim::SimulationConfig config = assembly->config;
  config.exact_steps = state.range(0) != 0;
  double requests = 0, steps = 0, events = 0;
  std::uint64_t digest = 0;
  for (auto _ : state) {
    const auto load = scenario::make_load(catalog, workload, 1, 0);
    if (!load) return state.SkipWithError(load.error().text().c_str());
    const auto summary = sim::Simulation(config).run(**load, {});
    if (!summary) return state.SkipWithError(summary.error().text().c_str());
    requests += static_cast<double>(summary->counts.finished);
    steps += static_cast<double>(summary->counts.steps);
    events += static_cast<double>(summary->counts.events);
    digest = summary->digest;
  }
  using benchmark::Counter;
  state.counters["requests/s"] = Counter(requests, Counter::kIsRate);
  state.counters["steps/s"] = Counter(steps, Counter::kIsRate);
  state.counters["events/s"] = Counter(events, Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

constexpr const char* kAzure = "AzureLLMInferenceTrace_conv.csv";
constexpr const char* kMooncake = "mooncake_conversation_trace.jsonl.gz";

}  // namespace

// Argument: exact steps.
BENCHMARK_CAPTURE(run, azure_1m_100_replicas, {kAzure, "vllm", false, 100, 1, 52})
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, azure_1m_repeated, {kAzure, "vllm", false, 100, 52, 1})
    ->Arg(0)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, azure_one_replica, {kAzure})->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, mooncake_vllm, {kMooncake, "vllm", true, 8})
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, mooncake_sglang, {kMooncake, "sglang", true, 8})
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, mooncake_trtllm, {kMooncake, "trtllm", true, 8})
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
