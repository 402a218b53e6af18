#pragma once
// What a request's KV cache weighs when it moves from a prefill to a decode worker, and how much of
// the move hides behind the prefill. docs/MODEL.md, "Transfers".
#include <cstdint>
#include <span>

#include "models/llm_spec.h"
#include "models/parallelism.h"
#include "models/precision.h"

namespace eph::models {

struct KvTransferOptions {
  std::int64_t tokens = 0;         // of the prompt
  std::int64_t cached_tokens = 0;  // of them the receiver has already, in whole blocks
  std::int64_t block_size = 16;
  Precision precision = Precision::bf16;
};

// Bytes over the network for one request, all ranks and layers (MODEL eq. 42): whole blocks that
// the receiver lacks; of sliding-window layers only those that the window still reaches; of linear
// layers the state, whatever the length. `to` is the receiving layout: with more tensor ranks than
// KV heads each of them gets a copy of its head, and each gets the whole latent of MLA. The sending
// layout does not matter to the sum, only to the number of senders.
[[nodiscard]] double kv_transfer_bytes(const LlmSpec& llm, const Parallelism& to,
                                       const KvTransferOptions& options);

// GPUs of a replica that hold one request's KV: tensor x pipeline ranks of one attention rank. A
// transfer has as many lanes as the wider side has of these.
[[nodiscard]] int kv_holders(const Parallelism& layout);

// When the last of some pieces has moved, one after the other over one channel: piece i can start
// at ready_s[i] and takes move_s[i] (MODEL eq. 43). Equal sizes, ready_s not decreasing.
[[nodiscard]] double pushed_by_s(std::span<const double> ready_s, std::span<const double> move_s);

// The share of a transfer that is left when the prefill ends, if it is pushed in `pieces` equal
// pieces (layers or chunks) that become ready one after the other over `prefill_s`, and alone would
// take `transfer_s` (MODEL eq. 44). 1 for one piece: a pull, or a push of the whole. What is left
// can be started as a transfer of that share of the bytes when the prefill ends.
[[nodiscard]] double exposed_share(double transfer_s, double prefill_s, int pieces);

}  // namespace eph::models
