#include "sim/prefix_cache.h"

#include "sim/block_cache.h"
#include "sim/radix_cache.h"
#include "sim/slot_kv.h"

namespace eph::sim {

std::unique_ptr<PrefixCache> make_prefix_cache(const EngineOptions& options,
                                               const models::KvPool& pool) {
  if (!options.prefix_caching) return nullptr;
  switch (options.kind) {
    case models::EngineKind::vllm:
      return std::make_unique<BlockCache>(
          PrefixCache::Rules{.stores_when_scheduled = true, .stores_preempted = true}, false, pool);
    case models::EngineKind::trtllm:
      return std::make_unique<BlockCache>(PrefixCache::Rules{}, true, pool);
    case models::EngineKind::sglang:
      return std::make_unique<RadixCache>(pool, options.sglang.prompts_enter_tree);
    case models::EngineKind::llamacpp:
      return std::make_unique<SlotKv>();
  }
  return nullptr;
}

}  // namespace eph::sim
