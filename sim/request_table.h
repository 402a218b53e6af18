#pragma once
// The requests that are somewhere between sending and their end: rows by slot, reused.
#include <algorithm>
#include <vector>

#include "core/ids.h"
#include "sim/records.h"
#include "workload/arrival.h"

namespace eph::sim {

// What the simulation knows of one request. `record.output_tokens` holds what has been produced
// once the engine is done with it; until then the count lives in the replica.
struct RequestRow {
  RequestRecord record;
  std::int32_t output_tokens = 0;      // what the model will really produce
  std::int32_t max_output_tokens = 0;  // what the request allows
  std::int32_t priority = 0;           // lower first, where the engine looks at it
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
    row.live = true;
    row.measured = measured;
    return slot;
  }

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
  std::vector<SlotId> unused_;
};

}  // namespace eph::sim
