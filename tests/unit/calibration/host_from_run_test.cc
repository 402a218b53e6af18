#include "calibration/host_from_run.h"

#include <catch2/catch.hpp>

#include "calibration/free_coefficients.h"
#include "calibration/replay.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

std::string sweep_row(const std::string& cloud, const std::string& model,
                      const std::string& lengths, const std::string& strategy) {
  return "vllm," + cloud + ",box,NVIDIA H100 80GB HBM3,1," + model + "," + lengths +
         ",0.22.1,1,2048,bfloat16," + strategy + ",64,60,10,0.1,2,250,15,6\n";
}

DataRow data_row(const std::string& text) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  const MeasuredRun run = read_one_sweep(text);
  auto plan = plan_run(run, specs);
  REQUIRE(plan.has_value());
  DataRow row;
  row.plan = row.fit_plan = *plan;
  row.model = row.plan.deployment.context.llm.name;
  row.isl = run.isl;
  return row;
}

}  // namespace

TEST_CASE("the speed of an unseen host comes out of one synchronous run") {
  const std::string small = "HuggingFaceTB/SmolLM2-135M-Instruct",
                    large = "meta-llama/Llama-3.1-8B-Instruct";
  std::vector<DataRow> rows{
      data_row(sweep_row("gcp", large, "rag,1024,256", "synchronous")),
      data_row(sweep_row("gcp", small, "chat,256,128", "synchronous")),
      data_row(sweep_row("gcp", small, "rag,1024,256", "constant")),
      data_row(sweep_row("gcp", small, "rag,1024,256", "synchronous")),
      data_row(sweep_row("upcloud", small, "rag,1024,256", "synchronous")),
      data_row(sweep_row("vultr", small, "rag,1024,256", "synchronous")),
  };
  EngineFit fit;
  fit.profile.values = engine_start(models::EngineKind::vllm);
  fit.profile.hosts = {{"vultr h100-sxm", 1.2}};
  // The machine is 1.5 times as slow: what the model predicts at that speed is "measured".
  ReplayOptions slow;
  slow.machine.host_speed = 1.5;
  const auto truth = replay(rows[3].plan, fit.profile.values, slow);
  REQUIRE(truth.has_value());
  rows[3].plan.measured[Figure::ttft_p50] = truth->figures[Figure::ttft_p50];

  const std::vector<std::size_t> held{0, 1, 2, 3, 4, 5};
  const auto found = hosts_from_one_run(rows, held, fit, 1);
  // upcloud is the host that defines speed 1, vultr is in the fit.
  REQUIRE(found.size() == 1);
  CHECK(found[0].host == "gcp h100-sxm");
  CHECK(found[0].row == 3);  // the smallest model with an eager prompt
  CHECK(found[0].speed == Approx(1.5).epsilon(0.01));
  const EngineFit known = with_hosts(fit, found);
  CHECK(known.profile.speed_of("gcp h100-sxm") == found[0].speed);
  CHECK(known.profile.speed_of("vultr h100-sxm") == 1.2);
}

TEST_CASE("a machine without a synchronous run keeps its unknown speed") {
  const std::vector<DataRow> rows{data_row(
      sweep_row("gcp", "HuggingFaceTB/SmolLM2-135M-Instruct", "rag,1024,256", "throughput"))};
  EngineFit fit;
  fit.profile.values = engine_start(models::EngineKind::vllm);
  CHECK(hosts_from_one_run(rows, std::vector<std::size_t>{0}, fit, 1).empty());
}
