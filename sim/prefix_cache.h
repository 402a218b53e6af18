#pragma once
// KV that outlives its sequence: what an engine can find again, and what it forgets first.
#include <cstdint>
#include <memory>

#include "models/memory.h"
#include "sim/config.h"
#include "sim/content.h"
#include "sim/sequence.h"

namespace eph::sim {

struct PrefixHit {
  std::int64_t blocks = 0;
  std::int64_t idle = 0;  // of these, held by no sequence: they count as free until somebody does
  std::int64_t moved =
      0;  // instead: tokens whose KV came with the request, into blocks to be taken
};

// One engine's reuse of KV, in whole blocks (SGLang: pages). The pool's counts (KvBlocks) stay with
// EngineState; here are the identities.
//
// A block is held by one or more sequences, or idle. Idle ones are free to the pool, whether they
// can still be found or not. A sequence's `held` blocks are those found at its admission and those
// taken since.
class PrefixCache {
 public:
  struct Rules {
    bool stores_when_scheduled = false;  // else when the prompt's results are there
    bool stores_preempted = false;       // a preempted sequence finds its own blocks again
    bool forgets_when_taken = true;      // else `take` does nothing, and `forget` makes room
    bool stores_prompts = true;          // when their results are there; else only when they end
  };
  virtual ~PrefixCache() = default;
  [[nodiscard]] const Rules& rules() const { return rules_; }

  // The longest prefix of `content` that can be found, at most `limit` blocks. A look-up may count
  // as a use.
  [[nodiscard]] virtual PrefixHit find(const Content& content, std::int64_t limit) = 0;
  // `id`, which holds nothing, now holds the first `blocks`, which find just returned.
  virtual void hold(SeqId id, const Content& content, std::int64_t blocks) = 0;
  // `blocks` idle ones are held from now on and will be overwritten.
  virtual void take(std::int64_t blocks) = 0;
  // The first `blocks` of what `id` holds are complete and can be found by others; `returns`: by
  // itself too, later. Gives back how many of them are idle now, because others have the same ones.
  virtual std::int64_t store(SeqId id, const Content& content, std::int64_t blocks,
                             bool returns) = 0;
  // `id` gives up the `held` blocks it has. Returns how many are idle now.
  virtual std::int64_t release(SeqId id, std::int64_t held) = 0;
  // `blocks` have been taken (or are needed) while `free` are free: an engine that forgets a batch
  // at a time does so here.
  virtual void forget(std::int64_t /*blocks*/, std::int64_t /*free*/) {}

 protected:
  explicit PrefixCache(Rules rules) : rules_(rules) {}

 private:
  Rules rules_;
};

// Null when the options ask for none.
[[nodiscard]] std::unique_ptr<PrefixCache> make_prefix_cache(const EngineOptions& options,
                                                             const models::KvPool& pool);

}  // namespace eph::sim
