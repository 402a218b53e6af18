#include <catch2/catch.hpp>

#include "calibration/dataset.h"
#include "calibration/offline_batch.h"
#include "calibration/offline_load.h"
#include "calibration/replay.h"
#include "calibration/run_table.h"
#include "models/profile.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// A step takes one second, whatever is in it.
class OneSecond final : public models::StepModel {
 public:
  [[nodiscard]] double seconds(const models::BatchShape&) const noexcept override { return 1; }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape&) const override {
    return {};
  }
};

sim::EngineOptions engine_of(std::int64_t tokens, std::int64_t seqs, bool async = false) {
  sim::EngineOptions engine;
  engine.kind = models::EngineKind::trtllm;
  engine.max_num_batched_tokens = tokens;
  engine.max_num_seqs = seqs;
  engine.chunked_prefill = false;
  engine.async_scheduling = async;
  return engine;
}

models::KvPool pool_of(std::int64_t blocks) { return {blocks, 32, blocks}; }

RunPlan offline_plan(const std::string& cells) {
  const auto table = load_runs(write_temporary(
      "offline.csv",
      "trtllm_version,model,precision,gpu,tp,isl,osl,output_tok_s_total,note\n" + cells));
  REQUIRE(table.has_value());
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  const auto plan = plan_run(table->runs[0], specs);
  INFO((plan ? std::string() : plan.error().text()));
  REQUIRE(plan.has_value());
  return *plan;
}

}  // namespace

TEST_CASE("a batch that fits at once takes one step per output token") {
  // 4 prompts of 100 tokens in the first step, then 9 decode steps: 40 tokens in 10 s.
  CHECK(offline_output_tps({4, 100, 10}, engine_of(8192, 64), pool_of(1000), OneSecond()) ==
        Approx(4.0));
}

TEST_CASE("places in the KV cache make waves, and many waves are like few") {
  // 110 tokens are 4 blocks of 32, so 8 blocks hold two requests: 3 waves of 10 steps for 6
  // requests, 500 for 1000.
  CHECK(offline_output_tps({6, 100, 10}, engine_of(8192, 64), pool_of(8), OneSecond()) ==
        Approx(60.0 / 30));
  CHECK(offline_output_tps({1000, 100, 10}, engine_of(8192, 64), pool_of(8), OneSecond()) ==
        Approx(10000.0 / 5000));
  // Where all end together nothing runs ahead that could hold up their places.
  CHECK(offline_output_tps({6, 100, 10}, engine_of(8192, 64, true), pool_of(8), OneSecond()) ==
        Approx(60.0 / 30));
}

TEST_CASE("what fits neither the KV cache nor a step has no rate") {
  CHECK(offline_output_tps({6, 100, 10}, engine_of(8192, 64), pool_of(3), OneSecond()) == 0);
  CHECK(offline_output_tps({6, 9000, 10}, engine_of(8192, 64), pool_of(1000), OneSecond()) == 0);
}

TEST_CASE(
    "an offline row has the documented number of requests, and step tokens for a whole prompt "
    "beside the batch") {
  const RunPlan plan = offline_plan("1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,20000,2000,1351,\n");
  CHECK(plan.load.requests == 1000);
  CHECK(plan.load.cap == 1000);
  CHECK(plan.in_process);
  CHECK(plan.engine.max_num_batched_tokens >= 20000 + 40);
  CHECK(plan.kv.kv_precision == models::Precision::fp8);
  CHECK(fitted_figures(plan) == std::vector<Figure>{Figure::max_output_tps});
  CHECK(fit_family(models::EngineKind::trtllm, "1.0", plan.protocol) == "offline");
  CHECK(fit_family(models::EngineKind::trtllm, "1.0", Protocol::closed_loop) == "");
  CHECK(offline_requests(128, 128) == 30000);
  CHECK(offline_requests(120, 2000) == 3000);  // the nearest documented pair is 128 / 2048
}

TEST_CASE("attention_dp in the options gives every GPU its own attention and KV cache") {
  const RunPlan plan = offline_plan(
      "1.0,Qwen3-235B-A22B,FP8,H100-SXM-80GB,8,128,2048,19658,MoE: attention_dp in llm_options\n");
  const models::Parallelism& layout = plan.deployment.context.layout;
  CHECK(layout.tensor == 1);
  CHECK(layout.attention_data == 8);
  CHECK(layout.expert == 8);
  CHECK(layout.gpus() == 8);
  CHECK(plan.kv.kv_precision == models::Precision::bf16);
}

TEST_CASE("the batch in operations agrees with the simulation of each of its requests") {
  // Both follow the same rules; draws of the launch jitter and the first requests' arrival are what
  // differs.
  for (const char* row : {"1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,1000,1000,15220,\n",
                          "1.0,Llama-3.1-8B,FP8,H100-SXM-80GB,1,20000,2000,1351,\n",
                          "1.0,Llama-3.1-405B,FP8,H100-SXM-80GB,8,2048,128,453,\n"}) {
    INFO(row);
    const RunPlan plan = offline_plan(row);
    const models::CoefficientValues values = models::start_values(models::EngineKind::trtllm);
    const auto simulated = replay(plan, values, {}), counted = replay_offline(plan, values, {});
    REQUIRE(simulated.has_value());
    REQUIRE(counted.has_value());
    CHECK(*counted->figures[Figure::max_output_tps] ==
          Approx(*simulated->figures[Figure::max_output_tps]).epsilon(0.01));
  }
}
