#pragma once
// A request as its engine's scheduler knows it.
#include <cstdint>

namespace eph::sim {

enum class SeqId : std::uint32_t {};  // index into one replica's sequences; reused after the end
constexpr std::uint32_t index(SeqId id) { return static_cast<std::uint32_t>(id); }

enum class SeqState : std::uint8_t { waiting, active, ended };

// Everything a policy may look at: by type, no true output length (INV-6). 32 bytes, two to a cache
// line.
//
// A batch is composed before its results are known. `computed` and `sampled` therefore advance when
// a step is composed, `generated` when it ends; sampled - generated tokens are placeholders in
// flight. Sequences only ever try to make `computed` catch up with prompt + sampled. Draft tokens
// count in both until the step that verifies them has ended.
struct Sequence {
  std::int32_t prompt = 0;
  std::int32_t max_output = 0;
  std::int32_t computed = 0;   // tokens with their KV written by the steps composed so far
  std::int32_t sampled = 0;    // output tokens of the steps composed so far
  std::int32_t generated = 0;  // output tokens known
  // Tokens to process before the next new one: the prompt, or prompt + outputs after a preemption.
  // Below it a step's work on this sequence is prefill, from it on decode.
  std::int32_t prefill_end = 0;
  std::int32_t capacity = 0;  // tokens that the held blocks have room for
  std::uint16_t preemptions = 0;
  SeqState state = SeqState::waiting;
  std::uint8_t plans = 0;  // composed steps that include it and have not ended

  // What it still has to compute: 1 for a decode.
  [[nodiscard]] std::int32_t missing() const { return prompt + sampled - computed; }
  [[nodiscard]] bool prefilling() const { return computed < prefill_end; }
  // The steps composed so far are sure to bring its last permitted token.
  [[nodiscard]] bool exhausted() const { return sampled >= max_output; }
  // The same where steps verify drafts: `sampled` then counts these as if all were accepted, but of
  // a step in flight one token is certain.
  [[nodiscard]] bool sure_to_end() const {
    return generated + (sampled > generated ? 1 : 0) >= max_output;
  }
};
static_assert(sizeof(Sequence) == 32);

}  // namespace eph::sim
