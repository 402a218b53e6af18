#pragma once
// One iteration as the step models see it: aggregates only, never a list of requests.
#include <cstdint>

namespace eph::models {

struct BatchShape {
  std::int32_t decode_seqs = 0;   // sequences that process their one newest token
  std::int32_t prefill_seqs = 0;  // prompt chunks (recomputation after preemption counts here)
  std::int32_t sampled_seqs = 0;  // sequences that get an output token: decodes and last chunks
  std::int32_t draft_tokens = 0;  // that decodes verify on top of their newest one
  std::int32_t padding_tokens =
      0;  // of data-parallel ranks: dummies; below 0: see models/ranked_model.h
  std::int64_t prefill_tokens = 0;
  std::int64_t decode_context_tokens = 0;   // sum of KV lengths of the decodes at the step's start
  std::int64_t prefill_context_tokens = 0;  // sum of the chunks' KV lengths at the step's start
  // Sum over chunks of c * p + c * (c + 1) / 2: query-key pairs (c new tokens after p in the
  // cache).
  std::int64_t prefill_pairs = 0;

  [[nodiscard]] std::int64_t tokens() const {
    return prefill_tokens + decode_seqs + draft_tokens + padding_tokens;
  }
  [[nodiscard]] std::int32_t seqs() const { return decode_seqs + prefill_seqs; }
  // Rows of the LM head: one a sequence, and one for each token to be verified.
  [[nodiscard]] std::int32_t head_rows() const { return seqs() + draft_tokens; }
  // Tokens that attend to a decode's context: 1 without drafts.
  [[nodiscard]] double queries_per_decode() const {
    return decode_seqs > 0 ? 1 + static_cast<double>(draft_tokens) / decode_seqs : 1;
  }

  void add_decode(std::int64_t context) {
    ++decode_seqs;
    ++sampled_seqs;
    decode_context_tokens += context;
  }
  void add_chunk(std::int64_t tokens_new, std::int64_t context, bool last) {
    ++prefill_seqs;
    sampled_seqs += last ? 1 : 0;
    prefill_tokens += tokens_new;
    prefill_context_tokens += context;
    prefill_pairs += tokens_new * context + tokens_new * (tokens_new + 1) / 2;
  }
  BatchShape& operator+=(const BatchShape& other) {
    decode_seqs += other.decode_seqs;
    prefill_seqs += other.prefill_seqs;
    sampled_seqs += other.sampled_seqs;
    draft_tokens += other.draft_tokens;
    padding_tokens += other.padding_tokens;
    prefill_tokens += other.prefill_tokens;
    decode_context_tokens += other.decode_context_tokens;
    prefill_context_tokens += other.prefill_context_tokens;
    prefill_pairs += other.prefill_pairs;
    return *this;
  }
  // So many alike.
  [[nodiscard]] BatchShape times(int n) const {
    BatchShape out;
    for (int i = 0; i < n; ++i) out += *this;
    return out;
  }
  friend bool operator==(const BatchShape&, const BatchShape&) = default;
};

}  // namespace eph::models
