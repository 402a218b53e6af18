#include "calibration/gpu_transfer.h"

#include <catch2/catch.hpp>

#include "calibration/replay.h"
#include "calibration/validate.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

models::EngineProfile start_profile() {
  models::EngineProfile p;
  p.engine = models::EngineKind::vllm;
  p.gpu = "h100-sxm";
  p.values = models::start_values();
  return p;
}

// One request at a time of `isl` tokens to a small model, which the host holds up, on an L40S, with
// the figures that `machine` would show.
DataRow synthetic_row(int isl, const std::string& host, const models::Machine& machine) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  MeasuredRun run = read_one(serving_row("vllm", "Qwen/Qwen2.5-0.5B-Instruct", "bf16", isl, 32, 1,
                                         1, "closed_loop_unknown_ramp"));
  run.gpu = "l40s";
  auto plan = plan_run(run, specs);
  REQUIRE(plan.has_value());
  plan->protocol = Protocol::synchronous;
  plan->load.requests = 12;
  plan->host = host;
  ReplayOptions options;
  options.machine = machine;
  const auto replayed = replay(*plan, models::start_values(), options);
  REQUIRE(replayed.has_value());
  plan->measured = replayed->figures;
  for (const Figure f :
       {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::itl_p50, Figure::e2e_p50})
    plan->scored.set(static_cast<std::size_t>(f));
  DataRow row;
  row.plan = *plan;
  row.fit_plan = *plan;
  row.model = plan->deployment.context.llm.name;
  return row;
}

}  // namespace

TEST_CASE("the factors that made the rows are found again, hosts apart") {
  const std::vector<DataRow> rows{
      synthetic_row(256, "a l40s", {1.2, 1.6}), synthetic_row(2048, "a l40s", {1.2, 1.6}),
      synthetic_row(256, "b l40s", {1.2, 0.8}), synthetic_row(2048, "b l40s", {1.2, 0.8})};
  std::vector<const DataRow*> used;
  for (const DataRow& row : rows) used.push_back(&row);
  MachineFitOptions options;
  options.threads = 1;
  const MachineFit fit = fit_machine(used, start_profile(), options);
  CHECK(fit.machine.efficiency == Approx(1.2).epsilon(0.02));
  REQUIRE(fit.hosts.size() == 2);
  CHECK(fit.host_speed("a l40s") == Approx(1.6).epsilon(0.05));
  CHECK(fit.host_speed("b l40s") == Approx(0.8).epsilon(0.05));
  CHECK(fit.host_speed("c l40s") == Approx(std::sqrt(fit.hosts[0].speed * fit.hosts[1].speed)));
}

TEST_CASE("with the efficiency given only the host moves") {
  const std::vector<DataRow> rows{synthetic_row(1024, "a l40s", {1.1, 1.5})};
  MachineFitOptions options;
  options.gpu = false;
  options.start.efficiency = 1.1;
  options.threads = 1;
  const MachineFit fit = fit_machine({&rows[0]}, start_profile(), options);
  CHECK(fit.machine.efficiency == 1.1);
  CHECK(fit.host_speed() == Approx(1.5).epsilon(0.05));
}

TEST_CASE("a host estimate needs synchronous runs") {
  const std::string path = write_temporary(
      "no_sync.csv", std::string(kServingHeader) + "\n" +
                         serving_row("vllm", "meta-llama/Llama-3.1-8B-Instruct", "bf16", 256, 64, 4,
                                     1, "closed_loop_unknown_ramp") +
                         "\n");
  const auto found = estimate_host(path, 1, shipped_catalog(), start_profile());
  REQUIRE_FALSE(found);
  CHECK_THAT(found.error().what, Catch::Contains("no synchronous run of vLLM"));
}
