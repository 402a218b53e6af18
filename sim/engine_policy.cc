#include "sim/engine_policy.h"

#include "sim/policies/vllm.h"

namespace eph::sim {
namespace {

Error below_one(const char* what, std::int64_t value) {
  return usage_error(fmt::format("{} is {}", what, value), "it must be at least 1");
}

}  // namespace

std::unique_ptr<EnginePolicy> make_policy(const EngineOptions& options,
                                          const models::KvPool& pool) {
  EPH_ASSERT(check(options, pool).has_value(), "a policy for options that were not checked");
  switch (options.kind) {
    case models::EngineKind::vllm:
      return std::make_unique<VllmPolicy>(options, pool);
    default:
      break;
  }
  return nullptr;
}

Result<void> check(const EngineOptions& options, const models::KvPool& pool) {
  if (options.kind == models::EngineKind::llamacpp)
    return usage_error("llama.cpp's scheduler is not simulated by this version",
                       "simulate vllm, sglang or trtllm");
  if (options.max_num_batched_tokens < 1)
    return below_one("max_num_batched_tokens", options.max_num_batched_tokens);
  if (options.max_num_seqs < 1) return below_one("max_num_seqs", options.max_num_seqs);
  if (options.max_model_len < 0)
    return usage_error(fmt::format("max_model_len is {}", options.max_model_len),
                       "give a length, or 0 for no limit but the KV pool");
  if (pool.block_size < 1) return below_one("the KV block size", pool.block_size);
  if (pool.usable_blocks < 1)
    return below_one("the number of usable KV blocks", pool.usable_blocks);
  if (!(options.watermark >= 0 && options.watermark < 1))
    return usage_error(fmt::format("watermark is {}", options.watermark),
                       "it is the share of blocks kept free: 0 to below 1");
  return {};
}

}  // namespace eph::sim
