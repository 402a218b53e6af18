#include "scenario/engine_options.h"

#include <catch2/catch.hpp>
#include <set>

#include "core/line_source.h"
#include "models/fitted_model.h"
#include "scenario/assemble.h"

using namespace eph;
using namespace eph::scenario;

namespace {

const models::Catalog& catalog() {
  static const models::Catalog shipped(EPH_SOURCE_DIR "/data");
  return shipped;
}

DeploymentSpec with(const std::string& engine, std::vector<EngineSetting> settings) {
  DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B-Instruct";
  spec.engine = engine;
  spec.engine_options = std::move(settings);
  return spec;
}

sim::EngineOptions assembled(const std::string& engine, std::vector<EngineSetting> settings) {
  const auto assembly = assemble(catalog(), with(engine, std::move(settings)));
  if (!assembly) FAIL(assembly.error().text());
  return assembly->config.replica.engine;
}

}  // namespace

TEST_CASE("the table of engine options is consistent") {
  std::set<std::pair<models::EngineKind, std::string_view>> names;
  for (const EngineOption& option : engine_options()) {
    CAPTURE(models::name(option.engine), option.field.key);
    CHECK(names.insert({option.engine, option.field.key}).second);
    CHECK((option.put == nullptr) != option.refusal.empty());
    CHECK((option.put == nullptr || !option.field.help.empty()));
    CHECK((option.stands_for.empty() || find_field(option.stands_for) != nullptr));
  }
  CHECK(names.size() == engine_options().size());
}

// init = min(0.7 c, 1), of which the least is 0.14 (sglang/srt/managers/scheduler.py).
TEST_CASE("sglang's conservativeness is a factor on the first share") {
  CHECK(assembled("sglang", {}).new_token_ratio_init == 0.7);
  CHECK(assembled("sglang", {}).new_token_ratio_min == 0.098);
  const auto half = assembled("sglang", {{"schedule_conservativeness", "0.5"}});
  CHECK(half.new_token_ratio_init == Approx(0.35));
  CHECK(half.new_token_ratio_min == Approx(0.049));
  const auto twice = assembled("sglang", {{"schedule_conservativeness", "2"}});
  CHECK(twice.new_token_ratio_init == 1.0);
  CHECK(twice.new_token_ratio_min == Approx(0.14));
}

TEST_CASE("options of one engine alone reach the simulator") {
  const auto sglang = assembled("sglang", {{"SGLANG_INIT_NEW_TOKEN_RATIO", "0.5"},
                                           {"SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR", "0.2"},
                                           {"SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS", "50"},
                                           {"SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION", "100"},
                                           {"SGLANG_RETRACT_DECODE_STEPS", "7"},
                                           {"enable_mixed_chunk", "true"},
                                           {"disable_overlap_schedule", "true"}});
  CHECK(sglang.new_token_ratio_init == 0.5);
  CHECK(sglang.new_token_ratio_min == Approx(0.1));
  CHECK(sglang.new_token_ratio_decay_steps == 50);
  CHECK(sglang.clip_max_new_tokens == 100);
  CHECK(sglang.retract_decode_steps == 7);
  CHECK(sglang.mixed_chunk);
  CHECK_FALSE(sglang.async_scheduling);
  CHECK(assembled("sglang", {{"chunked_prefill_size", "-1"}}).chunk_tokens == 0);
  const auto vllm = assembled("vllm", {{"watermark", "0.05"},
                                       {"scheduling_policy", "priority"},
                                       {"long_prefill_token_threshold", "512"},
                                       {"scheduler_reserve_full_isl", "false"},
                                       {"enable_chunked_prefill", "true"}});
  CHECK(vllm.watermark == 0.05);
  CHECK(vllm.priority_scheduling);
  CHECK(vllm.long_prefill_tokens == 512);
  CHECK_FALSE(vllm.reserve_full_prompt);
  CHECK(assembled("trtllm", {{"capacity_scheduler_policy", "MAX_UTILIZATION"}}).capacity ==
        sim::Capacity::max_utilization);
  CHECK(assembled("trtllm", {{"capacity_scheduler_policy", "STATIC_BATCH"}}).capacity ==
        sim::Capacity::static_batch);
  const auto llamacpp = with_engine_options(with("llamacpp", {{"cont_batching", "false"}}));
  REQUIRE(llamacpp);
  CHECK_FALSE(*llamacpp->tuning.continuous_batching);
}

// 64 decodes of 512 tokens replay a graph by default; eager steps pay for every launch.
TEST_CASE("without CUDA graphs a fitted decode step takes longer") {
  const auto seconds = [](std::vector<EngineSetting> settings) {
    const auto assembly = assemble(catalog(), with("vllm", std::move(settings)));
    REQUIRE(assembly);
    models::BatchShape shape;
    for (int i = 0; i < 64; ++i) shape.add_decode(512);
    return assembly->step->seconds(shape);
  };
  CHECK(seconds({{"enforce_eager", "true"}}) > seconds({}));
  CHECK(seconds({{"max_cudagraph_capture_size", "32"}}) > seconds({}));
  CHECK(seconds({{"max_cudagraph_capture_size", "64"}}) == seconds({}));
}

TEST_CASE("contradictory engine options are errors") {
  CHECK_FALSE(with_engine_options(with("vllm", {{"max_num_seqs", "1"}, {"max_num_seqs", "2"}})));
  CHECK(with_engine_options(with("vllm", {{"max_num_seqs", "1"}, {"max_num_seqs", "1"}})));
  DeploymentSpec spec = with("sglang", {{"max_total_tokens", "1000"}});
  CHECK(with_engine_options(spec));
  spec.memory_fraction = 0.5;
  CHECK_FALSE(with_engine_options(spec));
  CHECK_FALSE(assemble(catalog(), with("vllm", {{"max_num_partial_prefills", "2"},
                                                {"long_prefill_token_threshold", "100"}})));
}
