// Nodes that the replicas of all pools are placed on.
#include <algorithm>

#include "sim/fleet/machines.h"
#include "sim/run.h"

namespace eph::sim {

void Run::open_machines() {
  if (!config_.machines) return;
  const MachineOptions& machines = *config_.machines;
  placement_ = open_placement(config_);
  out_.assign(static_cast<std::size_t>(machines.nodes), 0);
  scattered_.assign(pools_.size(), 0);
  shapes_ = replica_shapes(config_);
  note_machines();
}

// A pool that finds none is asked again when GPUs become free.
std::optional<models::Allocation> Run::find_machine(Pool& pool) {
  auto found = placement_->place(shapes_[pool.number()], config_.machines->rule, pool.number());
  if (!found && !pool.waits_for_room) ++pool.summary.no_room;
  pool.waits_for_room = !found;
  if (found) note_machines();
  return found;
}

void Run::vacate(Pool& pool, std::uint32_t place) {
  Member& member = pool[place];
  if (!member.placed) return;
  member.placed = false;  // where it stood is still asked for by transfers under way
  placement_->release(member.machine);
  note_machines();
  room_freed_ = true;
}

void Run::use_freed_room() {
  while (room_freed_) {
    room_freed_ = false;
    for (auto& pool : pools_)
      if (pool->waits_for_room) reconcile(*pool);
  }
}

void Run::note_machines() {
  const double s = (now_ - machines_at_).seconds();
  machines_at_ = now_;
  peak_gpus_ = std::max<std::int64_t>(peak_gpus_, placement_->given());
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    pools_[i]->summary.scattered_gpu_s += s * scattered_[i];
    scattered_[i] = placement_->stranded(shapes_[i]);
  }
}

void Run::put_out(std::uint32_t node, Duration repair) {
  if (repair <= Duration::zero()) return;
  if (++out_[node] == 1) placement_->set_out(static_cast<int>(node), true);
  note_machines();
  plan_event(now_ + repair, {.kind = FleetEvent::Kind::repaired_node, .number = node});
}

void Run::repaired_node(std::uint32_t node) {
  if (--out_[node] > 0) return;
  placement_->set_out(static_cast<int>(node), false);
  note_machines();
  room_freed_ = true;
}

// A broken GPU takes its replica along, and its node out of use until the repair; a node or a zone
// all that stands there.
bool Run::machine_fault(Pool& pool, FaultKind kind, std::uint32_t number, Duration repair) {
  const auto zones = static_cast<std::uint32_t>(config_.machines->zones);
  if (kind == FaultKind::gpu) {
    if (number >= pool.members().size() || !pool[number].placed) return false;
    const bool hit = pool[number].life != Life::dead;
    put_out(static_cast<std::uint32_t>(pool[number].machine.gpus.front().node), repair);
    kill(pool, number, repair);
    return hit;
  }
  const auto concerned = [&](std::uint32_t node) {
    return kind == FaultKind::node ? node == number : node % zones == number;
  };
  for (std::uint32_t node = 0; node < out_.size(); ++node)
    if (concerned(node)) put_out(node, repair);
  bool hit = false;
  for (auto& each : pools_)
    for (std::uint32_t place = 0; place < each->members().size(); ++place) {
      const Member& member = (*each)[place];
      const bool stands_there =
          member.placed && member.life != Life::dead &&
          std::any_of(member.machine.gpus.begin(), member.machine.gpus.end(),
                      [&](const models::GpuAt& gpu) {
                        return concerned(static_cast<std::uint32_t>(gpu.node));
                      });
      if (!stands_there) continue;
      hit = true;
      kill(*each, place, repair);
    }
  return hit;
}

void Run::close_machines() {
  if (!placement_) return;
  note_machines();
  collector_.on_machines(config_.machines->nodes, placement_->gpus(), peak_gpus_);
}

}  // namespace eph::sim
