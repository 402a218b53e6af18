// Clients that give up.
#include "sim/run.h"

namespace eph::sim {

void Run::set_timeout(SlotId slot, const workload::Arrival& arrival) {
  const Duration patience =
      arrival.timeout > Duration::zero() ? arrival.timeout : config_.client_timeout;
  if (patience <= Duration::zero()) return;
  collector_.on_timeout_set();
  RequestRow& row = table_[slot];
  row.deadline = now_ + patience;
  // Beyond the longest simulated time nobody waits for it.
  if (row.deadline.ns <= Event::kMaxNs) queue_.push(row.deadline, EventClass::timeout, index(slot));
}

// The client hangs up and goes on; the server hears of it later, and may have finished by then.
void Run::timeout(SlotId slot) {
  RequestRow& row = table_[slot];
  row.gave_up = now_;
  collector_.on_gave_up(now_, row);
  if (row.place == RequestRow::Place::left) {
    settle_cancelled(slot);
  } else {
    if (row.place == RequestRow::Place::in_engine) {
      reach(row.record.replica);
      member(row.record.replica).replica->stop_measuring(row.seq);
    }
    const models::FrontEnd& f = pool_of(row).config().replica.front_end;
    row.abort_at = now_ + Duration::from_seconds(f.client_in_s) + row.to_gateway + row.to_replica;
    queue_.push(row.abort_at, EventClass::abort, index(slot));
  }
  end_at_client(slot);
}

// One that the scheduler has not seen yet is dropped where it comes next.
void Run::hung_up(SlotId slot) {
  const RequestRow& row = table_[slot];
  if (row.place == RequestRow::Place::queued) {
    --pool_of(row).queued;
    collector_.on_gateway(-1);
    collector_.on_never_left_gateway(now_ - row.at_gateway);
    return settle_cancelled(slot);
  }
  if (row.place != RequestRow::Place::in_engine) return;
  reach(row.record.replica);
  Member& at = member(row.record.replica);
  if (!at.replica->hang_up(row.seq, now_)) return;
  settle_cancelled(slot);
  serve_awaiting(at);
}

// Nobody works on it any more.
void Run::settle_cancelled(SlotId slot) {
  let_go_of_source(table_[slot]);
  drop_room(table_[slot]);
  collector_.on_cancelled(table_[slot]);
  remove(slot);
}

}  // namespace eph::sim
