// Memory by hand calculation: KV bytes a token, weights a rank, KV blocks of each engine.
#include <cmath>

#include "models/engine_defaults.h"
#include "models/memory.h"
#include "tests/unit/models/support.h"

namespace eph::models {
namespace {

constexpr Parallelism kOne{};
Parallelism tp(int degree) { return Parallelism{.tensor = degree}; }

}  // namespace

TEST_CASE("KV bytes per token follow 2 * layers * kv heads * head size * bytes") {
  CHECK(kv_bytes_per_token(llm("Llama-3.1-8B"), kOne, Precision::bf16) == 2 * 32 * 8 * 128 * 2);
  CHECK(kv_bytes_per_token(llm("Llama-3.1-8B"), kOne, Precision::bf16) == 131072);
  CHECK(kv_bytes_per_token(llm("Llama-3.1-70B"), kOne, Precision::bf16) == 327680);
  CHECK(kv_bytes_per_token(llm("Qwen3-32B"), kOne, Precision::bf16) == 262144);
  CHECK(kv_bytes_per_token(llm("Qwen3-32B"), kOne, Precision::fp8) == 131072);
}

TEST_CASE("MLA keeps the latent and the rotary part, on every rank") {
  // DeepSeek-V3: 61 layers * (512 + 64) * 2 B = 70272 B, whatever the tensor parallelism.
  CHECK(kv_bytes_per_token(llm("DeepSeek-V3"), kOne, Precision::bf16) == 70272);
  CHECK(kv_bytes_per_token(llm("DeepSeek-V3"), tp(8), Precision::bf16) == 70272);
  CHECK(kv_bytes_per_token_total(llm("DeepSeek-V3"), Precision::bf16) == 70272);
}

TEST_CASE("tensor parallelism divides KV down to one head a rank and copies it beyond") {
  // Qwen3-235B has 4 key-value heads: 94 layers * 2 * heads * 128 * 2 B.
  const LlmSpec spec = llm("Qwen3-235B-A22B");
  CHECK(kv_bytes_per_token(spec, tp(2), Precision::bf16) == 94 * 2 * 2 * 128 * 2);
  CHECK(kv_bytes_per_token(spec, tp(4), Precision::bf16) == 94 * 2 * 1 * 128 * 2);
  CHECK(kv_bytes_per_token(spec, tp(8), Precision::bf16) == 94 * 2 * 1 * 128 * 2);
  CHECK(kv_bytes_per_token_total(spec, Precision::bf16) == 94 * 2 * 4 * 128 * 2);
}

TEST_CASE("linear-attention layers add no KV per token; window layers count in full") {
  // Qwen3.5-397B: 15 of 60 layers are full, 2 kv heads of 256. gpt-oss-120b: all 36, 8 heads of 64.
  CHECK(kv_bytes_per_token(llm("Qwen3.5-397B-A17B"), kOne, Precision::bf16) ==
        15 * 2 * 2 * 256 * 2);
  CHECK(kv_bytes_per_token(llm("gpt-oss-120b"), kOne, Precision::bf16) == 36 * 2 * 8 * 64 * 2);
  // Gemma 4 26B: 25 window layers of 8 x 256, 5 global ones of 2 x 512.
  CHECK(kv_bytes_per_token(llm("gemma-4-26B-A4B"), kOne, Precision::bf16) ==
        2 * 2 * (25 * 8 * 256 + 5 * 2 * 512));
}

TEST_CASE("pipeline parallelism gives the larger stage's KV") {
  // 61 layers over 2 stages: 31 and 30 (the remainder goes to the stage before the last).
  CHECK(kv_bytes_per_token(llm("DeepSeek-V3"), Parallelism{.pipeline = 2}, Precision::bf16) ==
        31 * 576 * 2);
}

TEST_CASE("weights of an unquantised model are two bytes a parameter") {
  CHECK(weight_bytes(llm("Llama-3.1-8B")).value == 2 * 8'030'261'248);
  CHECK(weight_bytes_per_rank(llm("Llama-3.1-8B"), kOne).value == 2 * 8'030'261'248);
}

TEST_CASE("weights per rank: matrices and vocabulary are divided, norms are not") {
  // Llama-3.1-8B at tp 2: all but the 65 norms of 4096 is halved.
  const std::int64_t norms = 65 * 4096;
  CHECK(weight_bytes_per_rank(llm("Llama-3.1-8B"), tp(2)).value ==
        2 * ((8'030'261'248 - norms) / 2 + norms));
}

TEST_CASE("experts are divided over all ranks of a stage, cut or spread") {
  const LlmSpec spec = llm("Qwen3-30B-A3B");
  const Bytes cut = weight_bytes_per_rank(spec, tp(4));
  CHECK(weight_bytes_per_rank(spec, Parallelism{.tensor = 4, .expert = 4}) == cut);
  // Data-parallel attention copies attention (and the vocabulary), not experts.
  const double experts = 48.0 * 128 * 3 * 2048 * 768 * 2;
  const double rest = weight_bytes(spec).as_double() - experts;
  const Bytes dp = weight_bytes_per_rank(spec, Parallelism{.expert = 4, .attention_data = 4});
  CHECK(dp.as_double() == Approx(experts / 4 + rest).epsilon(1e-12));
}

TEST_CASE("pipeline stages share the weights; tied embeddings are held twice") {
  // Llama-3.1-8B over 2 stages: 16 layers and one vocabulary table each, the last with the final
  // norm.
  const LlmSpec spec = llm("Llama-3.1-8B");
  const std::int64_t layer = 4096LL * (4096 + 1024 + 1024 + 4096) + 3LL * 4096 * 14336 + 2 * 4096;
  CHECK(weight_bytes_per_rank(spec, Parallelism{.pipeline = 2}).value ==
        2 * (16 * layer + 128256LL * 4096 + 4096));
}

TEST_CASE("quantised weights carry their scales and leave the embedding at 16 bits") {
  // Qwen3-32B-FP8: 2 * 151936 * 5120 embedding values and the norms at 2 B, the rest 1 B + fp32 per
  // 128^2.
  const std::int64_t small = 64LL * (2 * 5120 + 2 * 128) + 5120;
  const std::int64_t table = 2LL * 151936 * 5120;
  const std::int64_t matrices = 32'762'123'264 - table - small;
  const double expected =
      static_cast<double>(matrices) * (1 + 4.0 / 16384) + 2.0 * static_cast<double>(table + small);
  CHECK(weight_bytes(llm("Qwen3-32B-FP8")).as_double() == Approx(expected).epsilon(1e-12));
  // gpt-oss-120b is published as a 60.8 GiB checkpoint (model card, table 1).
  CHECK(weight_bytes(llm("gpt-oss-120b")).as_double() / (1024.0 * 1024 * 1024) ==
        Approx(60.8).epsilon(0.01));
}

TEST_CASE(
    "vLLM: utilisation of all memory less weights and reserve, in whole blocks, one of them null") {
  // vllm/v1/core/kv_cache_utils.py, get_num_blocks: floor((0.9 * M - W - R) / (16 * 131072)).
  const GpuSpec card = gpu("h100-sxm");
  const KvPoolOptions options{.memory_fraction = 0.9, .reserved = Bytes{3'000'000'000}};
  const KvPool pool = must(kv_pool(EngineKind::vllm, card, llm("Llama-3.1-8B"), kOne, options));
  const double room = 0.9 * card.visible_memory.as_double() - 2.0 * 8'030'261'248 - 3e9;
  CHECK(pool.blocks == static_cast<std::int64_t>(std::floor(room / (16 * 131072))));
  CHECK(pool.usable_blocks == pool.blocks - 1);
  CHECK(pool.usable_tokens() == (pool.blocks - 1) * 16);
}

TEST_CASE("TensorRT-LLM: a fraction of what weights and buffers leave") {
  const GpuSpec card = gpu("h100-sxm");
  const KvPoolOptions options{
      .block_size = 32, .memory_fraction = 0.9, .reserved = Bytes{5'000'000'000}};
  const KvPool pool = must(kv_pool(EngineKind::trtllm, card, llm("Qwen3-32B-FP8"), kOne, options));
  const double free =
      card.visible_memory.as_double() - weight_bytes(llm("Qwen3-32B-FP8")).as_double() - 5e9;
  CHECK(pool.blocks == static_cast<std::int64_t>(std::floor(0.9 * free / (32.0 * 262144))));
  CHECK(pool.usable_blocks == pool.blocks);
}

TEST_CASE("the stage with the fewest blocks decides") {
  const GpuSpec card = gpu("h100-sxm");
  const KvPoolOptions options{.reserved = Bytes{3'000'000'000}};
  // DeepSeek-V2-Lite over 2 stages: 14 layers (one dense) and 13; the first holds more weights and
  // KV.
  const LlmSpec spec = llm("DeepSeek-V2-Lite");
  const Parallelism layout{.pipeline = 2};
  const KvPool pool = must(kv_pool(EngineKind::vllm, card, spec, layout, options));
  const double room =
      0.9 * card.visible_memory.as_double() - weight_bytes_per_rank(spec, layout).as_double() - 3e9;
  CHECK(pool.blocks == static_cast<std::int64_t>(std::floor(room / (16.0 * 14 * 576 * 2))));
}

TEST_CASE("an explicit block count overrides the rule") {
  // A vLLM 0.19 log of Llama-3.1-8B on an RTX 4090 says 2588 blocks of 16 (41408 tokens).
  const KvPoolOptions options{.block_count = 2588};
  const KvPool pool =
      must(kv_pool(EngineKind::vllm, gpu("rtx-4090"), llm("Llama-3.1-8B"), kOne, options));
  CHECK(pool.blocks == 2588);
  CHECK(pool.blocks * pool.block_size == 41408);
  CHECK(pool.usable_blocks == 2587);
  const KvPoolOptions none{.block_count = 1};
  CHECK_FALSE(
      kv_pool(EngineKind::vllm, gpu("rtx-4090"), llm("Llama-3.1-8B"), kOne, none).has_value());
}

TEST_CASE("a model that does not fit says its sizes and the smallest tp that does") {
  const KvPoolOptions options{.reserved = Bytes{3'000'000'000}};
  const auto result =
      kv_pool(EngineKind::vllm, gpu("h100-sxm"), llm("Llama-3.1-70B"), kOne, options);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::infeasible);
  // 70.55e9 parameters * 2 B = 141.1 GB; at tp 2 70.6 GB + 3 GB still pass the 76.5 GB.
  CHECK(result.error().text() ==
        "meta-llama/Llama-3.1-70B does not fit on h100-sxm at tp 1: 141.1 GB of weights per GPU "
        "beside 3.0 GB "
        "reserved, and vLLM may use 90 % of 85.0 GB; the smallest tp that fits is 2");
  const auto hopeless = kv_pool(EngineKind::vllm, gpu("l4"), llm("DeepSeek-V3"), tp(8), options);
  REQUIRE_FALSE(hopeless.has_value());
  CHECK(hopeless.error().remedy ==
        "no tp up to 8 fits; use a larger GPU, more pipeline stages or fewer bits");
}

TEST_CASE("parallelism that cannot be is refused with what can") {
  const auto text = [](const Result<void>& result) {
    return result ? std::string() : result.error().text();
  };
  CHECK(text(check_parallelism(llm("Qwen3-32B"), tp(3))) ==
        "tp 3 does not divide the 64 attention heads of Qwen/Qwen3-32B; 1, 2, 4, 8, 16, 32, 64 do");
  CHECK(text(check_parallelism(llm("Qwen2.5-7B"), tp(7))) ==
        "tp 7 neither divides the 4 key-value heads of Qwen/Qwen2.5-7B-Instruct nor is a multiple "
        "of them; 1, 2, 4, 28 do");
  CHECK(text(check_parallelism(llm("SmolLM2-135M"), tp(2))) ==
        "tp 2 does not divide the 9 attention heads of HuggingFaceTB/SmolLM2-135M-Instruct; 1, 3, "
        "9 do");
  CHECK(text(check_parallelism(llm("Qwen3-8B"), Parallelism{.expert = 2})) ==
        "expert parallelism 2 for Qwen/Qwen3-8B, which has no experts; use 1");
  CHECK(text(check_parallelism(llm("Qwen3-8B"), Parallelism{.pipeline = 37})) ==
        "37 pipeline stages for the 36 layers of Qwen/Qwen3-8B; use at most one stage a layer");
  CHECK(text(check_parallelism(llm("Qwen3-8B"), tp(0))) ==
        "tensor parallelism 0 is below 1; use 1 or more");
  CHECK(text(check_parallelism(llm("Qwen3-30B-A3B"), Parallelism{.tensor = 2, .expert = 4})) ==
        "expert parallelism 4 does not divide the 2 ranks of a stage (tp 2 x dp 1)");
  CHECK(
      check_parallelism(llm("Qwen3-235B-A22B"), Parallelism{.tensor = 8, .expert = 8}).has_value());
  CHECK(check_parallelism(llm("DeepSeek-V3"), tp(16)).has_value());
}

}  // namespace eph::models
