// Several pools behind one gateway, and prompts that are computed elsewhere than their outputs.
#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "models/kv_transfer.h"
#include "sim/run.h"

namespace eph::sim {

void Run::open_pools() {
  const StreamKey draws{config_.seed, config_.run, Purpose::routing};
  rules_.push_back(config_.rule);
  for (const FurtherPool& further : config_.further) {
    pools_.push_back(
        std::make_unique<Pool>(further.pool, static_cast<std::uint32_t>(pools_.size()), draws));
    rules_.push_back(further.rule);
  }
  if (config_.disaggregation && config_.disaggregation->planner)
    planner_ = std::make_unique<Dynamo>(*config_.disaggregation->planner);
  if (planner_ && config_.disaggregation->planner->mode == DynamoOptions::Mode::load)
    pools_[0]->kv_watched = true;
  if (pools_.size() > 1) collector_.watch_pools(pools_.size());
  if (config_.disaggregation)
    transfers_ = std::make_unique<TransferNetwork>(*config_.disaggregation->cluster);
}

bool Run::allows(const Pool& pool, const RequestRow& row) const {
  const PoolRule& rule = rules_[pool.number()];
  if (row.record.prompt_tokens < rule.min_prompt || row.record.prompt_tokens > rule.max_prompt)
    return false;
  if (rule.classes.empty()) return true;
  const auto names = load_.class_names();
  return row.record.request_class < names.size() &&
         std::find(rule.classes.begin(), rule.classes.end(), names[row.record.request_class]) !=
             rule.classes.end();
}

// A class that nobody has would make a rule without effect.
Result<void> Run::check_classes() const {
  const auto names = load_.class_names();
  const auto check = [&](const std::vector<std::string>& wanted, std::string_view what,
                         const std::string& pool) -> Result<void> {
    for (const std::string& name : wanted) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      return usage_error(
          fmt::format("{} \"{}\" of pool {}: no request of that class was sent", what, name, pool),
          names.empty() ? "the requests have no classes: give a trace with a class column"
                        : suggest(name, {names.begin(), names.end()}));
    }
    return {};
  };
  for (const auto& pool : pools_) {
    const std::string& name = pool->config().name;
    if (auto ok = check(pool->config().admission.sheddable, "shed class", name); !ok) return ok;
    if (auto ok = check(rules_[pool->number()].classes, "class", name); !ok) return ok;
  }
  return {};
}

void Run::tell_sink(RequestStop::What what, SlotId slot) {
  const RequestRow& row = table_[slot];
  const bool prompt_only =
      row.stage == RequestRow::Stage::prefill && !config_.disaggregation->first_from_prefill;
  stop_sink_->on_stop({what, row.record.id, now_, row.record.replica, row.pool, prompt_only,
                       pools_[row.pool]->served_since});
}

// Of several pools, in their order, the first that takes such requests and is not above its limit;
// if all are, the last that takes them; if none takes them, the last pool.
void Run::choose_pool(RequestRow& row) {
  if (config_.disaggregation) {
    const bool local = row.record.prompt_tokens <= config_.disaggregation->local_prompt ||
                       pools_[1]->board().members().empty();  // nobody else computes prompts
    row.stage = local ? RequestRow::Stage::whole : RequestRow::Stage::prefill;
    row.pool = local ? 0 : 1;
    return;
  }
  const auto in_turn = [this](std::size_t i) {
    return config_.pool_order.empty() ? static_cast<std::uint32_t>(i) : config_.pool_order[i];
  };
  row.pool = in_turn(pools_.size() - 1);
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const Pool& pool = *pools_[in_turn(i)];
    if (!allows(pool, row)) continue;
    row.pool = pool.number();
    const double most = rules_[pool.number()].spill_above;
    const auto ready = static_cast<double>(pool.count(Life::ready));
    if (most <= 0 || static_cast<double>(pool.in_flight + pool.queued) < most * ready) return;
  }
}

// With the prefill worker's token there may be nothing left to do.
bool Run::complete_after_prefill(const RequestRow& row) const {
  return config_.disaggregation->first_from_prefill && row.output_tokens == 1;
}

// A slot of llama.cpp keeps nothing for others.
bool Run::keeps_kv(const RequestRow& row) const {
  return row.stage == RequestRow::Stage::prefill && !complete_after_prefill(row) &&
         pools_[row.pool]->config().replica.engine.kind != models::EngineKind::llamacpp;
}

void Run::hand_over(SlotId slot) {
  const Disaggregation& how = *config_.disaggregation;
  RequestRow& row = table_[slot];
  row.source_pool = row.pool;
  row.source_member = row.member;
  row.source_life = pool_of(row)[row.member].incarnation;
  row.source_seq = row.seq;
  row.source_holds = row.keeps_kv;
  if (row.source_holds) ++pool_of(row)[row.member].resident;
  row.keeps_kv = false;
  tell(RequestStop::What::prompt_done, slot);
  uncount(slot);
  unassign(row);
  Pool& prefill = pool_of(row);
  if (row.gave_up != SimTime::never()) return settle_cancelled(slot);
  row.stage = RequestRow::Stage::decode;
  row.prompt_done = now_;
  RequestRecord& r = row.record;
  if (how.first_from_prefill) {
    row.tokens_before = 1;
    row.moved_tokens = r.prompt_tokens;
  } else {  // the decode worker computes the last token of the prompt again
    row.moved_tokens = r.prompt_tokens - 1;
    r.engine_first_token = r.first_left = r.first_token = SimTime::never();
  }
  r.engine_finish = r.last_left = r.finish = SimTime::never();
  r.status = RequestStatus::unfinished;
  row.pool = 0;
  row.place = RequestRow::Place::sent;
  if (row.source_holds) lease_out(slot);
  gateway(slot);
  if (prefill.queued > 0) pump(prefill);
  observe(prefill);
}

bool Run::source_lives(const RequestRow& row) {
  const Member& source = (*pools_[row.source_pool])[row.source_member];
  return source.incarnation == row.source_life && source.replica != nullptr;
}

// The prefill worker keeps the blocks until then (vLLM's NIXL connector: until they were read;
// SGLang: until the transfer is done).
void Run::let_go_of_source(RequestRow& row) {
  if (!row.source_holds) return;
  row.source_holds = false;
  Member& source = (*pools_[row.source_pool])[row.source_member];
  if (source_lives(row)) {
    reach(source.id);
    source.replica->let_go(row.source_seq, now_);
    wake(source);
  }
  if (--source.resident == 0 && source.life == Life::draining)
    drained_.push_back({row.source_pool, row.source_member});
}

void Run::lease_out(SlotId slot) {
  const Duration lease = config_.disaggregation->kv_lease;
  if (lease <= Duration::zero()) return;
  leases_.push_back({slot, table_[slot].record.id, now_});
  if (leases_.size() == 1) plan_event(now_ + lease, {.kind = FleetEvent::Kind::lease});
}

// One event at a time, for the first lease of KV that has not been read.
void Run::end_leases() {
  const Duration lease = config_.disaggregation->kv_lease;
  while (!leases_.empty()) {
    const Lease first = leases_.front();
    RequestRow& row = table_[first.slot];
    const bool runs =
        row.live && row.record.id == first.id && row.source_holds && row.prompt_done == first.since;
    if (runs && first.since + lease > now_)
      return plan_event(first.since + lease, {.kind = FleetEvent::Kind::lease});
    (void)leases_.pop_front();
    if (!runs) continue;
    collector_.on_expired_lease();
    let_go_of_source(row);
    row.kv_gone = true;  // what is on its way arrives in vain
    if (row.place != RequestRow::Place::queued) continue;
    Pool& pool = pool_of(row);
    --pool.queued;
    collector_.on_gateway(-1);
    collector_.on_left_gateway(row, now_ - row.at_gateway);
    give_back(first.slot);
    observe(pool);
  }
}

// Workers fill nodes in order of their places; beyond the cluster's end they begin anew.
std::span<const models::GpuAt> Run::gpus_of(Pool& pool, std::uint32_t place) {
  if (placement_) return pool[place].machine.gpus;
  const Disaggregation& how = *config_.disaggregation;
  const int per_node = how.cluster->spec().gpus_per_node, gpus = pool.config().gpus;
  const int on_node = std::max(1, per_node / gpus);
  const int nodes_each = (gpus + per_node - 1) / per_node;
  const auto at = static_cast<int>(place);
  const int begin = (pool.number() == 0 ? 0 : how.prefill_gpu) +
                    at / on_node * nodes_each * per_node + at % on_node * gpus;
  gpus_.clear();
  for (int i = begin; i < begin + gpus; ++i)
    gpus_.push_back({i / per_node % how.cluster->nodes(), i % per_node});
  return gpus_;
}

// An engine that takes blocks ahead lets the KV come when it has them, one request after another.
// Towards a dead worker, of whose death nobody knows, it moves at once and in vain, and so does
// what is no KV: of the only token of a prompt that is computed again.
void Run::begin_move(SlotId slot) {
  RequestRow& row = table_[slot];
  Member& to = pool_of(row)[row.member];
  if (!config_.disaggregation->takes_ahead || row.moved_tokens == 0 || !to.replica ||
      !to.replica->takes_ahead())
    return start_transfer(slot);
  if (!to.replica->accepts(row)) {
    let_go_of_source(row);
    return answer(slot, RequestStatus::rejected);
  }
  to.awaiting.push_back(slot);
  if (to.awaiting.size() == 1) serve_awaiting(to);
}

// Who has gone meanwhile, or whose KV has, is settled when its turn comes.
void Run::serve_awaiting(Member& to) {
  while (to.replica && !to.awaiting.empty()) {
    const SlotId slot = to.awaiting.front();
    RequestRow& row = table_[slot];
    if (row.abort_at > now_ && !row.kv_gone && source_lives(row)) {
      reach(to.id);
      const auto seq = to.replica->expect(slot, caching_ ? table_.content(slot) : Content{}, now_);
      if (!seq) return;
      row.seq = *seq;
      row.has_room = true;
      row.room_life = to.incarnation;
      (void)to.awaiting.pop_front();
      start_transfer(slot);
    } else {
      (void)to.awaiting.pop_front();
      row.abort_at <= now_ ? settle_cancelled(slot) : give_back(slot);
    }
  }
}

void Run::drop_room(RequestRow& row) {
  if (!row.has_room) return;
  Member& to = pool_of(row)[row.member];
  row.has_room = false;
  if (!to.replica || to.incarnation != row.room_life) return;
  reach(to.id);
  to.replica->forgo(row.seq, now_);
  serve_awaiting(to);
  wake(to);
}

// To the decode worker that the request was just assigned to. What was pushed while the prompt was
// computed is there already.
void Run::start_transfer(SlotId slot) {
  const Disaggregation& how = *config_.disaggregation;
  RequestRow& row = table_[slot];
  Pool& from_pool = *pools_[row.source_pool];
  const std::span<const models::GpuAt> held = gpus_of(from_pool, row.source_member);
  const std::vector<models::GpuAt> from(held.begin(), held.end());
  const std::span<const models::GpuAt> to = gpus_of(pool_of(row), row.member);
  models::KvTransferOptions what;
  what.tokens = row.record.prompt_tokens;
  what.block_size = pool_of(row).config().replica.kv.block_size;
  what.precision = how.kv_precision;
  Member& receiver = pool_of(row)[row.member];
  if (how.spares_cached && caching_ && receiver.replica) {
    reach(receiver.id);
    what.cached_tokens = receiver.replica->cached_tokens(table_.content(slot), row.moved_tokens);
    collector_.on_spared(what.cached_tokens);
  }
  double bytes = models::kv_transfer_bytes(how.llm, how.decode_layout, what);
  row.moved_bytes = bytes;
  if (how.flow == Disaggregation::Flow::push) {
    const models::Route route = how.cluster->route(from.front(), to.front());
    const auto lanes = static_cast<double>(std::max(from.size(), to.size()));
    const double alone = bytes / (route.bytes_per_s * lanes);
    const std::int64_t chunk = from_pool.config().replica.engine.max_num_batched_tokens;
    const auto chunks =
        static_cast<int>(std::max<std::int64_t>(1, (what.tokens + chunk - 1) / chunk));
    const double prefill_s = (row.prompt_done - row.record.engine_scheduled).seconds();
    bytes *= models::exposed_share(alone, prefill_s, chunks);
  }
  (void)transfers_->start(from, to, Bytes{std::llround(std::max(1.0, bytes))}, now_, index(slot));
  watch_transfers();
}

// Prompts that wait, before and in the prefill workers, and how full the decode workers' caches
// are.
FleetLoad Run::load_of_workers() {
  const FleetLoad prefill = pools_[1]->load(now_), decode = pools_[0]->load(now_);
  FleetLoad out = decode;
  out.queued = prefill.queued;
  out.rps = prefill.rps + decode.rps;
  return out;
}

void Run::plan_workers() {
  planner_->observe(now_, load_of_workers());
  ++pools_[0]->summary.decisions;
  while (planner_->next() <= now_) (void)planner_->decide(now_);
  plan_event(planner_->next(), {.kind = FleetEvent::Kind::plan});
  pools_[1]->desired = planner_->prefill();
  pools_[0]->desired = planner_->decode();
  reconcile(*pools_[1]);
  reconcile(*pools_[0]);
}

void Run::watch_transfers() {
  const SimTime next = transfers_->next_event();
  if (next != SimTime::never())
    plan_event(std::max(next, now_), {.kind = FleetEvent::Kind::transfers});
}

// The KV of a prefill worker that has died meanwhile is lost.
void Run::settle_transfers() {
  delivered_.clear();
  transfers_->advance(now_, delivered_);
  for (const TransferNetwork::Delivered& one : delivered_) {
    const SlotId slot{one.tag};
    RequestRow& row = table_[slot];
    if (row.kv_gone || !source_lives(row)) {
      give_back(slot);
      continue;
    }
    let_go_of_source(row);
    tell(RequestStop::What::kv_there, slot);
    collector_.on_handed_over(now_ - row.prompt_done, row.moved_bytes);
    if (pool_of(row).direct)
      visible(slot);
    else
      ingress(slot);
  }
  watch_transfers();
}

}  // namespace eph::sim
