#include <catch2/catch.hpp>

#include "calibration/protocol.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

RunPlan plan_of(const MeasuredRun& run) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  const auto plan = plan_run(run, specs);
  INFO((plan ? std::string() : plan.error().text()));
  REQUIRE(plan.has_value());
  return *plan;
}

std::string sweep_row(const std::string& strategy, const std::string& load,
                      const std::string& gpu) {
  return "vllm,upcloud,one," + gpu +
         ",1,meta-llama/Llama-3.1-8B-Instruct,chat,256,128,0.22.1,1,2048,bfloat16," + strategy +
         ",64,60,10," + load + ",20,2500,15,6\n";
}

constexpr const char* kH100 = "NVIDIA H100 80GB HBM3";

}  // namespace

TEST_CASE("InferenceMAX rows: ten rounds from a cold burst, lengths U[0.8, 1], budget 8192") {
  const RunPlan plan = plan_of(
      read_one(serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 1024, 512, 16, 2, "inferencemax")));
  CHECK(plan.load.cap == 16);
  CHECK(plan.load.requests == 160);
  CHECK(plan.load.shortest_share == 0.8);
  CHECK(plan.load.rate == 0);
  CHECK(plan.engine.max_num_batched_tokens == 8192);
  CHECK(plan.engine.max_num_seqs == 16);
  CHECK(plan.is_scored(Figure::mean_ttft));
}

TEST_CASE("closed loops of unknown ramp: one prompt a step, fixed lengths, ten rounds") {
  const RunPlan vllm = plan_of(read_one(
      serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 1024, 512, 16, 2, "closed_loop_unknown_ramp")));
  CHECK(vllm.engine.max_num_batched_tokens == 1040);
  CHECK(vllm.load.requests == 160);
  CHECK(vllm.load.shortest_share == 1.0);
  const RunPlan trt = plan_of(read_one(serving_row("trtllm", "Qwen/Qwen3-32B", "fp8", 1024, 512, 16,
                                                   4, "closed_loop_unknown_ramp")));
  CHECK_FALSE(trt.engine.chunked_prefill);
  CHECK(trt.engine.max_num_batched_tokens < 2 * 1024);
  CHECK(trt.kv.kv_precision == models::Precision::fp8);
}

TEST_CASE("bursts send each request once, SGLang with an uncut prefill budget of 16384") {
  const RunPlan plan =
      plan_of(read_one(serving_row("sglang", "Qwen/Qwen3-32B", "bf16", 1024, 128, 64, 2, "burst")));
  CHECK(plan.load.requests == 64);
  CHECK(plan.load.cap == 64);
  CHECK(plan.engine.max_num_batched_tokens == 16384);
  CHECK(plan.engine.chunk_tokens == 16384);
  CHECK(plan.kv.kv_precision == models::Precision::bf16);
}

TEST_CASE("GuideLLM stages: engine defaults, counted after 5 % of the stage") {
  const RunPlan sync = plan_of(read_one_sweep(sweep_row("synchronous", "0.03", kH100)));
  CHECK(sync.load.cap == 1);
  CHECK(sync.count_from_s == Approx(3));
  CHECK(sync.count_to_s == 60);
  CHECK(sync.engine.max_num_batched_tokens == 8192);
  CHECK(sync.engine.max_num_seqs == 1024);
  CHECK(sync.load.ramp_s == 0);

  const RunPlan throughput = plan_of(read_one_sweep(sweep_row("throughput", "1", kH100)));
  CHECK(throughput.load.cap == 64);
  CHECK(throughput.load.ramp_s == 10);

  const RunPlan constant = plan_of(read_one_sweep(sweep_row("constant", "0.5", kH100)));
  CHECK(constant.load.rate == 20);
  CHECK(constant.load.ramp_s == 0);
  CHECK(constant.load.cap == 64);
  CHECK_FALSE(constant.is_scored(Figure::achieved_rps));  // it is the input

  const RunPlan a100 =
      plan_of(read_one_sweep(sweep_row("constant", "0.5", "NVIDIA A100 80GB PCIe")));
  CHECK(a100.engine.max_num_batched_tokens == 2048);
  CHECK(a100.engine.max_num_seqs == 256);
}

TEST_CASE("above 90 % of the throughput rate only rate and median ITL are scored") {
  const RunPlan plan = plan_of(read_one_sweep(sweep_row("constant", "0.95", kH100)));
  CHECK(plan.is_scored(Figure::achieved_rps));
  CHECK(plan.is_scored(Figure::itl_p50));
  CHECK_FALSE(plan.is_scored(Figure::ttft_p50));
  CHECK_FALSE(plan.left_out.empty());
}

TEST_CASE("rows of unknown protocols are predicted but not scored") {
  const RunPlan plan = plan_of(read_one(
      serving_row("vllm", "Qwen/Qwen3-32B", "fp8", 4000, 1000, 48, 2, "closed_loop_unknown_ramp")));
  CHECK(plan.scored.none());
  CHECK(plan.left_out.find("ISL 4000") != std::string::npos);
  const RunPlan oss = plan_of(read_one(
      serving_row("vllm", "openai/gpt-oss-120b", "fp4", 1024, 8192, 512, 8, "inferencemax")));
  CHECK(oss.scored.none());
}

TEST_CASE("TensorRT-LLM Llama 8B rows keep TPOT and lose TTFT") {
  const RunPlan plan =
      plan_of(read_one(serving_row("trtllm", "meta-llama/Llama-3.1-8B-Instruct", "bf16", 1024, 512,
                                   16, 1, "closed_loop_unknown_ramp")));
  CHECK(plan.is_scored(Figure::mean_tpot));
  CHECK_FALSE(plan.is_scored(Figure::mean_ttft));
}

TEST_CASE("what cannot be simulated says why") {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  MeasuredRun run =
      read_one(serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 1024, 512, 16, 2, "burst"));
  run.disaggregated = true;
  run.tool = "InferenceX";
  auto plan = plan_run(run, specs);
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().what ==
        "the workers of disaggregated runs are known for tables of operating points alone");
  run.tool = "";
  run.disaggregated = false;
  run.protocol = Protocol::unknown;
  run.protocol_text = "tides";
  plan = plan_run(run, specs);
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().what == "unknown load protocol \"tides\"");
  run.layout.tensor = 3;
  CHECK_FALSE(plan_run(run, specs).has_value());
}

TEST_CASE("a dtype changes 16-bit checkpoints and keeps published quantisation") {
  const models::Catalog catalog = shipped_catalog();
  auto qwen = catalog.llm("Qwen/Qwen3-32B");
  REQUIRE(qwen.has_value());
  REQUIRE(apply_dtype(*qwen, "fp8").has_value());
  CHECK(qwen->weights == models::Precision::fp8);
  auto oss = catalog.llm("openai/gpt-oss-120b");
  REQUIRE(oss.has_value());
  REQUIRE(apply_dtype(*oss, "fp4").has_value());
  CHECK(oss->expert_weights == models::Precision::mxfp4);
  CHECK_FALSE(apply_dtype(*oss, "fp3").has_value());
}
