#pragma once
// Deployments for the tests, written out so that they hang on no catalogue file.
#include "core/rng.h"
#include "models/fitted_model.h"

namespace eph::models::test {

inline GpuSpec h100() {
  GpuSpec g;
  g.name = "h100-sxm";
  g.memory = Bytes{std::int64_t{81559} << 20};
  g.memory_bandwidth = {3.35e12};
  g.bf16 = {989.4e12};
  g.fp8 = {1978.9e12};
  g.link_bandwidth = {450e9};
  g.has_nvlink = true;
  g.sm_count = 132;
  return g;
}

inline LlmSpec llama8b() {
  LlmSpec s;
  s.name = "llama-8b";
  s.layers = 32;
  s.hidden = 4096;
  s.vocab = 128256;
  s.heads = 32;
  s.kv_heads = 8;
  s.head_dim = 128;
  s.intermediate = 14336;
  s.groups = {{32, AttentionKind::full, 0, false}};
  return s;
}

// 128 experts, 8 a token (Qwen3-235B-A22B).
inline LlmSpec moe235b() {
  LlmSpec s = llama8b();
  s.name = "moe-235b";
  s.layers = 94;
  s.vocab = 151936;
  s.heads = 64;
  s.kv_heads = 4;
  s.moe = {128, 8, 1536, 0};
  s.qk_norm = true;
  s.weights = s.expert_weights = Precision::fp8_block;
  s.groups = {{94, AttentionKind::full, 0, true}};
  return s;
}

// Alternating windows, 4-bit experts (gpt-oss-120b).
inline LlmSpec windowed() {
  LlmSpec s = moe235b();
  s.name = "windowed";
  s.layers = 36;
  s.hidden = 2880;
  s.kv_heads = 8;
  s.head_dim = 64;
  s.moe = {128, 4, 2880, 0};
  s.weights = Precision::bf16;
  s.expert_weights = Precision::mxfp4;
  s.groups.clear();
  for (int i = 0; i < 18; ++i) {
    s.groups.push_back({1, AttentionKind::sliding_window, 128, true});
    s.groups.push_back({1, AttentionKind::full, 0, true});
  }
  return s;
}

// DeepSeek-V3: latent attention, 3 dense layers, shared expert.
inline LlmSpec deepseek() {
  LlmSpec s = moe235b();
  s.name = "deepseek-v3";
  s.layers = 61;
  s.hidden = 7168;
  s.vocab = 129280;
  s.heads = s.kv_heads = 128;
  s.intermediate = 18432;
  s.mla = {1536, 512, 128, 64, 128};
  s.moe = {256, 8, 2048, 2048};
  s.qk_norm = false;
  s.groups = {{3, AttentionKind::full, 0, false}, {58, AttentionKind::full, 0, true}};
  return s;
}

// Three of four layers with linear attention (Qwen3-Next-like).
inline LlmSpec hybrid() {
  LlmSpec s = moe235b();
  s.name = "hybrid";
  s.layers = 48;
  s.hidden = 2048;
  s.heads = 16;
  s.kv_heads = 2;
  s.head_dim = 256;
  s.moe = {512, 10, 512, 512};
  s.linear = {16, 128, 32, 128, 4};
  s.attention_output_gate = true;
  s.weights = s.expert_weights = Precision::bf16;
  s.groups.clear();
  for (int i = 0; i < 12; ++i) {
    s.groups.push_back({3, AttentionKind::linear, 0, true});
    s.groups.push_back({1, AttentionKind::full, 0, true});
  }
  return s;
}

inline StepContext deployment(const LlmSpec& llm, int tp = 1, int dp = 1, int ep = 1) {
  StepContext c;
  c.gpu = h100();
  c.llm = llm;
  c.layout.tensor = tp;
  c.layout.attention_data = dp;
  c.layout.expert = ep;
  return c;
}

inline BatchShape decode(int seqs, std::int64_t context) {
  BatchShape s;
  for (int i = 0; i < seqs; ++i) s.add_decode(context);
  return s;
}

inline BatchShape prefill(std::int64_t tokens, std::int64_t past = 0) {
  BatchShape s;
  s.add_chunk(tokens, past, true);
  return s;
}

// A random step: some decodes, in half of the cases chunks.
inline BatchShape random_shape(Stream& stream) {
  BatchShape s;
  const std::uint64_t decodes = stream.below(2) == 0 ? stream.below(8) : stream.below(600);
  for (std::uint64_t i = 0; i < decodes; ++i)
    s.add_decode(1 + static_cast<std::int64_t>(stream.below(6000)));
  const std::uint64_t chunks = decodes == 0 ? 1 + stream.below(3) : stream.below(4) / 2;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    s.add_chunk(1 + static_cast<std::int64_t>(stream.below(3000)),
                static_cast<std::int64_t>(stream.below(4000)), stream.below(2) == 0);
  }
  return s;
}

inline double& coefficient(CoefficientValues& values, Coefficient c) {
  return values[static_cast<std::size_t>(c)];
}

// Only physics: scales 1, no overheads, no host work.
inline CoefficientValues bare_values() {
  CoefficientValues v{};
  for (Coefficient c :
       {Coefficient::gemm_scale, Coefficient::moe_scale, Coefficient::allreduce_scale,
        Coefficient::elementwise_scale, Coefficient::decode_attention_scale,
        Coefficient::prefill_attention_scale}) {
    coefficient(v, c) = 1;
  }
  return v;
}

}  // namespace eph::models::test
