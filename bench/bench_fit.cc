// Calibration: one fit of an engine to rows that the simulator made itself with other coefficients.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>

#include "calibration/engine_fit.h"
#include "calibration/replay.h"
#include "calibration/run_table.h"
#include "core/digest.h"
#include "core/line_source.h"

namespace {

using namespace eph;
using namespace eph::calibration;

constexpr const char* kHeader =
    "run_id,engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,tp,pp,attention_"
    "dp,moe_tp,moe_ep,protocol,mean_ttft_ms,mean_tpot_ms,source\n";

Result<MeasuredRun> made_up(int isl, int concurrency, int tp) {
  const auto path = (std::filesystem::temp_directory_path() / "ephemeris_bench_fit.csv").string();
  const auto written = write_file(
      path, fmt::format("{}x1,trtllm,,H100-SXM-80GB,Qwen/Qwen3-32B,fp8,agg,{},64,{},{},1,,1,1,"
                        "closed_loop_unknown_ramp,100,10,made up\n",
                        kHeader, isl, concurrency, tp));
  if (!written) return written.error();
  auto table = load_runs(path);
  std::filesystem::remove(path);
  if (!table) return table.error();
  return table->runs.at(0);
}

Result<std::vector<DataRow>> rows() {
  const models::Catalog catalog(EPH_SOURCE_DIR "/data");
  SpecCache specs(catalog);
  models::CoefficientValues truth = models::start_values(models::EngineKind::trtllm);
  truth[static_cast<std::size_t>(models::Coefficient::gemm_scale)] *= 1.15;
  std::vector<DataRow> out;
  for (const int tp : {1, 2}) {
    for (const int concurrency : {4, 16, 64}) {
      for (const int isl : {256, 2048}) {
        const auto run = made_up(isl, concurrency, tp);
        if (!run) return run.error();
        auto plan = plan_run(*run, specs);
        if (!plan) return plan.error();
        plan->load.requests = 3 * concurrency;
        const auto replayed = replay(*plan, truth, {});
        if (!replayed) return replayed.error();
        plan->measured[Figure::mean_ttft] = replayed->figures[Figure::mean_ttft];
        plan->measured[Figure::mean_tpot] = replayed->figures[Figure::mean_tpot];
        DataRow row;
        row.plan = row.fit_plan = *plan;
        row.model = plan->deployment.context.llm.name;
        row.tensor_parallel = tp;
        row.isl = isl;
        row.osl = 64;
        row.concurrency = concurrency;
        row.curve = fmt::format("{} {}", tp, isl);
        out.push_back(std::move(row));
      }
    }
  }
  return out;
}

void fit(benchmark::State& state) {
  const auto data = rows();
  if (!data) return state.SkipWithError(data.error().text().c_str());
  FitOptions options;
  options.iterations = 2;
  options.threads = 1;
  std::uint64_t digest = 0;
  double simulations = 0;
  for (auto _ : state) {
    const auto fitted = fit_engine(*data, {}, models::EngineKind::trtllm, options);
    if (!fitted) return state.SkipWithError(fitted.error().text().c_str());
    Digest all;
    all.add(fitted->final_cost);
    for (const double value : fitted->profile.values) all.add(value);
    digest = all.value();
    simulations += static_cast<double>(fitted->simulations);
  }
  state.counters["simulations/s"] = benchmark::Counter(simulations, benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

}  // namespace

BENCHMARK(fit)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
