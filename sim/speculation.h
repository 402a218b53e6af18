#pragma once
// Speculative decoding: how many draft tokens a step verifies, and how many of them come out.
#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/rng.h"
#include "sim/sequence.h"

namespace eph::sim {

// A decode step computes 1 + `drafts` tokens of a sequence and brings out one more than it accepts.
struct SpeculationOptions {
  std::int32_t drafts = 0;  // verified on top of the newest token; 0: no speculation
  // What drafting needs beside: vLLM's lookahead slots, behind the drafts; tokens that SGLang's
  // draft model computes ahead (steps * topk), in the same place as the drafts.
  std::int32_t draft_slots = 0;
  // vLLM with EAGLE or MTP: the last block of a prefix hit is computed again, because the draft
  // model needs the hidden states of its end.
  bool drops_last_hit = false;
  // By position of the draft (of a tree: by its depth): the probability that the token is accepted
  // given that those before it were. At most `drafts` of them.
  std::vector<double> acceptance;

  [[nodiscard]] bool on() const { return drafts > 0; }
  // Drafts follow a token that was sampled here.
  [[nodiscard]] std::int32_t drafts_of(const Sequence& s) const {
    return s.sampled > 0 ? drafts : 0;
  }
};

[[nodiscard]] Result<void> check(const SpeculationOptions& options);

// Says how many drafts are accepted. A draw belongs to a request and the number of its output
// tokens so far, so it is the same whatever is batched with it, and however often it is asked for.
class Acceptance {
 public:
  // Seed and run of `key` count.
  Acceptance(const SpeculationOptions& options, const StreamKey& key);
  // Of `drafts` tokens behind output token `position` of the request.
  [[nodiscard]] std::int32_t accepted(RequestId request, std::int32_t position,
                                      std::int32_t drafts) const;

 private:
  std::vector<double> survival_;  // by position: that it and all before it are accepted
  StreamKey key_;
};

// Since the last time somebody asked.
struct DraftCounts {
  std::uint64_t verifications = 0;  // decodes of a sequence with at least one draft
  std::uint64_t drafts = 0, accepted = 0;
};

}  // namespace eph::sim
