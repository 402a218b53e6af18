#pragma once
// One engine's queues and KV cache: what a scheduling policy sees and the only ways it can act.
#include <span>
#include <vector>

#include "sim/batch_plan.h"
#include "sim/kv_blocks.h"
#include "sim/ring.h"
#include "sim/sequence.h"

namespace eph::sim {

// The waiting queue holds SeqState::waiting, in queue order. Active sequences hold KV; a policy
// keeps them in `running` in whatever order its engine does, or aside (SGLang's chunked request).
class EngineState {
 public:
  EngineState(const models::KvPool& pool, std::int64_t max_num_seqs);

  // --- what a policy sees ---
  [[nodiscard]] const Sequence& operator[](SeqId id) const { return seqs_[index(id)]; }
  [[nodiscard]] const std::vector<SeqId>& running() const { return running_; }
  [[nodiscard]] const Ring<SeqId>& waiting() const { return waiting_; }
  [[nodiscard]] const KvBlocks& kv() const { return kv_; }
  [[nodiscard]] std::int64_t active() const { return active_; }  // admitted: running or kept aside

  // --- what a policy does ---
  // Takes the waiting sequence at queue position `i` out of the queue and makes it active.
  SeqId admit(BatchPlan& plan, std::size_t i = 0);
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
    s.capacity += static_cast<std::int32_t>(kv_.block_size());
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
    plan.entries.push_back(
        {id, static_cast<std::uint32_t>(n) | (samples ? PlanEntry::kSamples : 0)});
    s.computed += n;
    s.sampled += samples ? 1 : 0;
    ++s.plans;
  }
  // Preemption by recomputation: the KV of an active sequence is dropped and it waits again. The
  // policy takes it off `running` itself (pop_running, drop_inactive).
  enum class Requeue { front, back };
  void preempt(BatchPlan& plan, SeqId id, Requeue where);
  void pop_running() { running_.pop_back(); }
  void drop_inactive();  // keeps the order of the rest

  // --- for the replica ---
  SeqId add_waiting(std::int32_t prompt, std::int32_t max_output, RequestId request);
  Sequence& sequence(SeqId id) { return seqs_[index(id)]; }
  // Ends a sequence: frees its KV and leaves the queue it was in, but for `running`
  // (drop_inactive).
  void end(SeqId id);
  void release(SeqId id);  // its id may be reused from now on
  [[nodiscard]] RequestId request(SeqId id) const { return requests_[index(id)]; }
  [[nodiscard]] std::size_t capacity() const { return seqs_.size(); }

 private:
  bool reserve_slow(SeqId id, std::int64_t tokens);
  void free_blocks(Sequence& s);

  std::vector<Sequence> seqs_;
  std::vector<RequestId> requests_;
  std::vector<SeqId> unused_;
  std::vector<SeqId> running_;
  Ring<SeqId> waiting_;
  KvBlocks kv_;
  std::int64_t active_ = 0;
};

}  // namespace eph::sim
