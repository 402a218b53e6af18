#pragma once
// llama.cpp: what a slot holds stays in the slot, so who may find it is the slots' business.
#include "sim/prefix_cache.h"

namespace eph::sim {

// A slot's KV is its own part of the context: nobody else takes it, and what its last request left
// is found by its next one alone. LlamacppPolicy keeps what that is and says how much of it an
// admission finds; here blocks only change between held and idle.
class SlotKv final : public PrefixCache {
 public:
  SlotKv() : PrefixCache(Rules{}) {}
  [[nodiscard]] PrefixHit find(const Content&, std::int64_t) override { return {}; }
  void hold(SeqId, const Content&, std::int64_t) override {}
  void take(std::int64_t) override {}
  std::int64_t store(SeqId, const Content&, std::int64_t, bool) override { return 0; }
  std::int64_t release(SeqId, std::int64_t held) override { return held; }
};

}  // namespace eph::sim
