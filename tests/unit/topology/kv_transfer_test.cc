#include "models/kv_transfer.h"

#include <catch2/catch.hpp>
#include <vector>

#include "models/catalog.h"
#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;

namespace {

LlmSpec llm(const char* name) { return must(Catalog(EPH_SOURCE_DIR "/data").llm(name)); }
Parallelism tp(int degree) { return {.tensor = degree}; }

}  // namespace

TEST_CASE("KV of a prompt weighs what is counted from the architecture") {
  // Grouped queries: 2 x 32 layers x 8 heads x 128 x 2 bytes = 131072 a token; 1000 tokens are 63
  // blocks.
  CHECK(kv_transfer_bytes(llm("Llama-3.1-8B"), tp(1), {.tokens = 1000}) == 131072.0 * 1008);
  CHECK(kv_transfer_bytes(llm("Llama-3.1-8B"), tp(8), {.tokens = 1000}) == 131072.0 * 1008);
  CHECK(kv_transfer_bytes(llm("Llama-3.1-70B"), tp(8), {.tokens = 1024}) == 327680.0 * 1024);
  CHECK(kv_transfer_bytes(llm("Llama-3.1-70B"), tp(8),
                          {.tokens = 1024, .precision = Precision::fp8}) == 163840.0 * 1024);
  // More ranks than heads: 16 ranks hold 8 heads twice.
  CHECK(kv_transfer_bytes(llm("Llama-3.1-70B"), tp(16), {.tokens = 1024}) == 2 * 327680.0 * 1024);
  // Latent attention: 61 layers x 576 x 2 bytes = 70272 a token, whole on each rank.
  CHECK(kv_transfer_bytes(llm("DeepSeek-V3"), tp(1), {.tokens = 64}) == 70272.0 * 64);
  CHECK(kv_transfer_bytes(llm("DeepSeek-V3"), tp(8), {.tokens = 64}) == 8 * 70272.0 * 64);
  CHECK(kv_transfer_bytes(llm("DeepSeek-V3"), {.tensor = 1, .attention_data = 8}, {.tokens = 64}) ==
        70272.0 * 64);
}

TEST_CASE("what the receiver has in whole blocks stays") {
  const LlmSpec llama = llm("Llama-3.1-8B");
  CHECK(kv_transfer_bytes(llama, tp(1), {.tokens = 1000, .cached_tokens = 200}) ==
        131072.0 * (1008 - 192));
  CHECK(kv_transfer_bytes(llama, tp(1), {.tokens = 992, .cached_tokens = 992}) == 0);
  CHECK(kv_transfer_bytes(llama, tp(1), {.tokens = 1000, .block_size = 64}) == 131072.0 * 1024);
}

TEST_CASE("sliding windows move what they still reach") {
  // gpt-oss-20b: 12 full layers and 12 with a window of 128; 2 x 8 heads x 64 x 2 bytes = 2048 a
  // token and layer. Of 1000 tokens the window reaches 872 to 999: blocks from token 864.
  const LlmSpec oss = llm("gpt-oss-20b");
  CHECK(kv_transfer_bytes(oss, tp(1), {.tokens = 1000}) ==
        12 * 2048.0 * 1008 + 12 * 2048.0 * (1008 - 864));
  CHECK(kv_transfer_bytes(oss, tp(1), {.tokens = 100}) ==
        24 * 2048.0 * 112);  // shorter than the window
}

TEST_CASE("linear layers move their state whatever the length") {
  const LlmSpec qwen = llm("Qwen3.5-397B-A17B");
  const double one = kv_transfer_bytes(qwen, tp(1), {.tokens = 16}),
               two = kv_transfer_bytes(qwen, tp(1), {.tokens = 32});
  const double state = 2 * one - two;
  const LinearAttention& l = qwen.linear;
  double layers = 0;
  for (const LayerGroup& group : qwen.groups)
    layers += group.attention == AttentionKind::linear ? group.count : 0;
  REQUIRE(layers > 0);
  const double by_hand = 4.0 * l.value_heads * l.value_head_dim * l.key_head_dim +
                         2.0 * (l.conv_kernel - 1) *
                             (2 * l.key_heads * l.key_head_dim + l.value_heads * l.value_head_dim);
  CHECK(state == Approx(layers * by_hand));
}

TEST_CASE("the ranks that hold one request are those of one attention rank") {
  CHECK(kv_holders({.tensor = 4, .pipeline = 2, .attention_data = 8}) == 8);
}

TEST_CASE(
    "pieces that are pushed one after the other end when the channel is through with the last") {
  // Ready at 1, 2, 3, 10 s, each takes 2 s: 3, 5, 7, 12.
  CHECK(pushed_by_s(std::vector{1.0, 2.0, 3.0, 10.0}, std::vector{2.0, 2.0, 2.0, 2.0}) == 12);
  CHECK(pushed_by_s(std::vector{1.0, 2.0, 3.0, 4.0}, std::vector{2.0, 2.0, 2.0, 2.0}) == 9);
}

TEST_CASE("what the prefill hides of a push layer by layer follows from the pieces") {
  CHECK(exposed_share(2.0, 8.0, 1) == 1);
  CHECK(exposed_share(2.0, 8.0, 4) == 0.25);  // faster than the layers come: the last one only
  CHECK(exposed_share(8.0, 4.0, 4) ==
        Approx((8.0 - 3.0) / 8.0));  // from the first layer's end on without a pause
  CHECK(exposed_share(0.0, 4.0, 4) == 1);
  for (const int pieces : {1, 2, 7, 32}) {
    for (const double transfer : {0.1, 1.0, 4.0, 40.0}) {
      const double prefill = 3;
      std::vector<double> ready, move;
      for (int i = 0; i < pieces; ++i) {
        ready.push_back(prefill * (i + 1) / pieces);
        move.push_back(transfer / pieces);
      }
      CHECK(exposed_share(transfer, prefill, pieces) * transfer ==
            Approx(pushed_by_s(ready, move) - prefill));
    }
  }
}
