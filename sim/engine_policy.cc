#include "sim/engine_policy.h"

#include "sim/policies/llamacpp.h"
#include "sim/policies/sglang.h"
#include "sim/policies/trtllm.h"
#include "sim/policies/vllm.h"

namespace eph::sim {
namespace {

Error below_one(const char* what, std::int64_t value) {
  return usage_error(fmt::format("{} is {}", what, value), "it must be at least 1");
}

Error out_of_range(const char* what, double value, const char* range) {
  return usage_error(fmt::format("{} is {}", what, value), fmt::format("it must be {}", range));
}

Result<void> check_sglang(const EngineOptions& o, const models::KvPool& pool) {
  if (!(o.new_token_ratio_init > 0 && o.new_token_ratio_init <= 1))
    return out_of_range("new_token_ratio_init", o.new_token_ratio_init, "above 0, at most 1");
  if (!(o.new_token_ratio_min >= 0 && o.new_token_ratio_min <= o.new_token_ratio_init))
    return out_of_range("new_token_ratio_min", o.new_token_ratio_min,
                        "between 0 and new_token_ratio_init");
  if (o.new_token_ratio_decay_steps < 1)
    return below_one("new_token_ratio_decay_steps", o.new_token_ratio_decay_steps);
  if (o.clip_max_new_tokens < 1) return below_one("clip_max_new_tokens", o.clip_max_new_tokens);
  if (o.retract_decode_steps < 1) return below_one("retract_decode_steps", o.retract_decode_steps);
  if (o.mixed_chunk && !(o.chunked_prefill && o.chunk_tokens > 0))
    return usage_error("mixed chunks have no effect without chunked prefill",
                       "give a chunk size above 0, or leave them out");
  if (o.chunked_prefill && o.chunk_tokens > 0 && o.chunk_tokens < pool.block_size)
    return usage_error(fmt::format("chunk_tokens is {}, less than a KV page of {}", o.chunk_tokens,
                                   pool.block_size),
                       "chunks are whole pages: give at least one, or 0 for no chunking");
  return {};
}

Result<void> check_trtllm(const EngineOptions& o, const models::KvPool& pool) {
  if (o.chunked_prefill && o.max_num_batched_tokens < pool.block_size)
    return usage_error(fmt::format("max_num_batched_tokens is {}, less than a KV block of {}",
                                   o.max_num_batched_tokens, pool.block_size),
                       "chunks are whole blocks: give at least one, or turn chunking off");
  return {};
}

Result<void> check_llamacpp(const EngineOptions& o, const models::KvPool& pool) {
  if (o.async_scheduling)
    return usage_error("llama.cpp schedules one step after the other",
                       "leave async scheduling off");
  if (o.max_num_batched_tokens < o.max_num_seqs)
    return usage_error(fmt::format("max_num_batched_tokens is {}, less than the {} slots",
                                   o.max_num_batched_tokens, o.max_num_seqs),
                       "n_batch must hold a token of each slot");
  if (pool.usable_blocks < o.max_num_seqs)
    return usage_error(fmt::format("{} KV blocks for {} slots", pool.usable_blocks, o.max_num_seqs),
                       "the context is split over the slots: use fewer, or a larger cache");
  return {};
}

// What the engines themselves turn off or demand beside it.
Result<void> check_speculation(const EngineOptions& o) {
  if (const Result<void> ok = check(o.speculation); !ok) return ok;
  if (!o.speculation.on()) return {};
  if (o.kind == models::EngineKind::llamacpp)
    return usage_error("llama.cpp's speculative decoding is not simulated", "leave it out");
  if (o.kind == models::EngineKind::sglang && o.async_scheduling)
    return usage_error("SGLang turns the overlap schedule off for speculative decoding",
                       "leave async scheduling off");
  if (o.kind == models::EngineKind::sglang && o.mixed_chunk)
    return usage_error("SGLang turns mixed chunks off for speculative decoding", "leave them out");
  if (o.kind == models::EngineKind::trtllm && o.max_num_batched_tokens <= o.speculation.drafts)
    return usage_error(fmt::format("max_num_batched_tokens is {}, a generation asks for {}",
                                   o.max_num_batched_tokens, 1 + o.speculation.drafts),
                       "raise it, or draft fewer tokens");
  return {};
}

}  // namespace

std::unique_ptr<EnginePolicy> make_policy(const EngineOptions& options,
                                          const models::KvPool& pool) {
  EPH_ASSERT(check(options, pool).has_value(), "a policy for options that were not checked");
  switch (options.kind) {
    case models::EngineKind::vllm:
      return std::make_unique<VllmPolicy>(options, pool);
    case models::EngineKind::sglang:
      return std::make_unique<SglangPolicy>(options, pool);
    case models::EngineKind::trtllm:
      return std::make_unique<TrtllmPolicy>(options, pool);
    case models::EngineKind::llamacpp:
      return std::make_unique<LlamacppPolicy>(options, pool);
  }
  EPH_ASSERT(false, "no policy for engine {}", static_cast<int>(options.kind));
  return nullptr;
}

Result<void> check(const EngineOptions& options, const models::KvPool& pool) {
  if (options.max_num_batched_tokens < 1)
    return below_one("max_num_batched_tokens", options.max_num_batched_tokens);
  if (options.max_num_seqs < 1) return below_one("max_num_seqs", options.max_num_seqs);
  if (options.max_model_len < 0)
    return usage_error(fmt::format("max_model_len is {}", options.max_model_len),
                       "give a length, or 0 for no limit but the KV pool");
  if (pool.block_size < 1) return below_one("the KV block size", pool.block_size);
  if (pool.usable_blocks < 1)
    return below_one("the number of usable KV blocks", pool.usable_blocks);
  if (options.long_prefill_tokens < 0)
    return usage_error(fmt::format("long_prefill_tokens is {}", options.long_prefill_tokens),
                       "give 0 for no limit");
  if (!(options.watermark >= 0 && options.watermark < 1))
    return usage_error(fmt::format("watermark is {}", options.watermark),
                       "it is the share of blocks kept free: 0 to below 1");
  if (const Result<void> ok = check_speculation(options); !ok) return ok;
  if (options.kind == models::EngineKind::sglang) return check_sglang(options, pool);
  if (options.kind == models::EngineKind::trtllm) return check_trtllm(options, pool);
  if (options.kind == models::EngineKind::llamacpp) return check_llamacpp(options, pool);
  return {};
}

}  // namespace eph::sim
