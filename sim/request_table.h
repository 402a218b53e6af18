#pragma once
// The requests that are somewhere between sending and their end: rows by slot, reused.
#include <algorithm>
#include <vector>

#include "core/ids.h"
#include "sim/content.h"
#include "sim/records.h"
#include "sim/sequence.h"
#include "workload/arrival.h"

namespace eph::sim {

// What the simulation knows of one request. `record.output_tokens` holds what has been produced
// once the engine is done with it; until then the count lives in the replica.
struct RequestRow {
  RequestRecord record;
  std::int32_t output_tokens = 0;      // what the model will really produce
  std::int32_t max_output_tokens = 0;  // what the request allows
  std::int32_t priority = 0;           // lower first, where the engine looks at it
  SeqId seq{};                         // in its replica, while it is there
  // On its way to the gateway, in its queue, on its way to a replica, there, or done with there.
  enum class Place : std::uint8_t { sent, queued, coming, in_engine, left } place = Place::sent;
  bool assigned = false;  // a replica has it
  bool counted = false;   // among what the gateway believes is in flight
  std::uint16_t retries = 0;
  // Of separate prefill and decode workers: which of them has it; whole: one replica does all.
  enum class Stage : std::uint8_t { whole, prefill, decode } stage = Stage::whole;
  std::int32_t moved_tokens = 0;   // decode: KV that comes along
  std::int32_t tokens_before = 0;  // decode: output tokens of the prefill worker that count
  std::uint32_t source_pool = 0, source_member = 0, source_life = 0;  // decode: who has the KV
  SeqId source_seq{};
  bool keeps_kv = false;      // prefill: its KV stays there until it has been read
  bool source_holds = false;  // decode: it has not been read
  bool kv_gone = false;       // decode: its lease ran out before it was read
  bool has_room = false;      // decode: `seq` has blocks for it, in that life of its replica
  std::uint32_t room_life = 0;

  // What its replica shall do.
  [[nodiscard]] std::int32_t stage_prompt() const { return record.prompt_tokens + tokens_before; }
  [[nodiscard]] std::int32_t stage_output() const {
    return stage == Stage::prefill ? 1 : output_tokens - tokens_before;
  }
  [[nodiscard]] std::int32_t stage_max_output() const {
    return stage == Stage::prefill ? 1 : max_output_tokens - tokens_before;
  }
  std::uint32_t pool = 0, member = 0;  // its replica's place in that pool
  std::uint64_t session = 0;
  Duration to_gateway{}, to_replica{};  // from the client, and on from there
  Duration return_delay{};              // of every token, over the network
  SimTime at_gateway{};                 // when it came there
  SimTime prompt_done{};                // decode: when the prefill worker had finished
  double moved_bytes = 0;
  // Client timeouts. An event is this request's only if its instant is the one noted here: slots
  // are reused.
  SimTime deadline = SimTime::never();
  SimTime gave_up = SimTime::never();
  SimTime abort_at = SimTime::never();
  bool live = false;
  bool measured = false;  // sent at or after measure_from
};

class RequestTable {
 public:
  RequestRow& operator[](SlotId slot) { return rows_[index(slot)]; }
  const RequestRow& operator[](SlotId slot) const { return rows_[index(slot)]; }

  SlotId add(const workload::Arrival& arrival, RequestId id, bool measured) {
    if (unused_.empty()) {
      unused_.push_back(SlotId{static_cast<std::uint32_t>(rows_.size())});
      rows_.emplace_back();
    }
    const SlotId slot = unused_.back();
    unused_.pop_back();
    RequestRow& row = rows_[index(slot)];
    row = RequestRow{};
    row.record.id = id;
    row.record.sent = arrival.at;
    row.record.prompt_tokens = arrival.prompt_tokens;
    row.record.request_class = arrival.request_class;
    row.output_tokens = arrival.output_tokens;
    row.max_output_tokens = arrival.max_output_tokens;
    row.priority = arrival.priority;
    row.session = arrival.session != workload::kNoSession ? arrival.session : ~index(id);
    row.live = true;
    row.measured = measured;
    return slot;
  }

  // What the request's tokens are; the hashes are copied, and live as long as the request. A
  // request of its own stream: one that no other has.
  void set_content(SlotId slot, const workload::Arrival& arrival,
                   std::span<const std::uint64_t> hashes, std::int32_t hash_tokens) {
    if (contents_.size() < rows_.size()) {
      contents_.resize(rows_.size());
      hashes_.resize(rows_.size());
    }
    std::vector<std::uint64_t>& own = hashes_[index(slot)];
    own.assign(hashes.begin(), hashes.end());
    // A trace's hashes should be chained; here they are, whatever the trace says.
    std::uint64_t before = 0;
    for (std::uint64_t& hash : own) {
      std::uint64_t x = hash + 0x9e3779b97f4a7c15ULL * (before + 1);
      x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;  // splitmix64's finaliser
      x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
      before = hash = x ^ (x >> 31);
    }
    Content& c = contents_[index(slot)];
    c = Content{};
    c.lasting = arrival.stream != workload::kNoStream;
    // Streams of conversations are even, those of single requests odd.
    c.stream = c.lasting ? 2 * arrival.stream : 2 * index(rows_[index(slot)].record.id) + 1;
    c.group = arrival.prefix_group;
    c.shared_tokens = arrival.prefix_tokens;
    if (own.empty() || hash_tokens < 1) return;
    c.hashes = own;
    c.hash_tokens = hash_tokens;
    c.shared_tokens = static_cast<std::int32_t>(std::min<std::int64_t>(
        arrival.prompt_tokens, static_cast<std::int64_t>(own.size()) * hash_tokens));
  }
  [[nodiscard]] const Content& content(SlotId slot) const { return contents_[index(slot)]; }

  void remove(SlotId slot) {
    rows_[index(slot)].live = false;
    unused_.push_back(slot);
  }

  // Slots in use, in the order in which their requests were sent.
  [[nodiscard]] std::vector<SlotId> live() const {
    std::vector<SlotId> slots;
    for (std::uint32_t i = 0; i < rows_.size(); ++i)
      if (rows_[i].live) slots.push_back(SlotId{i});
    std::sort(slots.begin(), slots.end(), [this](SlotId a, SlotId b) {
      return rows_[index(a)].record.id < rows_[index(b)].record.id;
    });
    return slots;
  }

 private:
  std::vector<RequestRow> rows_;
  std::vector<Content> contents_;  // by slot, if anybody asks for them
  std::vector<std::vector<std::uint64_t>> hashes_;
  std::vector<SlotId> unused_;
};

}  // namespace eph::sim
