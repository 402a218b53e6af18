#include "sim/router.h"

#include <array>
#include <cmath>
#include <utility>

#include "sim/routers/cache_aware.h"
#include "sim/routers/dynamo_kv.h"
#include "sim/routers/llm_d.h"
#include "sim/routers/ring_routers.h"
#include "sim/routers/simple.h"

namespace eph::sim {
namespace {

constexpr std::array<std::pair<RouterKind, std::string_view>, 10> kNames{{
    {RouterKind::least_outstanding, "least-outstanding"},
    {RouterKind::least_tokens, "least-tokens"},
    {RouterKind::round_robin, "round-robin"},
    {RouterKind::random, "random"},
    {RouterKind::power_of_two, "power-of-two"},
    {RouterKind::session_affinity, "session-affinity"},
    {RouterKind::prefix_hash, "prefix-hash"},
    {RouterKind::cache_aware, "cache-aware"},
    {RouterKind::llm_d, "llm-d"},
    {RouterKind::dynamo_kv, "dynamo-kv"},
}};

bool at_least(double value, double least) { return value >= least && std::isfinite(value); }

Result<void> check_ring(const RoutingOptions& o) {
  if (at_least(o.load_bound, 1)) return {};
  return usage_error(fmt::format("load bound of {}", o.load_bound),
                     "give the most load of a replica in mean loads, 1 or above");
}

Result<void> check_cache_aware(const CacheAwareOptions& o) {
  if (!(o.cache_threshold >= 0 && o.cache_threshold <= 1))
    return usage_error(fmt::format("cache threshold of {}", o.cache_threshold),
                       "give a share of the prompt, from 0 to 1");
  if (o.balance_abs_threshold < 0 || !at_least(o.balance_rel_threshold, 0))
    return usage_error(fmt::format("balance thresholds of {} and {}", o.balance_abs_threshold,
                                   o.balance_rel_threshold),
                       "give zero or above");
  if (o.eviction_interval <= Duration::zero() || o.max_tree_size < 1 ||
      !(at_least(o.chars_per_token, 0) && o.chars_per_token > 0))
    return usage_error(
        fmt::format("eviction every {} s to {} characters, {} of a token",
                    o.eviction_interval.seconds(), o.max_tree_size, o.chars_per_token),
        "give figures above zero");
  return {};
}

Result<void> check_llm_d(const LlmdOptions& o) {
  if (!at_least(o.queue_weight, 0) || !at_least(o.kv_cache_utilization_weight, 0) ||
      !at_least(o.prefix_cache_weight, 0))
    return usage_error(fmt::format("scorer weights of {}, {} and {}", o.queue_weight,
                                   o.kv_cache_utilization_weight, o.prefix_cache_weight),
                       "give zero or above");
  if (o.block_tokens < 1 || o.max_prefix_blocks < 1 || o.lru_capacity_per_server < 1)
    return usage_error(fmt::format("{} blocks of a prompt and {} of a server, of {} tokens",
                                   o.max_prefix_blocks, o.lru_capacity_per_server, o.block_tokens),
                       "give one at least");
  return {};
}

Result<void> check_dynamo(const DynamoKvOptions& o) {
  if (!at_least(o.overlap_weight, 0) || !at_least(o.prefill_load_scale, 0))
    return usage_error(fmt::format("overlap weight of {} and prefill load scale of {}",
                                   o.overlap_weight, o.prefill_load_scale),
                       "give zero or above");
  if (o.block_tokens < 1 || o.ttl <= Duration::zero() || o.max_tree_size < 1 ||
      !(o.prune_target_ratio > 0 && o.prune_target_ratio <= 1))
    return usage_error(
        fmt::format("{} blocks of {} tokens kept for {} s, pruned to {} of them", o.max_tree_size,
                    o.block_tokens, o.ttl.seconds(), o.prune_target_ratio),
        "give figures above zero, and a share of 1 at most");
  return {};
}

}  // namespace

std::string_view name(RouterKind kind) {
  for (const auto& [known, text] : kNames)
    if (known == kind) return text;
  EPH_ASSERT(false, "router {}", static_cast<int>(kind));
  return {};
}

std::optional<RouterKind> parse_router(std::string_view text) {
  for (const auto& [kind, known] : kNames)
    if (known == text) return kind;
  return std::nullopt;
}

std::vector<std::string_view> router_names() {
  std::vector<std::string_view> out;
  for (const auto& entry : kNames) out.push_back(entry.second);
  return out;
}

std::unique_ptr<Router> make_router(RouterKind kind, const RoutingOptions& options,
                                    const StreamKey& draws) {
  switch (kind) {
    case RouterKind::round_robin:
      return std::make_unique<RoundRobinRouter>();
    case RouterKind::least_outstanding:
      return std::make_unique<LeastOutstandingRouter>();
    case RouterKind::least_tokens:
      return std::make_unique<LeastTokensRouter>();
    case RouterKind::random:
      return std::make_unique<RandomRouter>(draws);
    case RouterKind::power_of_two:
      return std::make_unique<PowerOfTwoRouter>(draws);
    case RouterKind::session_affinity:
      return std::make_unique<SessionAffinityRouter>(options.load_bound);
    case RouterKind::prefix_hash:
      return std::make_unique<PrefixHashRouter>(options.prefix_hash, options.load_bound);
    case RouterKind::cache_aware:
      return std::make_unique<CacheAwareRouter>(options.cache_aware);
    case RouterKind::llm_d:
      return std::make_unique<LlmdRouter>(options.llm_d, draws);
    case RouterKind::dynamo_kv:
      return std::make_unique<DynamoKvRouter>(options.dynamo_kv, options.staleness);
  }
  EPH_ASSERT(false, "router {}", static_cast<int>(kind));
  return nullptr;
}

Result<void> check(RouterKind kind, const RoutingOptions& options) {
  if (options.staleness < Duration::zero())
    return usage_error(fmt::format("staleness of {} s", options.staleness.seconds()),
                       "give zero or above");
  switch (kind) {
    case RouterKind::session_affinity:
      return check_ring(options);
    case RouterKind::prefix_hash:
      if (options.prefix_hash.prefix_tokens < 1)
        return usage_error(fmt::format("prefix of {} tokens", options.prefix_hash.prefix_tokens),
                           "give one at least");
      return check_ring(options);
    case RouterKind::cache_aware:
      return check_cache_aware(options.cache_aware);
    case RouterKind::llm_d:
      return check_llm_d(options.llm_d);
    case RouterKind::dynamo_kv:
      return check_dynamo(options.dynamo_kv);
    default:
      return {};
  }
}

Duration default_staleness(RouterKind kind) {
  return kind == RouterKind::llm_d ? Duration{50'000'000} : Duration::zero();
}

}  // namespace eph::sim
