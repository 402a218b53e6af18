#include "calibration/imported_load.h"

#include "calibration/replay.h"
#include "models/linear_model.h"
#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

MeasuredRun imported(Protocol protocol) {
  MeasuredRun run;
  run.id = "x";
  run.engine_text = "vllm";
  run.engine = models::EngineKind::vllm;
  run.gpu = "h100-sxm";
  run.model = "meta-llama/Llama-3.1-8B-Instruct";
  run.isl = 1000;
  run.osl = 100;
  run.concurrency = 8;
  run.protocol = protocol;
  run.load.emplace();
  run.load->requests = 40;
  run.measured[Figure::mean_ttft] = 50;
  run.measured[Figure::achieved_rps] = 4;
  return run;
}

Result<RunPlan> plan_of(const MeasuredRun& run) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  return plan_run(run, specs);
}

const models::KvPool kPool{.blocks = 10000, .block_size = 16, .usable_blocks = 10000};

}  // namespace

TEST_CASE("a closed loop of a tool: its cap, its number of requests, the engine's own limits") {
  const auto plan = plan_of(imported(Protocol::closed_loop));
  REQUIRE(plan.has_value());
  CHECK(plan->load.cap == 8);
  CHECK(plan->load.requests == 40);
  CHECK(plan->count_to_s == 0);  // all requests count
  CHECK(plan->engine.max_num_batched_tokens == 8192);
  CHECK(plan->is_scored(Figure::achieved_rps));
}

TEST_CASE("an open loop of a tool: rate and burstiness are the input and not scored") {
  MeasuredRun run = imported(Protocol::open_loop);
  run.load->rate = 4;
  run.load->burstiness = 1;
  auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  CHECK(plan->load.rate == 4);
  CHECK(plan->load.burstiness == 1);
  CHECK(plan->load.cap == 8);
  CHECK_FALSE(plan->is_scored(Figure::achieved_rps));
  CHECK(plan->is_scored(Figure::mean_ttft));
  run.concurrency = 0;  // no cap: as many slots as requests
  CHECK(plan_of(run)->load.cap == 40);
}

TEST_CASE("a stage of a tool: requests that end inside the counted window") {
  MeasuredRun run = imported(Protocol::closed_loop);
  run.load->requests = 0;
  run.stage_s = 60;
  run.load->count_from_s = 6;
  run.ramp_s = 5;
  const auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  CHECK(plan->load.stop_s == 60);
  CHECK(plan->load.ramp_s == 5);
  CHECK(plan->count_from_s == 6);
  CHECK(plan->count_to_s == 60);
}

TEST_CASE("one static batch: all prompts in one step, no server in front") {
  MeasuredRun run = imported(Protocol::one_batch);
  run.engine = models::EngineKind::sglang;
  run.isl = 4000;
  run.load->in_process = true;
  const auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  CHECK(plan->in_process);
  CHECK(plan->load.requests == 8);
  CHECK(plan->engine.max_num_batched_tokens == 32000);
  CHECK(plan->engine.chunk_tokens == 32000);
  CHECK_FALSE(plan->engine.async_scheduling);
}

TEST_CASE("settings of the file go over the engine's defaults") {
  MeasuredRun run = imported(Protocol::closed_loop);
  run.settings = {.kv_dtype = "fp8_e4m3",
                  .max_num_seqs = 64,
                  .max_num_batched_tokens = 2048,
                  .chunk_tokens = 0,
                  .memory_fraction = 0.8,
                  .kv_blocks = 5000};
  auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  CHECK(plan->engine.max_num_seqs == 64);
  CHECK(plan->engine.max_num_batched_tokens == 2048);
  CHECK(plan->kv.memory_fraction == 0.8);
  CHECK(plan->kv.block_count == 5000);
  CHECK(plan->kv.kv_precision == models::Precision::fp8);
  CHECK(plan->deployment.context.max_graph_tokens == 128);  // min(2 * 64, 512)
  run.settings.kv_dtype = "stone";
  CHECK(plan_of(run).error().what.find("\"stone\"") != std::string::npos);
}

TEST_CASE("loads that cannot be simulated say why") {
  MeasuredRun run = imported(Protocol::closed_loop);
  run.load->requests = 0;
  CHECK(plan_of(run).error().what.find("neither the number of requests nor the duration") !=
        std::string::npos);
  run = imported(Protocol::recorded);
  CHECK(plan_of(run).error().what.find("not in this file") != std::string::npos);
  run = imported(Protocol::open_loop);
  CHECK(plan_of(run).error().what.find("arrival rate") != std::string::npos);
  run.load->rate = 1e-9;
  CHECK(plan_of(run).error().what.find("seconds") != std::string::npos);
}

TEST_CASE("a replayed static batch has the times of its steps and the prompt rate of the first") {
  // A step takes 10 ms and 0.1 ms for each prompt token: the prefill of 4 x 50 tokens takes 30 ms,
  // each of the 4 further steps 10 ms. 200 tokens in 30 ms are 6667 tokens/s.
  MeasuredRun run = imported(Protocol::one_batch);
  run.engine = models::EngineKind::sglang;
  run.isl = 50;
  run.osl = 5;
  run.concurrency = 4;
  const auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  models::LinearProfile linear;
  linear.t0_ms = 10;
  linear.us_per_prefill_token = 100;
  const models::LinearStepModel step(linear);
  const auto out = replay(*plan, step, models::FrontEnd{}, kPool, 1);
  REQUIRE(out.has_value());
  CHECK(out->counted == 4);
  CHECK(*out->figures[Figure::mean_ttft] == Approx(30));
  CHECK(*out->figures[Figure::mean_tpot] == Approx(10));
  CHECK(*out->figures[Figure::e2e_p90] == Approx(70));
  CHECK(*out->figures[Figure::prefill_tps] == Approx(200 / 0.030));
  CHECK(*out->figures[Figure::total_tps] == Approx(220 / 0.070));
}

TEST_CASE("a run without a server passes no front end in a replay") {
  MeasuredRun run = imported(Protocol::one_batch);
  run.engine = models::EngineKind::sglang;
  run.osl = 1;
  run.concurrency = 1;
  models::LinearProfile linear;
  linear.t0_ms = 10;
  const models::LinearStepModel step(linear);
  const models::FrontEnd slow{.client_in_s = 0.5};
  for (const bool in_process : {false, true}) {
    run.load->in_process = in_process;
    const auto out = replay(*plan_of(run), step, slow, kPool, 1);
    REQUIRE(out.has_value());
    CHECK(*out->figures[Figure::mean_ttft] == Approx(in_process ? 10 : 510));
  }
}

TEST_CASE("one-token outputs have no TPOT in a replay") {
  MeasuredRun run = imported(Protocol::one_batch);
  run.engine = models::EngineKind::sglang;
  run.osl = 1;
  const auto plan = plan_of(run);
  REQUIRE(plan.has_value());
  models::LinearProfile linear;
  linear.t0_ms = 10;
  const models::LinearStepModel step(linear);
  const auto out = replay(*plan, step, models::FrontEnd{}, kPool, 1);
  REQUIRE(out.has_value());
  CHECK_FALSE(out->figures[Figure::mean_tpot].has_value());
  CHECK_FALSE(out->figures[Figure::itl_p50].has_value());
}
