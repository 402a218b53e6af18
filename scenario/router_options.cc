#include "scenario/router_options.h"

#include <fmt/format.h>

#include <cmath>
#include <variant>

#include "core/text.h"
#include "sim/router.h"

namespace eph::scenario {
namespace {

using sim::RouterKind;
using sim::RoutingOptions;
using Place = std::variant<double*, std::int64_t*, std::int32_t*, Duration*>;

struct Row {
  RouterKind router;
  std::string_view name;
  Place place;
  std::string_view help;
};

std::vector<Row> rows(RoutingOptions& o) {
  using enum RouterKind;
  sim::CacheAwareOptions& c = o.cache_aware;
  sim::LlmdOptions& l = o.llm_d;
  sim::DynamoKvOptions& d = o.dynamo_kv;
  return {
      {prefix_hash, "prefix_tokens", &o.prefix_hash.prefix_tokens, "leading tokens that decide"},
      {cache_aware, "cache_threshold", &c.cache_threshold, "share of the prompt that must match"},
      {cache_aware, "balance_abs_threshold", &c.balance_abs_threshold,
       "requests between most and least loaded, above which load decides"},
      {cache_aware, "balance_rel_threshold", &c.balance_rel_threshold, "and their ratio"},
      {cache_aware, "eviction_interval", &c.eviction_interval, "between evictions from the trees"},
      {cache_aware, "max_tree_size", &c.max_tree_size, "characters of a replica's tree"},
      {cache_aware, "chars_per_token", &c.chars_per_token, "characters that a token stands for"},
      {llm_d, "queue_weight", &l.queue_weight, "weight of the queue scorer"},
      {llm_d, "kv_cache_utilization_weight", &l.kv_cache_utilization_weight,
       "weight of the KV cache scorer"},
      {llm_d, "prefix_cache_weight", &l.prefix_cache_weight, "weight of the prefix scorer"},
      {llm_d, "block_tokens", &l.block_tokens, "tokens of a hashed block"},
      {llm_d, "max_prefix_blocks", &l.max_prefix_blocks, "blocks looked at in a prompt"},
      {llm_d, "lru_capacity_per_server", &l.lru_capacity_per_server,
       "blocks remembered of a replica"},
      {dynamo_kv, "overlap_weight", &d.overlap_weight, "credit of a cached block"},
      {dynamo_kv, "prefill_load_scale", &d.prefill_load_scale, "weight of prefill blocks"},
      {dynamo_kv, "block_tokens", &d.block_tokens, "tokens of a block"},
      {dynamo_kv, "ttl", &d.ttl, "time for which a block is believed cached"},
      {dynamo_kv, "max_tree_size", &d.max_tree_size, "blocks remembered of all replicas"},
      {dynamo_kv, "prune_target_ratio", &d.prune_target_ratio, "share of them kept when pruned"},
  };
}

std::string text_of(const Place& place) {
  if (const auto* real = std::get_if<double*>(&place)) return number(**real);
  if (const auto* time = std::get_if<Duration*>(&place))
    return fmt::format("{} s", number((*time)->seconds()));
  if (const auto* wide = std::get_if<std::int64_t*>(&place)) return fmt::to_string(**wide);
  return fmt::to_string(*std::get<std::int32_t*>(place));
}

Result<void> put(const Row& row, std::string_view text) {
  if (const auto* time = std::get_if<Duration*>(&row.place)) {
    const auto bare = parse_double(text);
    const Result<Seconds> parsed = bare ? Result<Seconds>(Seconds{*bare}) : parse_seconds(text);
    if (!parsed) return parsed.error();
    if (!(parsed->value >= 0 && parsed->value < 1e9))
      return usage_error(fmt::format("{}={} is out of range", row.name, text), "give a time");
    **time = Duration::from_seconds(parsed->value);
    return {};
  }
  if (const auto* real = std::get_if<double*>(&row.place)) {
    const auto value = parse_double(text);
    if (!value) return usage_error(fmt::format("{}=\"{}\" is not a number", row.name, text));
    **real = *value;
    return {};
  }
  const auto value = parse_int(text);
  if (!value || std::abs(*value) > 2'000'000'000)
    return usage_error(fmt::format("{}=\"{}\" is not a whole number up to 2e9", row.name, text));
  if (const auto* wide = std::get_if<std::int64_t*>(&row.place))
    **wide = *value;
  else
    *std::get<std::int32_t*>(row.place) = static_cast<std::int32_t>(*value);
  return {};
}

}  // namespace

std::vector<RouterSetting> router_settings() {
  RoutingOptions defaults;
  std::vector<RouterSetting> out;
  for (const Row& row : rows(defaults))
    out.push_back({row.router, row.name, text_of(row.place), row.help});
  return out;
}

Result<void> apply_router_settings(RouterKind router, std::span<const std::string> settings,
                                   RoutingOptions& out) {
  const std::vector<Row> all = rows(out);
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    std::vector<std::string> known;
    const Row* found = nullptr;
    for (const Row& row : all) {
      if (row.router != router) continue;
      known.emplace_back(row.name);
      if (row.name == name) found = &row;
    }
    if (known.empty())
      return usage_error(fmt::format("router {} has no settings", sim::name(router)),
                         "leave them out");
    if (found == nullptr || equals == std::string::npos)
      return usage_error(fmt::format("router {} has no setting \"{}\"", sim::name(router), setting),
                         fmt::format("write NAME=VALUE with one of {}", fmt::join(known, ", ")));
    if (auto ok = put(*found, std::string_view(setting).substr(equals + 1)); !ok) return ok;
  }
  return sim::check(router, out);
}

}  // namespace eph::scenario
