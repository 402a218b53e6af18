// Speculative decoding and data-parallel ranks from names and numbers to what is simulated.
#include <catch2/catch.hpp>

#include "models/engine_defaults.h"
#include "tests/unit/scenario/shipped.h"

using namespace eph;
using namespace eph::scenario;
using namespace eph::scenario::test;

namespace {

using Settings = std::vector<EngineSetting>;

DeploymentSpec with(const std::string& engine, Settings settings) {
  DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B-Instruct";
  spec.engine = engine;
  spec.engine_options = std::move(settings);
  return spec;
}

const Settings kEagle{{"speculative_method", "eagle3"},
                      {"num_speculative_tokens", "3"},
                      {"speculative_acceptance", "0.8,0.6,0.4"}};
const Settings kNgram{{"speculative_method", "ngram"},
                      {"num_speculative_tokens", "2"},
                      {"speculative_acceptance", "0.5"}};

DeploymentSpec deepseek(const std::string& engine) {
  DeploymentSpec spec = with(engine, {});
  spec.model = "deepseek-ai/DeepSeek-R1";
  spec.gpu = "h200";
  spec.layout = {.tensor = 1, .pipeline = 1, .expert = 8, .attention_data = 8};
  return spec;
}

}  // namespace

TEST_CASE("vLLM's speculative decoding reaches the simulator") {
  const sim::EngineOptions eagle = assembled(with("vllm", kEagle)).config.replica.engine;
  CHECK(eagle.speculation.drafts == 3);
  CHECK(eagle.speculation.draft_slots == 3);
  CHECK(eagle.speculation.drops_last_hit);
  CHECK(eagle.speculation.acceptance == std::vector<double>{0.8, 0.6, 0.4});
  CHECK(eagle.async_scheduling);
  const sim::EngineOptions ngram = assembled(with("vllm", kNgram)).config.replica.engine;
  CHECK(ngram.speculation.draft_slots == 0);
  CHECK_FALSE(ngram.speculation.drops_last_hit);
  CHECK(ngram.speculation.acceptance == std::vector<double>{0.5, 0.5});
  CHECK_FALSE(ngram.async_scheduling);
}

TEST_CASE("a draft model costs time and memory, n-grams do not") {
  const Assembly plain = assembled(with("vllm", {}));
  const Assembly eagle = assembled(with("vllm", kEagle));
  const Assembly ngram = assembled(with("vllm", kNgram));
  // One more of 32 layers in the weights and in each token's KV.
  const double share = static_cast<double>(eagle.config.replica.kv.blocks) /
                       static_cast<double>(plain.config.replica.kv.blocks);
  CHECK(share < 32.0 / 33);
  CHECK(share > 0.95);
  CHECK(ngram.config.replica.kv.blocks == plain.config.replica.kv.blocks);
  models::BatchShape step;
  for (int i = 0; i < 16; ++i) step.add_decode(1000);
  step.draft_tokens = 32;
  CHECK(eagle.step->times(step).gpu > 1.03 * plain.step->times(step).gpu);
  const Assembly synchronous = assembled(with("vllm", {{"async_scheduling", "false"}}));
  CHECK(ngram.step->times(step).gpu == synchronous.step->times(step).gpu);
}

TEST_CASE("SGLang verifies a chain or a tree, without overlap and for fewer requests") {
  const Settings chain{{"speculative_algorithm", "EAGLE"},
                       {"speculative_num_steps", "3"},
                       {"speculative_acceptance", "0.7,0.6,0.5"}};
  const Assembly assembly = assembled(with("sglang", chain));
  const sim::EngineOptions& e = assembly.config.replica.engine;
  CHECK(e.speculation.drafts == 3);  // num_steps + 1 tokens are verified
  CHECK(e.speculation.draft_slots == 3);
  CHECK_FALSE(e.async_scheduling);
  CHECK(e.max_num_seqs == 48);
  Settings tree = chain;
  tree.push_back({"speculative_eagle_topk", "4"});
  tree.push_back({"speculative_num_draft_tokens", "8"});
  const sim::EngineOptions wide = assembled(with("sglang", tree)).config.replica.engine;
  CHECK(wide.speculation.drafts == 7);
  CHECK(wide.speculation.draft_slots == 12);
  CHECK(wide.speculation.acceptance.size() == 3);
  tree.pop_back();
  CHECK(error_of(with("sglang", tree)).find("speculative_num_draft_tokens") != std::string::npos);
}

TEST_CASE("SGLang sets 2 GiB aside for a draft model") {
  const auto engine = catalog().engine(models::EngineKind::sglang);
  const auto gpu = catalog().gpu("h100-sxm");
  const auto llm = catalog().llm("meta-llama/Llama-3.1-8B-Instruct");
  REQUIRE((engine && gpu && llm));
  const auto plain = models::engine_defaults(*engine, "", *gpu, *llm, {});
  const auto drafts = models::engine_defaults(*engine, "", *gpu, *llm, {}, 2048);
  REQUIRE((plain && drafts));
  // 81,559 MiB: (total - 13,440) / total = 0.835, and with 2,048 more 0.810.
  CHECK(plain->kv.memory_fraction - drafts->kv.memory_fraction == Approx(0.025).margin(0.0011));
}

TEST_CASE("TensorRT-LLM names its drafts by how they are made") {
  const auto options = [](Settings settings, const char* model) {
    settings.push_back({"speculative_acceptance", "0.8"});
    DeploymentSpec spec = with("trtllm", std::move(settings));
    spec.model = model;
    if (spec.model != "meta-llama/Llama-3.1-8B-Instruct") {
      spec.gpu = "h200";
      spec.layout = {.tensor = 8, .pipeline = 1, .expert = 8};
    }
    return assembled(spec).config.replica.engine;
  };
  const char* const llama = "meta-llama/Llama-3.1-8B-Instruct";
  const auto eagle = options({{"decoding_type", "Eagle"}, {"max_draft_len", "4"}}, llama);
  CHECK(eagle.speculation.drafts == 4);
  CHECK(eagle.async_scheduling);
  const auto ngram = options({{"decoding_type", "NGram"}, {"max_draft_len", "4"}}, llama);
  CHECK_FALSE(ngram.async_scheduling);
  const auto mtp = options({{"decoding_type", "MTP"}, {"num_nextn_predict_layers", "3"}},
                           "deepseek-ai/DeepSeek-R1");
  CHECK(mtp.speculation.drafts == 3);
}

TEST_CASE("speculative decoding that is not complete, or cannot be, is refused") {
  const auto has = [](const DeploymentSpec& spec, const char* part) {
    const std::string text = error_of(spec);
    CAPTURE(text, part);
    return text.find(part) != std::string::npos;
  };
  CHECK(has(with("vllm", {{"speculative_method", "eagle"}, {"num_speculative_tokens", "3"}}),
            "speculative_acceptance="));
  CHECK(has(with("vllm", {{"speculative_method", "eagle"}, {"speculative_acceptance", "0.5"}}),
            "without num_speculative_tokens"));
  CHECK(has(with("vllm", {{"num_speculative_tokens", "3"}}), "without speculative_method"));
  Settings few = kEagle;
  few[2].value = "0.8,0.6";
  CHECK(has(with("vllm", few), "2 values for 3 positions"));
  few[2].value = "0.8,0.6,1.4";
  CHECK(has(with("vllm", few), "is no probability"));
  Settings mtp = kEagle;
  mtp[0].value = "mtp";
  CHECK(has(with("vllm", mtp), "has no layers for multi-token prediction"));
  Settings async = kNgram;
  async.push_back({"async_scheduling", "true"});
  CHECK(has(with("vllm", async), "schedules synchronously"));
  CHECK(has(with("sglang", {{"speculative_algorithm", "EAGLE"}, {"speculative_acceptance", "1"}}),
            "speculative_num_steps"));
  CHECK(has(with("sglang", {{"speculative_algorithm", "NGRAM"}}), "not simulated"));
}

TEST_CASE("ranks have limits and KV of their own") {
  for (const char* engine : {"vllm", "sglang", "trtllm"}) {
    CAPTURE(engine);
    const Assembly ranks = assembled(deepseek(engine));
    DeploymentSpec flat = deepseek(engine);
    flat.layout = {.tensor = 8, .pipeline = 1, .expert = 8};
    const Assembly tensor = assembled(flat);
    CHECK(ranks.config.replica.ranks == 8);
    CHECK(tensor.config.replica.ranks == 1);
    CHECK(ranks.step->ranks() == 8);
    // A latent cache is not divided by tensor parallelism: 8 ranks hold several times as many
    // tokens, though attention's weights are on each of them.
    CHECK(8 * ranks.config.replica.kv.usable_tokens() >
          4 * tensor.config.replica.kv.usable_tokens());
  }
}

TEST_CASE("SGLang's ranks share what is given for all, and reserve less") {
  const sim::EngineOptions flat = assembled(with("sglang", {})).config.replica.engine;
  const sim::EngineOptions own = assembled(deepseek("sglang")).config.replica.engine;
  CHECK(own.chunk_tokens == flat.chunk_tokens / 8);
  CHECK(own.new_token_ratio_init == Approx(0.3 * 0.7));
  CHECK(own.new_token_ratio_min == Approx(0.3 * 0.7 * 0.14));
  DeploymentSpec given = deepseek("sglang");
  given.max_num_seqs = 256;
  CHECK(assembled(given).config.replica.engine.max_num_seqs == 32);
}

TEST_CASE("ranks of a model without experts are replicas") {
  DeploymentSpec spec = with("vllm", {});
  spec.layout.attention_data = 2;
  CHECK(error_of(spec).find("use replicas instead of dp") != std::string::npos);
  const auto named = with("vllm", {{"data_parallel_size", "2"}});
  CHECK(error_of(named).find("--dp") != std::string::npos);
}
