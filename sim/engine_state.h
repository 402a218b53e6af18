#pragma once
// One engine's queues and KV cache: what a scheduling policy sees and the only ways it can act.
#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sim/batch_plan.h"
#include "sim/kv_blocks.h"
#include "sim/prefix_cache.h"
#include "sim/ring.h"
#include "sim/sequence.h"

namespace eph::sim {

// The waiting queue holds SeqState::waiting, in queue order. Active sequences hold KV; a policy
// keeps them in `running` in whatever order its engine does, or aside (SGLang's chunked request).
class EngineState {
 public:
  // Without a cache no KV is ever found again.
  EngineState(const models::KvPool& pool, std::int64_t max_num_seqs,
              std::unique_ptr<PrefixCache> cache = nullptr);

  // --- data-parallel ranks: each has queues and KV of its own, and all but sequences' ids is said
  // of the one selected. At first there is one ---
  void add_rank(std::unique_ptr<PrefixCache> cache = nullptr);
  [[nodiscard]] std::size_t ranks() const { return std::max<std::size_t>(1, parked_.size()); }
  void select(std::size_t rank) {
    if (rank != selected_) swap_to(rank);
  }
  [[nodiscard]] std::size_t rank_of(SeqId id) const {
    return parked_.empty() ? 0 : ranks_of_[index(id)];
  }
  // Of all ranks together.
  struct Levels {
    std::int64_t waiting = 0, active = 0, used = 0, usable = 0, held = 0;
  };
  [[nodiscard]] Levels levels() const;
  [[nodiscard]] Levels levels_of(std::size_t rank) const {
    if (rank != selected_) return levels_parked(rank);
    return {static_cast<std::int64_t>(waiting_.size()), active_, kv_.used(), kv_.usable(), held_};
  }

  // --- what a policy sees ---
  [[nodiscard]] const Sequence& operator[](SeqId id) const { return seqs_[index(id)]; }
  [[nodiscard]] const std::vector<SeqId>& running() const { return running_; }
  [[nodiscard]] const Ring<SeqId>& waiting() const { return waiting_; }
  [[nodiscard]] const KvBlocks& kv() const { return kv_; }
  [[nodiscard]] std::int64_t active() const { return active_; }  // admitted: running or kept aside
  // Blocks held by all active sequences, shared ones counted for each of them.
  [[nodiscard]] std::int64_t held_blocks() const { return held_; }
  // Of a waiting sequence: the KV that is there already, never of all its tokens. A look-up, which
  // may count as a use.
  [[nodiscard]] PrefixHit find_cached(SeqId id) { return find_cached(id, kAnyBlocks); }
  // At most so many blocks.
  [[nodiscard]] PrefixHit find_cached(SeqId id, std::int64_t most);
  // Its KV has been computed elsewhere, all but the newest token's.
  [[nodiscard]] bool is_moved(SeqId id) const {
    return index(id) < moved_.size() && moved_[index(id)] > 0 && seqs_[index(id)].preemptions == 0;
  }
  [[nodiscard]] std::int64_t tokens_of(const PrefixHit& hit) const {
    return hit.blocks * kv_.block_size() + hit.moved;
  }
  // The first in the queue that brought its blocks along; the queue's size if none has.
  [[nodiscard]] std::size_t first_with_room() const;
  // How many of the first `blocks` of a sequence can be found; `blocks` when it shares nothing.
  [[nodiscard]] std::int64_t find_shared(SeqId id, std::int64_t blocks);
  // Key of the run that a waiting sequence's block belongs to.
  [[nodiscard]] RunKey run_key(SeqId id, std::int64_t block) const {
    return contents_[index(id)].run_at(block, kv_.block_size()).key;
  }

  [[nodiscard]] const Content& content(SeqId id) const { return contents_[index(id)]; }  // caches()

  // The lower goes first: by priority, then in the order sent.
  [[nodiscard]] std::pair<std::int32_t, RequestId> rank(SeqId id) const {
    return {index(id) < priorities_.size() ? priorities_[index(id)] : 0, request(id)};
  }

  // --- what a policy does ---
  // Takes the waiting sequence at queue position `i` out of the queue and makes it active, with
  // what find_cached just said of it computed.
  SeqId admit(BatchPlan& plan, std::size_t i = 0, const PrefixHit& hit = {});
  // The queue in another order of the same sequences.
  void reorder_waiting(std::span<const SeqId> order);
  void append_running(SeqId id) { running_.push_back(id); }
  // Makes the blocks held by `id` suffice for `tokens` in total; false, and no change, if not
  // enough are free.
  [[nodiscard]] bool reserve(SeqId id, std::int64_t tokens) {
    return tokens <= seqs_[index(id)].capacity || reserve_slow(id, tokens);
  }
  // One more block if the next token needs it. Requires a free one.
  void grow_for_next(SeqId id) {
    Sequence& s = seqs_[index(id)];
    if (s.computed < s.capacity) return;
    EPH_ASSERT(kv_.take(1), "INV-3: no free kv block of {}", kv_.usable());
    if (queue_ != nullptr) queue_->take(1);
    ++held_;
    s.capacity += static_cast<std::int32_t>(kv_.block_size());
  }
  // The same for many sequences at once, whose capacities the caller keeps.
  void take_for_decodes(std::int64_t blocks) {
    if (blocks == 0) return;
    EPH_ASSERT(kv_.take(blocks), "INV-3: {} kv blocks needed, {} free", blocks, kv_.free());
    if (queue_ != nullptr) queue_->take(blocks);
    held_ += blocks;
  }
  // Puts `n` tokens of `id` into the step. Requires room for them.
  void schedule(BatchPlan& plan, SeqId id, std::int32_t n) {
    Sequence& s = seqs_[index(id)];
    EPH_DASSERT(n >= 1 && n <= s.missing(), "{} tokens scheduled of {} missing", n, s.missing());
    EPH_DASSERT(s.computed + n <= s.capacity, "{} + {} tokens in room for {}", s.computed, n,
                s.capacity);
    const bool decode = !s.prefilling();
    const bool samples = n == s.missing();
    if (decode)
      plan.shape.add_decode(s.computed);
    else
      plan.shape.add_chunk(n, s.computed, samples);
    plan.entries.push_back({id, static_cast<std::uint32_t>(n) |
                                    (samples ? PlanEntry::kSamples : 0) |
                                    (decode ? 0 : PlanEntry::kPrefill)});
    s.computed += n;
    s.sampled += samples ? 1 : 0;
    ++s.plans;
    if (cache_ && !decode && cache_->rules().stores_when_scheduled) store(id);
  }
  // A decode and `drafts` tokens to be verified with it. Requires room for all of them.
  void schedule_drafted(BatchPlan& plan, SeqId id, std::int32_t drafts);
  // Lets others find what an active sequence has computed, as far as its tokens are known.
  void store(SeqId id) {
    if (cache_) store(id, false);
  }
  // A batch is complete that took `blocks`; or a policy wants so many at hand. See
  // PrefixCache::forget.
  void settle(std::int64_t blocks) {
    if (cache_) cache_->forget(blocks, kv_.free());
  }
  void make_available(std::int64_t blocks) {
    if (cache_) cache_->forget(blocks, kv_.free() - blocks);
  }
  // Preemption by recomputation: the KV of an active sequence is dropped and it waits again. The
  // policy takes it off `running` itself (pop_running, drop_inactive).
  enum class Requeue { front, back };
  void preempt(BatchPlan& plan, SeqId id, Requeue where);
  void pop_running() { running_.pop_back(); }
  void remove_running(std::size_t i) {
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  // Takes what was scheduled for `id` out of the step again; returns its tokens, 0 when it is not
  // in it. The KV stays.
  std::int32_t unschedule(BatchPlan& plan, SeqId id);
  void drop_inactive();  // keeps the order of the rest

  // --- spans: many steps at once that only decode ---
  // How many steps the free blocks allow, at most `steps`.
  [[nodiscard]] std::int64_t decodable(std::span<const PlanEntry> entries, std::int64_t steps);
  // What `steps` steps of one token for each of the entries do, composition and results: blocks,
  // tokens. Settling: as after a grow_for_next of all, then settle with what they took.
  enum class Settling { no, yes };
  void decode_on(std::span<const PlanEntry> entries, std::int64_t steps, Settling settling);

  // --- for the replica ---
  // The content's hashes must live until the sequence has ended.
  SeqId add_waiting(std::int32_t prompt, std::int32_t max_output, RequestId request,
                    const Content& content = {});
  // One whose KV is on its way: has blocks for its prompt, and is not in the queue until it has
  // arrived. Requires them to be free.
  SeqId expect(std::int32_t prompt, std::int32_t max_output, RequestId request,
               const Content& content = {});
  void arrive(SeqId id);
  [[nodiscard]] bool is_expected(SeqId id) const {
    return index(id) < expected_.size() && expected_[index(id)];
  }
  // Sequences with blocks that are expected, or have arrived and wait.
  [[nodiscard]] const std::vector<SeqId>& aside() const { return aside_; }
  // KV of the first `tokens` comes with a sequence just added, fewer than its prompt.
  void set_moved(SeqId id, std::int32_t tokens);
  void set_priority(SeqId id, std::int32_t priority);  // of a sequence just added; 0 otherwise
  Sequence* sequences() { return seqs_.data(); }       // by id; valid until the next add_waiting
  [[nodiscard]] bool caches() const { return cache_ != nullptr; }
  // The results are there of a decode with `drafts`, of which some were rejected: their KV is
  // overwritten.
  void reject_drafts(SeqId id, std::int32_t rejected);
  // Gives back the blocks behind the computed tokens. Requires a cache that does not care what is
  // taken, or none.
  void trim(SeqId id);
  // The results of the step are there that completed a prompt.
  void prefill_done(SeqId id);
  // Ends a sequence, complete or not: frees its KV and leaves the queue it was in, but for
  // `running` (drop_inactive).
  void end(SeqId id);
  void release(SeqId id);  // its id may be reused from now on, unless it was kept
  // Somebody else will read its KV: when it ends its blocks stay taken, until let_go.
  void keep(SeqId id);
  void let_go(SeqId id);  // of one that was kept and has ended
  [[nodiscard]] std::int64_t cached_tokens(const Content& content, std::int64_t tokens) {
    if (!cache_ || !content.shares()) return 0;
    return cache_->find(content, tokens / kv_.block_size()).blocks * kv_.block_size();
  }
  [[nodiscard]] std::int64_t kept_blocks() const { return kept_; }
  [[nodiscard]] RequestId request(SeqId id) const { return requests_[index(id)]; }
  [[nodiscard]] std::size_t capacity() const { return seqs_.size(); }

 private:
  static constexpr std::int64_t kAnyBlocks = std::int64_t{1} << 62;

  void hold_aside(SeqId id);  // what was set aside is held as any other blocks
  SeqId add(std::int32_t prompt, std::int32_t max_output, RequestId request,
            const Content& content);
  bool reserve_slow(SeqId id, std::int64_t tokens);
  void take_settling(std::span<const PlanEntry> entries, std::int64_t steps);
  void store(SeqId id, bool returns);
  void free_blocks(SeqId id);
  [[nodiscard]] bool is_kept(SeqId id) const {
    return index(id) < keeps_.size() && keeps_[index(id)];
  }

  friend class DecodeWriter;

  // What a rank has, while another one is selected.
  struct Rank {
    std::vector<SeqId> running;
    Ring<SeqId> waiting;
    KvBlocks kv;
    std::unique_ptr<PrefixCache> cache;
    PrefixCache* queue = nullptr;
    std::int64_t active = 0, held = 0;
  };
  void swap_to(std::size_t rank);
  void swap_with(Rank& rank);
  [[nodiscard]] Levels levels_parked(std::size_t rank) const;

  std::vector<Sequence> seqs_;
  std::vector<RequestId> requests_;
  std::vector<std::int32_t> moved_;       // by id, as far as any has come with KV
  std::vector<std::int32_t> priorities_;  // by id, as far as anybody has had another than 0
  std::vector<SeqId> unused_;
  std::vector<SeqId> running_;
  Ring<SeqId> waiting_;
  KvBlocks kv_;
  std::unique_ptr<PrefixCache> cache_;
  PrefixCache* queue_ = nullptr;   // the cache, if taking blocks concerns it
  std::vector<Content> contents_;  // by sequence, with a cache
  std::int64_t active_ = 0, held_ = 0;
  std::vector<Rank> parked_;  // by rank, with more than one; the selected one's is void
  std::size_t selected_ = 0;
  std::vector<std::uint16_t> ranks_of_;  // by sequence
  std::int64_t kept_ = 0;
  std::vector<bool> keeps_;  // by id, as far as any was kept
  std::vector<SeqId> aside_;
  std::vector<bool> expected_;        // by id, as far as any was
  std::vector<std::int64_t> phases_;  // of spans: sequences by the steps to their next block
};

// Schedules the running list's decodes, a run of them at a time: nearly all of a simulation's work
// is this loop. Between construction and destruction only it may write to the plan's entries.
class DecodeWriter {
 public:
  enum class Exhausted { skip, take };  // sequences whose last permitted token is in flight

  DecodeWriter(EngineState& state, BatchPlan& plan) : state_(state), plan_(plan) { open(); }
  ~DecodeWriter() { close(); }
  DecodeWriter(const DecodeWriter&) = delete;
  DecodeWriter& operator=(const DecodeWriter&) = delete;

  // One token each for the running sequences from `begin` on, at most `limit`. Stops before the
  // first that is prefilling, holds no block with room for its token, or is exhausted and not to be
  // taken. Returns how many it took.
  template <Exhausted kExhausted>
  std::size_t take_run(std::size_t begin, std::int64_t limit) {
    const std::vector<SeqId>& running = state_.running_;
    const SeqId* id = running.data() + begin;
    const SeqId* const end =
        id + std::min(static_cast<std::int64_t>(running.size() - begin), limit);
    Sequence* const seqs = state_.seqs_.data();
    PlanEntry* out = out_;
    std::int64_t context = 0;
    for (; id != end; ++id) {
      Sequence& s = seqs[index(*id)];
      if (s.prefilling() || s.computed >= s.capacity) break;
      if (kExhausted == Exhausted::skip && s.exhausted()) break;
      context += s.computed;
      ++s.computed;
      ++s.sampled;
      ++s.plans;
      *out++ = {*id, 1 | PlanEntry::kSamples};
    }
    context_ += context;
    const auto taken = static_cast<std::size_t>(out - out_);
    out_ = out;
    return taken;
  }

  // A chunk in between.
  void chunk(SeqId id, std::int32_t tokens) {
    close();
    state_.schedule(plan_, id, tokens);
    open();
  }

 private:
  void open() {
    const std::size_t size = plan_.entries.size();
    plan_.entries.resize(size + state_.running_.size());
    first_ = out_ = plan_.entries.data() + size;
    context_ = 0;
  }
  void close() {
    const auto decodes = static_cast<std::int32_t>(out_ - first_);
    plan_.shape.decode_seqs += decodes;
    plan_.shape.sampled_seqs += decodes;
    plan_.shape.decode_context_tokens += context_;
    plan_.entries.resize(static_cast<std::size_t>(out_ - plan_.entries.data()));
  }

  EngineState& state_;
  BatchPlan& plan_;
  PlanEntry* first_ = nullptr;
  PlanEntry* out_ = nullptr;
  std::int64_t context_ = 0;
};

}  // namespace eph::sim
