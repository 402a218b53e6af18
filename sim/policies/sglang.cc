#include "sim/policies/sglang.h"

#include <algorithm>
#include <tuple>

namespace eph::sim {
namespace {

constexpr std::size_t kLongestSortedQueue = 128;  // beyond it lpm is fcfs
// IN_BATCH_PREFIX_CACHING_CHECK_THRESHOLD and _DEPRIORITIZE_THRESHOLD, tokens
constexpr std::int64_t kInBatchTokens = 32;
constexpr std::int64_t kToBeCounted = -1;

}  // namespace

SglangPolicy::SglangPolicy(const EngineOptions& options, const models::KvPool& pool)
    : options_(options),
      page_(pool.block_size),
      usable_tokens_(pool.usable_tokens()),
      chunking_(options.chunked_prefill && options.chunk_tokens > 0),
      ratio_(options.new_token_ratio_init),
      decay_((options.new_token_ratio_init - options.new_token_ratio_min) /
             options.new_token_ratio_decay_steps) {
  const SpeculationOptions& speculation = options_.speculation;
  if (speculation.on())
    draft_tokens_ = ceil_page(std::max(1 + speculation.drafts, speculation.draft_slots));
}

// Alone in the pool, the admission check must pass, and a sequence must not outgrow the pool.
bool SglangPolicy::accepts(std::int64_t prompt, std::int64_t max_output) const {
  if (options_.max_model_len > 0 && prompt + max_output > options_.max_model_len) return false;
  return ceil_page(prompt + max_output + draft_tokens_) + 2 * page_ <= usable_tokens_;
}

void SglangPolicy::form_batch(EngineState& state, BatchPlan& plan) {
  if (state.active() == 0) reopens_ = batch_is_full_ = false;
  admit_moved(state, plan);
  if (options_.mixed_chunk && !state.running().empty())
    form_mixed(state, plan);
  else
    form_prefill(state, plan, kToBeCounted);
  if (!plan.empty() || state.running().empty()) return;
  form_decode(state, plan);
  if (reopens_) reopens_ = batch_is_full_ = false;
}

// Whose KV has come along goes on with decodes, without a prefill batch (ENGINES E3: a decode
// worker reserves the prompt and num_reserved_decode_tokens).
void SglangPolicy::admit_moved(EngineState& state, BatchPlan& plan) const {
  // Those that have their pages wait for a slot alone.
  for (std::size_t i = state.first_with_room();
       i < state.waiting().size() && state.active() < options_.max_num_seqs;
       i = state.first_with_room()) {
    const PrefixHit hit = state.find_cached(state.waiting()[i]);
    const SeqId id = state.admit(plan, i, hit);
    EPH_ASSERT(state.reserve(id, hit.moved + 1), "no room for {} moved tokens", hit.moved);
    state.append_running(id);
  }
  while (!state.waiting().empty() && state.is_moved(state.waiting().front()) &&
         state.active() < options_.max_num_seqs) {
    const Sequence& head = state[state.waiting().front()];
    if (!has_room_for(state, head.prompt, head.max_output)) return;
    const PrefixHit hit = state.find_cached(state.waiting().front());
    const SeqId id = state.admit(plan, 0, hit);
    EPH_ASSERT(state.reserve(id, hit.moved + 1), "no room for {} moved tokens", hit.moved);
    state.append_running(id);
  }
}

bool SglangPolicy::has_room_for(const EngineState& state, std::int64_t prompt,
                                std::int64_t max_output) const {
  constexpr std::int64_t kReservedDecodeTokens = 512;
  std::int64_t tokens = prompt + std::min(kReservedDecodeTokens, max_output);
  for (const SeqId id : state.aside())
    tokens += std::min<std::int64_t>(kReservedDecodeTokens, state[id].max_output);
  return static_cast<double>(tokens) <= budget(state, to_come(state)).total;
}

void SglangPolicy::form_prefill(EngineState& state, BatchPlan& plan, std::int64_t expected) {
  if (chunked_) state.store(*chunked_);
  if ((batch_is_full_ || state.waiting().empty()) && !chunked_) return;
  const std::int64_t slots =
      options_.max_num_seqs - static_cast<std::int64_t>(state.running().size());
  if (slots <= 0 && !chunked_) {
    batch_is_full_ = true;
    return;
  }
  if (options_.prefix_caching && options_.schedule_policy == SchedulePolicy::lpm)
    sort_waiting(state);
  Budget left = budget(state, expected == kToBeCounted ? to_come(state) : expected);
  if (chunked_) continue_chunk(state, plan, left);
  while (!state.waiting().empty()) {
    if (left.count >= slots) {
      batch_is_full_ = true;
      break;
    }
    if (!add_head(state, plan, left)) break;
  }
  if (!options_.prefix_caching) return;
  std::int64_t pages = 0;
  for (const PlanEntry entry : plan.entries) pages += ceil_page(entry.tokens()) / page_;
  state.settle(pages);
}

// schedule_policy.py, SchedulePolicy.calc_priority.
void SglangPolicy::sort_waiting(EngineState& state) {
  if (state.waiting().size() > kLongestSortedQueue) return;
  places_.clear();
  first_new_.clear();
  const std::int64_t page = kInBatchTokens / page_;  // agreeing on it means to share more than 32
  for (std::size_t i = 0; i < state.waiting().size(); ++i) {
    const SeqId id = state.waiting()[i];
    Place place{id, i, state.find_cached(id).blocks};
    if (place.cached * page_ <= kInBatchTokens && (page + 1) * page_ <= state[id].missing()) {
      const RunKey key = state.run_key(id, page);
      if (std::find(first_new_.begin(), first_new_.end(), key) != first_new_.end())
        place.cached = -1;
      else
        first_new_.push_back(key);
    }
    places_.push_back(place);
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return std::tuple(-a.cached, a.at) < std::tuple(-b.cached, b.at);
  });
  order_.clear();
  for (const Place& place : places_) order_.push_back(place.seq);
  state.reorder_waiting(order_);
}

// Decodes take their pages first, then the prefill batch is made as ever from what is left of pages
// and budgets, and they are appended to it. Without pages for all of them only a decode step can
// run, which retracts.
void SglangPolicy::form_mixed(EngineState& state, BatchPlan& plan) {
  if (pages_needed(state) > state.kv().free()) return;
  const std::size_t decodes = state.running().size();
  for (const SeqId id : state.running()) state.grow_for_next(id);
  mixed_decodes_ = static_cast<std::int64_t>(decodes);
  form_prefill(state, plan, kToBeCounted);
  mixed_decodes_ = 0;
  if (plan.empty()) return;
  DecodeWriter writer(state, plan);
  const std::size_t taken =
      writer.take_run<DecodeWriter::Exhausted::take>(0, static_cast<std::int64_t>(decodes));
  EPH_ASSERT(taken == decodes, "{} of {} running sequences decode", taken, decodes);
}

std::int64_t SglangPolicy::pages_needed(const EngineState& state) const {
  if (draft_tokens_ > 0)
    return static_cast<std::int64_t>(state.running().size()) * (draft_tokens_ / page_);
  std::int64_t pages = 0;
  for (const SeqId id : state.running()) pages += state[id].computed == state[id].capacity ? 1 : 0;
  return pages;
}

std::int64_t SglangPolicy::to_come(const EngineState& state) const {
  std::int64_t tokens = 0;
  for (const SeqId id : state.running()) {
    const Sequence& s = state[id];
    tokens += clipped(s.max_output - s.generated);
  }
  return tokens;
}

SglangPolicy::Budget SglangPolicy::budget(const EngineState& state, std::int64_t to_come) const {
  Budget left;
  left.total =
      static_cast<double>(state.kv().free() * page_) - static_cast<double>(to_come) * ratio_;
  left.input = options_.max_num_batched_tokens - mixed_decodes_;
  left.chunk = options_.chunk_tokens - mixed_decodes_;
  return left;
}

// Continues even when the reservation leaves it nothing, as far as pages are free.
void SglangPolicy::continue_chunk(EngineState& state, BatchPlan& plan, Budget& left) {
  const SeqId id = *chunked_;
  const Sequence& s = state[id];
  const std::int64_t missing = s.missing();
  std::int64_t n = std::min(left.chunk, static_cast<std::int64_t>(left.total));
  if (n < missing && floor_page(n) <= 0) n = left.chunk;
  n = std::min({n, missing, s.capacity - s.computed + state.kv().free() * page_});
  if (n < missing) n = floor_page(n);
  if (n <= 0) return;
  EPH_ASSERT(state.reserve(id, s.computed + n), "no room for a chunk of {} tokens", n);
  state.schedule(plan, id, static_cast<std::int32_t>(n));
  const bool last = n == missing;
  charge(left, n, last ? clipped(s.max_output) : 0);
  if (!last) return;
  state.append_running(id);
  chunked_.reset();
}

// Takes the head of the queue into the batch; false: the batch is complete.
bool SglangPolicy::add_head(EngineState& state, BatchPlan& plan, Budget& left) {
  if (state.is_moved(state.waiting().front())) return false;  // for want of room
  const Sequence& head = state[state.waiting().front()];
  const PrefixHit hit = state.find_cached(state.waiting().front());
  left.total -= static_cast<double>(hit.idle * page_);  // locked first, then checked
  const std::int64_t cached = state.tokens_of(hit);
  const std::int64_t whole = head.missing() - cached;
  const std::int64_t need = whole + clipped(head.max_output - head.generated) + page_;
  if (static_cast<double>(need) >= left.total) {
    batch_is_full_ = true;
    return false;
  }
  if (ceil_page(whole) >= left.input && left.count > 0) return false;
  const bool cut = chunking_ && ceil_page(whole) > left.chunk;
  const std::int64_t n = cut ? floor_page(left.chunk) : whole;
  if (n <= 0 || (cut && chunked_)) return false;
  const SeqId id = state.admit(plan, 0, hit);
  EPH_ASSERT(state.reserve(id, cached + n), "no room for {} admitted tokens", n);
  state.schedule(plan, id, static_cast<std::int32_t>(n));
  if (cut)
    chunked_ = id;
  else
    state.append_running(id);
  charge(left, n, cut ? 0 : clipped(state[id].max_output));
  if (left.total <= 0) batch_is_full_ = true;
  return left.total > 0 && left.input > 0 && (!chunking_ || left.chunk > 0);
}

// One page on top for each admission, chunks included.
void SglangPolicy::charge(Budget& left, std::int64_t tokens, std::int64_t output) const {
  const std::int64_t pages = ceil_page(tokens);
  left.total -= static_cast<double>(pages + output + page_);
  left.input -= pages;
  left.chunk -= pages;
  ++left.count;
}

void SglangPolicy::form_decode(EngineState& state, BatchPlan& plan) {
  const auto at_most = static_cast<std::int64_t>(state.running().size());  // saves counting
  if ((draft_tokens_ == 0 && at_most <= state.kv().free()) ||
      pages_needed(state) <= state.kv().free()) {
    ratio_ = std::max(options_.new_token_ratio_min, ratio_ - decay_);
  } else {
    do retract(state, plan);
    while (lacks_room(state));
    if (state.running().empty()) return;  // the chunked request holds the rest
    const auto survivors = static_cast<std::int64_t>(state.running().size());
    state.make_available(ceil_page(survivors * options_.retract_decode_steps) / page_);
    std::int64_t generated = 0, permitted = 0;
    for (const SeqId id : state.running()) {
      generated += state[id].generated + options_.retract_decode_steps;
      permitted += state[id].max_output;
    }
    ratio_ = std::min(1.0, static_cast<double>(generated) / static_cast<double>(permitted + 1));
    batch_is_full_ = false;
  }
  if (draft_tokens_ > 0) return take_drafted(state, plan);
  const std::int64_t used_before = state.kv().used();
  for (const SeqId id : state.running()) state.grow_for_next(id);
  state.settle(state.kv().used() - used_before);
  DecodeWriter writer(state, plan);
  const std::size_t taken =
      writer.take_run<DecodeWriter::Exhausted::take>(0, options_.max_num_seqs);
  EPH_ASSERT(taken == state.running().size(), "{} of {} running sequences decode", taken,
             state.running().size());
}

void SglangPolicy::take_drafted(EngineState& state, BatchPlan& plan) const {
  state.settle(pages_needed(state));
  for (const SeqId id : state.running()) {
    const std::int32_t drafts = options_.speculation.drafts_of(state[id]);
    EPH_ASSERT(state.reserve(id, state[id].computed + 1 + drafts), "no room for {} drafts", drafts);
    state.schedule_drafted(plan, id, drafts);
  }
}

// Under mixed chunks the decodes have their pages when the batch is settled.
void SglangPolicy::advance(EngineState& state, std::span<const PlanEntry> entries,
                           std::int64_t steps) {
  state.decode_on(entries, steps,
                  options_.mixed_chunk ? EngineState::Settling::no : EngineState::Settling::yes);
  pass(steps);
}

std::int64_t SglangPolicy::lane_width(const EngineState& state) const {
  if (options_.mixed_chunk || draft_tokens_ > 0 || chunked_ || reopens_) return 0;
  return moved_waits(state) || state.active() == 0 ? 0 : options_.max_num_seqs;
}

void SglangPolicy::form_prompts(EngineState& state, BatchPlan& plan, std::int64_t to_come) {
  form_prefill(state, plan, to_come);
}

// Prompts come in steps of their own.
void SglangPolicy::admit(EngineState&, BatchPlan& plan, std::int64_t) {
  if (!plan.empty()) pass(1);
}

void SglangPolicy::pass(std::int64_t steps) {
  for (; steps > 0; --steps) {
    const double before = ratio_;
    ratio_ = std::max(options_.new_token_ratio_min, ratio_ - decay_);
    if (ratio_ == before) break;
  }
}

bool SglangPolicy::lacks_room(const EngineState& state) const {
  const std::int64_t free = state.kv().free();
  if (pages_needed(state) > free) return true;
  const auto survivors = static_cast<std::int64_t>(state.running().size());
  if (!options_.sglang.retract_to_headroom || survivors < 2) return false;
  return ceil_page(survivors * options_.retract_decode_steps) / page_ > free;
}

// The victim has the fewest known outputs; ties: the longest prompt, then the last in the batch.
SeqId SglangPolicy::victim(const EngineState& state) const {
  const std::vector<SeqId>& running = state.running();
  if (draft_tokens_ > 0) return running.back();
  const auto rank = [&state](SeqId id) {
    return std::tuple(state[id].generated, -state[id].prompt);
  };
  SeqId victim = running.front();
  for (const SeqId id : running)
    if (rank(id) <= rank(victim)) victim = id;
  return victim;
}

// The last one goes only when the rest of the pool belongs to the chunked request, or to KV that is
// to come.
void SglangPolicy::retract(EngineState& state, BatchPlan& plan) {
  EPH_ASSERT(state.running().size() > 1 || chunked_.has_value() || !state.aside().empty(),
             "{} running sequences outgrow the pool", state.running().size());
  state.preempt(plan, victim(state), EngineState::Requeue::back);
  state.drop_inactive();
}

}  // namespace eph::sim
