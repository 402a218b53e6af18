#pragma once
// Running decodes that go on together: counted, not walked over.
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/batch_plan.h"
#include "sim/engine_state.h"

namespace eph::sim {

// While a lane is open every active sequence decodes one token in every step, but for those that
// were admitted by the newest ones. What a step does to a sequence is then the same for all, so
// that a step costs what comes and goes, whatever the batch. In between the state's sequences lag
// behind: queues and blocks are true at all times, tokens of a sequence after settle.
//
// Steps are numbered. A sequence is in the steps from the one that admitted it to the one that
// brings its last token, or one more where results come late and its end is not foreseen.
//
// Contract: prepare, compose and then join for what was admitted, once for each step in the order
// of their composition; finish, then end for each of ending(), in the order of their results.
// Everything else that is done to a running sequence is done when the lane is closed.
class Lane {
 public:
  explicit Lane(EngineState& state) : state_(state) {}

  [[nodiscard]] bool is_open() const { return open_; }
  void reserve(std::size_t sequences) {
    members_.reserve(sequences);
    ends_.reserve(sequences);
    blocks_.reserve(static_cast<std::size_t>(state_.kv().block_size()));
    ending_.reserve(sequences / 4);
    ghosts_.reserve(sequences / 4);
  }
  // Followed by an add for each running sequence, in order; all of them are in the `in_flight`
  // steps composed last. `foresees`: a sequence is left out once its last permitted token is in
  // flight. `settles`: EngineState::settle follows what the decodes of a step take.
  void open(int in_flight, bool foresees, bool settles);
  // False: it holds more blocks than its next token needs, which no lane can count.
  [[nodiscard]] bool can_hold(SeqId id) const {
    const Sequence& s = state_[id];
    return s.capacity - s.computed < state_.kv().block_size();
  }
  // Requires can_hold.
  void add(SeqId id, std::int32_t output) {
    enter(id, finished_ + output - state_[id].generated, 0, 0);
  }
  // The plans' entries and the sequences as they would be without a lane. `plans`: those in flight.
  void close(BatchPlan* const* plans, int in_flight);

  // Before the next composition: false if its decodes need more than `width` tokens or the free
  // blocks. Then the lane is to be closed.
  [[nodiscard]] bool prepare(std::int64_t width);
  void compose(BatchPlan& plan);
  // Admitted by the step just composed, which brings it a token. Requires can_hold.
  void join(SeqId id, std::int32_t output);
  // Admitted by a step of its own, in which the decodes stand still and which has no number.
  void join_apart(SeqId id, std::int32_t output);
  // Its prompt's results are there.
  void prompt_done(SeqId id);
  // The step just composed turned out empty: there is none.
  void withdraw() { --composed_; }

  // The results of the oldest step are there: so many tokens.
  void finish(std::int64_t tokens);
  // Whose last token it brought, in the order of the step's entries.
  [[nodiscard]] const std::vector<SeqId>& ending() const { return ending_; }
  // One of them: settles it, and forgets it. Call before its blocks are freed.
  void end(SeqId id);
  // It ended, but a step in flight holds it: to be released with that.
  void haunt(SeqId id) { ghosts_.push_back(id); }

  // The newest results of a numbered step brought it a token.
  [[nodiscard]] bool has_emitted(SeqId id) const {
    return holds(id) && members_[index(id)].first <= finished_;
  }
  // Tokens that its sequences may still generate.
  [[nodiscard]] std::int64_t to_come() const { return to_come_; }
  [[nodiscard]] std::int64_t decodes() const { return size_; }
  // The steps in flight hold the same sequences, and nothing else.
  [[nodiscard]] bool steady() const { return changed_ <= finished_ + 1; }
  // How many steps can end, each followed by a composition, until one that is not like the others.
  // Requires steady().
  [[nodiscard]] std::int64_t steps_alike() const;
  // So many have.
  void advance(std::int64_t steps);

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  struct Member {
    std::int64_t composed = 0, finished = 0;  // what the sequence's counters tell of
    std::int64_t joined = 0;                  // it decodes in the steps after this one
    std::int64_t first = 0;                   // the first step that brings it a token
    std::int64_t last = kNever;               // the last step that holds it, once that is known
    std::uint32_t order = 0;                  // in the running list
    bool present = false;
  };
  struct End {
    std::int64_t step = 0;
    std::uint32_t order = 0;
    SeqId seq{};
  };

  void enter(SeqId id, std::int64_t end, std::int64_t joined, std::int64_t first);
  [[nodiscard]] bool holds(SeqId id) const {
    return index(id) < members_.size() && members_[index(id)].present;
  }
  [[nodiscard]] std::int64_t& blocks_due(const Sequence& s);
  void settle(SeqId id);
  void take_next_blocks();
  void leave_out(SeqId id, Member& m);
  void gather(std::int64_t step);
  [[nodiscard]] std::int64_t blocks_in(std::int64_t steps) const;
  void write_entries(BatchPlan& plan, std::int64_t step) const;

  EngineState& state_;
  bool open_ = false, foresees_ = true, settles_ = false;
  std::int64_t composed_ = 0, finished_ = 0;  // newest steps
  std::int64_t changed_ = 0;                  // the newest step unlike the one before
  std::int64_t size_ = 0, context_ = 0;       // of the next step's decodes
  std::int64_t to_come_ = 0;
  std::vector<Member> members_;       // by sequence
  std::vector<std::int64_t> blocks_;  // taken by a step, by its number modulo their size
  std::vector<End> ends_;             // heap: the next one first
  std::vector<SeqId> ending_, ghosts_;
  std::int64_t ending_step_ = 0;  // that `ending_` is of
  std::uint32_t entered_ = 0;
};

}  // namespace eph::sim
