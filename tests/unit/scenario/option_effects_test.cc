// Every option of every engine that is taken changes what a small crowded system does; the table
// below must have a line for each of them.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <vector>

#include "scenario/engine_options.h"
#include "tests/support/scenario.h"
#include "tests/unit/scenario/shipped.h"

using namespace eph;
using namespace eph::scenario;
using namespace eph::scenario::test;

namespace {

// It has layers for multi-token prediction.
constexpr std::string_view kWithMtp = "MiniMaxAI/MiniMax-M2.5";

using Settings = std::vector<EngineSetting>;

struct Effect {
  std::string_view engine;
  EngineSetting setting;
  Settings beside;  // in both runs
  std::string_view model = "meta-llama/Llama-3.1-8B-Instruct";
  Settings with = {};  // what the setting needs: in its run alone
};

DeploymentSpec deployment(const Effect& effect) {
  DeploymentSpec spec;
  spec.engine = effect.engine;
  spec.model = effect.model;
  spec.engine_options = effect.beside;
  if (effect.model == kWithMtp) spec.layout.tensor = 8;
  if (effect.engine != "llamacpp") return spec;
  spec.model = "meta-llama/Llama-2-7b-hf";
  spec.weights = models::Precision::q4_k_m;
  spec.gpu = "c7i-flex.12xlarge";
  return spec;
}

// 60 requests within 60 ms: long and short prompts and outputs, a third in conversations, a third
// with a beginning in common, seven priorities against the order of arrival, permitted outputs
// twice as long as the outputs.
void crowd(eph::test::Scenario& s) {
  for (int i = 0; i < 60; ++i) {
    const std::int32_t prompt = i % 5 == 0 ? 900 : 60 + 7 * i, output = i % 4 == 0 ? 120 : 3 + i;
    s.send(i, prompt, output, 2 * output);
    workload::Arrival& last = s.arrivals.back();
    last.priority = 6 - i % 7;
    if (i % 3 == 0) last.stream = static_cast<std::uint64_t>(i % 4);
    if (i % 3 == 1) {
      last.prefix_group = 1;
      last.prefix_tokens = 50;
    }
  }
  for (int i = 0; i < 6; ++i) {
    s.send(1e6 + 1e5 * i, 100 + 50 * i, 10);
    s.arrivals.back().stream = static_cast<std::uint64_t>(100 + i % 2);
  }
}

std::vector<std::string> steps_of(const DeploymentSpec& spec) {
  const Assembly assembly = assembled(spec);
  eph::test::Scenario s(assembly.config.replica.engine.kind, *assembly.step);
  s.config = assembly.config;
  crowd(s);
  std::vector<std::string> out;
  for (const auto& step : eph::test::run(s).sink.steps) out.push_back(eph::test::text(step));
  return out;
}

const EngineSetting kDrafts[] = {{"num_speculative_tokens", "3"},
                                 {"speculative_acceptance", "0.5"}};

// By engine, in the order of scenario/engine_option_table.cc.
std::vector<Effect> vllm_effects() {
  constexpr std::string_view e = "vllm";
  const EngineSetting few{"num_gpu_blocks_override", "150"};
  const EngineSetting ngram{"speculative_method", "ngram"};
  return {
      {e, {"max_num_batched_tokens", "1024"}, {}},
      {e, {"max_num_seqs", "4"}, {}},
      {e, {"enable_chunked_prefill", "false"}, {{"max_num_batched_tokens", "1024"}}},
      {e, {"block_size", "64"}, {few}},
      {e, {"gpu_memory_utilization", "0.23"}, {}},
      {e, {"num_gpu_blocks_override", "150"}, {}},
      {e, {"max_model_len", "500"}, {}},
      {e, {"async_scheduling", "false"}, {}},
      {e, {"scheduling_policy", "priority"}, {few}},
      {e, {"long_prefill_token_threshold", "200"}, {}},
      {e, {"max_num_partial_prefills", "2"}, {{"max_model_len", "2000"}}},
      {e, {"watermark", "0.2"}, {few}},
      {e,
       {"scheduler_reserve_full_isl", "false"},
       {few, {"max_num_batched_tokens", "256"}, {"max_num_seqs", "128"}}},
      {e, {"max_cudagraph_capture_size", "8"}, {}},
      {e, {"enforce_eager", "true"}, {}},
      {e, {"enable_prefix_caching", "false"}, {}},
      {e, {"speculative_method", "eagle"}, {kDrafts[0], kDrafts[1], ngram}},
      {e, {"num_speculative_tokens", "2"}, {ngram, kDrafts[1], kDrafts[0]}},
      {e, {"speculative_acceptance", "0.9"}, {ngram, kDrafts[0], kDrafts[1]}},
  };
}

std::vector<Effect> sglang_effects() {
  constexpr std::string_view e = "sglang";
  const EngineSetting few{"max_total_tokens", "3000"};
  const EngineSetting eagle{"speculative_algorithm", "EAGLE"}, steps{"speculative_num_steps", "3"},
      accepted{"speculative_acceptance", "0.5"}, wide{"speculative_eagle_topk", "2"},
      verified{"speculative_num_draft_tokens", "6"};
  return {
      {e, {"chunked_prefill_size", "512"}, {}},
      {e, {"max_prefill_tokens", "600"}, {}},
      {e, {"max_running_requests", "4"}, {}},
      {e, {"max_total_tokens", "3000"}, {}},
      {e, {"mem_fraction_static", "0.245"}, {}},
      {e, {"page_size", "64"}, {few}},
      {e, {"context_length", "500"}, {}},
      {e, {"schedule_policy", "lpm"}, {few}},
      {e, {"schedule_conservativeness", "0.3"}, {few}},
      {e, {"enable_mixed_chunk", "true"}, {}},
      {e, {"disable_overlap_schedule", "true"}, {}},
      {e, {"cuda_graph_max_bs", "2"}, {}},
      {e, {"disable_cuda_graph", "true"}, {}},
      {e, {"SGLANG_INIT_NEW_TOKEN_RATIO", "0.2"}, {few}},
      {e, {"SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR", "0.9"}, {few}},
      {e, {"SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS", "20"}, {few}},
      {e, {"SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION", "10"}, {few}},
      {e, {"SGLANG_RETRACT_DECODE_STEPS", "200"}, {few, {"schedule_conservativeness", "0.1"}}},
      {e, {"disable_radix_cache", "true"}, {}},
      {e, {"radix_insert", "finish"}, {}},
      {e, {"full_batch_reopens", "decode"}, {{"max_running_requests", "4"}}},
      {e,
       {"retract_until", "headroom"},
       {few, {"schedule_conservativeness", "0.1"}, {"SGLANG_RETRACT_DECODE_STEPS", "100"}}},
      {e, {"speculative_algorithm", "NEXTN"}, {}, kWithMtp, {steps, accepted}},
      {e, {"speculative_num_steps", "2"}, {eagle, accepted, steps}},
      {e, {"speculative_eagle_topk", "3"}, {eagle, accepted, steps, verified, wide}},
      {e, {"speculative_num_draft_tokens", "8"}, {eagle, accepted, steps, wide, verified}},
      {e, {"speculative_acceptance", "0.9"}, {eagle, steps, accepted}},
  };
}

std::vector<Effect> trtllm_effects() {
  constexpr std::string_view e = "trtllm";
  const EngineSetting few{"max_tokens", "3200"}, drafted{"max_draft_len", "3"},
      ngram{"decoding_type", "NGram"}, accepted{"speculative_acceptance", "0.5"};
  return {
      {e, {"max_batch_size", "4"}, {}},
      {e, {"max_num_tokens", "1024"}, {}},
      {e, {"max_seq_len", "500"}, {}},
      {e, {"enable_chunked_prefill", "true"}, {{"max_num_tokens", "1024"}}},
      {e, {"enable_chunked_context", "true"}, {{"max_num_tokens", "1024"}}},
      {e, {"capacity_scheduler_policy", "MAX_UTILIZATION"}, {few}},
      {e, {"tokens_per_block", "128"}, {few}},
      {e, {"max_tokens", "3200"}, {}},
      {e, {"free_gpu_memory_fraction", "0.01"}, {}},
      {e, {"disable_overlap_scheduler", "true"}, {}},
      {e, {"enable_block_reuse", "false"}, {}},
      {e, {"cuda_graph_max_batch_size", "2"}, {}},
      {e, {"decoding_type", "Eagle"}, {drafted, accepted, ngram}},
      {e, {"max_draft_len", "2"}, {ngram, accepted, drafted}},
      {e,
       {"num_nextn_predict_layers", "2"},
       {{"decoding_type", "MTP"}, accepted, {"num_nextn_predict_layers", "1"}},
       kWithMtp},
      {e, {"speculative_acceptance", "0.9"}, {ngram, drafted, accepted}},
  };
}

std::vector<Effect> llamacpp_effects() {
  constexpr std::string_view e = "llamacpp";
  const EngineSetting room{"n_ctx", "6000"};
  return {
      {e, {"n_parallel", "2"}, {room}},
      {e, {"n_batch", "256"}, {room}},
      {e, {"n_ubatch", "64"}, {room}},
      {e, {"n_ctx", "2000"}, {}},
      {e, {"cont_batching", "false"}, {room}},
      {e, {"cache_prompt", "false"}, {room}},
      {e, {"slot_prompt_similarity", "0"}, {room}},
  };
}

Settings without(Settings all, const std::string& name) {
  std::erase_if(all, [&](const EngineSetting& s) { return s.name == name; });
  return all;
}

}  // namespace

TEST_CASE("every option that is taken changes the steps of a crowded system") {
  std::set<std::pair<std::string, std::string>> shown;
  for (const auto& effects :
       {vllm_effects(), sglang_effects(), trtllm_effects(), llamacpp_effects()}) {
    for (const Effect& effect : effects) {
      CAPTURE(effect.engine, effect.setting.name, effect.setting.value);
      CHECK(shown.emplace(effect.engine, effect.setting.name).second);
      DeploymentSpec before = deployment(effect), after = before;
      after.engine_options = without(effect.beside, effect.setting.name);
      after.engine_options.push_back(effect.setting);
      for (const EngineSetting& needed : effect.with) after.engine_options.push_back(needed);
      const bool acts = steps_of(before) != steps_of(after);
      CHECK(acts);
    }
  }
  for (const EngineOption& option : engine_options()) {
    CAPTURE(models::name(option.engine), option.field.key);
    const bool listed =
        shown.contains({std::string(models::name(option.engine)), std::string(option.field.key)});
    CHECK(listed == (option.put != nullptr));
  }
}
