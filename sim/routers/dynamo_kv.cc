#include "sim/routers/dynamo_kv.h"

#include <algorithm>

namespace eph::sim {
namespace {

// Unshared blocks are remembered in lots of this share of the whole tree.
constexpr std::int64_t kLots = 1 << 16;

RunKey key_of(const RoutedRequest& request) { return {index(request.id), RunKind::stream}; }

}  // namespace

DynamoKvRouter::DynamoKvRouter(const DynamoKvOptions& options, Duration staleness)
    : options_(options),
      staleness_(staleness),
      cached_(options.block_tokens, options.max_tree_size / kLots) {}

std::uint32_t DynamoKvRouter::pick(const RoutedRequest& request, const LoadBoard& board,
                                   SimTime now) {
  EPH_DASSERT(request.content != nullptr, "a prompt of unknown content");
  look(now);
  (void)row(board.members().back());
  credit_.assign(rows_.size(), 0);
  for (const PrefixIndex::Match& m :
       cached_.match(*request.content, full_blocks_of(request), fresh_since(now)))
    credit_[m.place] = m.blocks;
  const std::int64_t blocks = blocks_of(request);
  std::uint32_t best = board.members().front();
  double least = -1;
  for (const std::uint32_t place : board.members()) {
    const Load& at = rows_[place].seen;
    const double prefill = static_cast<double>(at.prefill + blocks) -
                           options_.overlap_weight * static_cast<double>(credit_[place]);
    const double cost = options_.prefill_load_scale * std::max(prefill, 0.0) +
                        static_cast<double>(at.decode + blocks);
    if (least >= 0 && cost >= least) continue;
    least = cost;
    best = place;
  }
  return best;
}

void DynamoKvRouter::on_sent(const RoutedRequest& request, std::uint32_t place, SimTime now) {
  const std::int64_t blocks = blocks_of(request), full = full_blocks_of(request);
  const SimTime since = fresh_since(now);
  const std::int64_t cached = cached_.matched(*request.content, full, place, since);
  const Charge charge{{blocks - cached, blocks}, place, row(place).lives};
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(charges_.size()));
    charges_.emplace_back();
  }
  charges_[unused_.back()] = charge;
  by_request_.put(key_of(request), 0, unused_.back());
  unused_.pop_back();
  change(now, place, charge.load.prefill, charge.load.decode);
  cached_.expire(place, since);
  cached_.insert(*request.content, full, place, now);
  bound();
}

void DynamoKvRouter::on_first_token(const RoutedRequest& request, std::uint32_t place,
                                    SimTime now) {
  const std::uint32_t at = by_request_.find(key_of(request), 0);
  EPH_ASSERT(at != RunTable::kNone, "request {} was not sent", index(request.id));
  Charge& charge = charges_[at];
  if (charge.life == row(place).lives) change(now, place, -charge.load.prefill, 0);
  charge.load.prefill = 0;
}

void DynamoKvRouter::on_ended(const RoutedRequest& request, std::uint32_t place, SimTime now) {
  const std::uint32_t at = by_request_.find(key_of(request), 0);
  EPH_ASSERT(at != RunTable::kNone, "request {} was not sent", index(request.id));
  const Charge& charge = charges_[at];
  EPH_DASSERT(charge.place == place, "sent to {}, ended at {}", charge.place, place);
  if (charge.life == row(place).lives)
    change(now, place, -charge.load.prefill, -charge.load.decode);
  by_request_.erase(key_of(request), 0);
  unused_.push_back(at);
}

// What still runs there no longer concerns the router.
void DynamoKvRouter::on_removed(std::uint32_t place) {
  cached_.clear(place);
  Row& r = row(place);
  r.now = r.seen = Load{};
  ++r.lives;
}

DynamoKvRouter::Row& DynamoKvRouter::row(std::uint32_t place) {
  if (place >= rows_.size()) rows_.resize(place + 1);
  return rows_[place];
}

void DynamoKvRouter::look(SimTime now) {
  if (staleness_ == Duration::zero() || now < next_look_) return;
  for (const std::uint32_t place : changed_) {
    rows_[place].seen = rows_[place].now;
    rows_[place].changed = false;
  }
  changed_.clear();
  next_look_ = SimTime{now.ns - now.ns % staleness_.ns + staleness_.ns};
}

void DynamoKvRouter::change(SimTime now, std::uint32_t place, std::int64_t prefill,
                            std::int64_t decode) {
  look(now);
  Row& r = row(place);
  r.now.prefill += prefill;
  r.now.decode += decode;
  if (staleness_ == Duration::zero()) {
    r.seen = r.now;
  } else if (!r.changed) {
    r.changed = true;
    changed_.push_back(place);
  }
}

// A tree that has grown too large loses the oldest blocks, each place its share.
void DynamoKvRouter::bound() {
  if (cached_.size() <= options_.max_tree_size) return;
  const double keep = options_.prune_target_ratio * static_cast<double>(options_.max_tree_size) /
                      static_cast<double>(cached_.size());
  for (std::uint32_t place = 0; place < cached_.places(); ++place)
    cached_.trim(place, static_cast<std::int64_t>(keep * static_cast<double>(cached_.size(place))));
}

}  // namespace eph::sim
