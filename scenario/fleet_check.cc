#include "scenario/fleet_check.h"

#include <algorithm>
#include <set>

#include "core/text.h"
#include "scenario/autoscale_options.h"
#include "scenario/fault_texts.h"
#include "scenario/fleet.h"
#include "scenario/router_options.h"

namespace eph::scenario {
namespace {

struct Need {
  std::string_view id, other;
};

// Keys that mean something only with another one.
constexpr Need kNeeds[] = {
    {"fleet/autoscale", "fleet/autoscaler"},
    {"fleet/upgrade_surge", "fleet/upgrade_at"},
    {"fleet/upgrade_unavailable", "fleet/upgrade_at"},
    {"fleet/node_repair", "fleet/node_mtbf"},
    {"fleet/gpu_repair", "fleet/gpu_mtbf"},
    {"fleet/zone_repair", "fleet/zone_mtbf"},
    {"fleet/straggler_factor", "fleet/straggler_share"},
    {"fleet/rate_burst", "fleet/rate_limit"},
    {"fleet/shed_above", "fleet/shed_classes"},
    {"fleet/shed_classes", "fleet/shed_above"},
    {"fleet/placement", "fleet/nodes"},
    {"fleet/anti_affinity", "fleet/nodes"},
    {"disaggregation/tp", "disaggregation/replicas"},
    {"disaggregation/pp", "disaggregation/replicas"},
    {"disaggregation/max_num_batched_tokens", "disaggregation/replicas"},
    {"disaggregation/flow", "disaggregation/replicas"},
    {"disaggregation/local_prompt", "disaggregation/replicas"},
    {"disaggregation/kv_lease", "disaggregation/replicas"},
    {"disaggregation/autoscaler", "disaggregation/replicas"},
    {"disaggregation/autoscale", "disaggregation/autoscaler"},
};

bool has_spot(const Scenario& scenario) {
  return scenario.fleet.reclaims_per_hour > 0 ||
         std::any_of(scenario.pools.begin(), scenario.pools.end(),
                     [](const PoolSpec& pool) { return pool.reclaims_per_hour.value_or(0) > 0; });
}

bool scales_first(const Scenario& scenario) {
  const FleetSpec& fleet = scenario.fleet;
  return scales(fleet.autoscaler, fleet.autoscale, scenario.deployment.replicas);
}
bool scales_prefill(const Scenario& scenario) {
  const DisaggregationSpec& split = scenario.disaggregation;
  return scales(split.autoscaler, split.autoscale, split.replicas);
}
// Some pool starts a replica after the beginning.
bool starts_replicas(const Scenario& scenario) {
  const FleetSpec& fleet = scenario.fleet;
  return scales_first(scenario) || scales_prefill(scenario) || fleet.breaks() ||
         fleet.upgrade_at_s.has_value() || has_spot(scenario);
}

// What a pool's outages and stragglers may name.
struct PoolFacts {
  std::string name;
  int replicas = 1, replicas_per_node = 1;
  bool grows = false;  // it may have more replicas later
};

std::vector<PoolFacts> pools_of(const Scenario& scenario) {
  const FleetSpec& fleet = scenario.fleet;
  const DisaggregationSpec& split = scenario.disaggregation;
  const auto facts = [&](std::string_view name, const DeploymentSpec& d,
                         const std::string& autoscaler, const std::vector<std::string>& settings,
                         std::optional<double> reclaims = {}) {
    const bool grows =
        fleet.upgrade_at_s.has_value() || reclaims.value_or(fleet.reclaims_per_hour) > 0;
    const std::optional<int> fixed = fixed_count(autoscaler, settings, d.replicas);
    return PoolFacts{
        std::string(name), std::max(d.replicas, fixed.value_or(0)),
        fleet.replicas_per_node.value_or(std::max(1, kGpusOfANode / std::max(1, d.layout.gpus()))),
        grows || (!fixed && !autoscaler.empty())};
  };
  const bool planned = split.replicas > 0 && split.autoscaler == "dynamo";
  std::vector<PoolFacts> out{facts(first_pool_name(scenario), scenario.deployment,
                                   planned ? split.autoscaler : fleet.autoscaler, fleet.autoscale)};
  if (split.replicas > 0)
    out.push_back(
        facts("prefill", prefill_deployment(scenario), split.autoscaler, split.autoscale));
  for (const PoolSpec& pool : scenario.pools)
    out.push_back(facts(pool.name, pool.deployment, {}, {}, pool.reclaims_per_hour));
  return out;
}

// The pool that a text names; null, and a conflict, where there is none.
const PoolFacts* find_pool(Checker& check, std::string_view id, const std::string& text,
                           const std::string& name, const std::vector<PoolFacts>& pools) {
  if (name.empty()) return &pools.front();
  std::vector<std::string> names;
  for (const PoolFacts& pool : pools) {
    if (pool.name == name) return &pool;
    names.push_back(pool.name);
  }
  check.conflict(id, fmt::format("\"{}\": there is no pool \"{}\"", text, name),
                 suggest(name, names));
  return nullptr;
}

// Of things numbered from 0 there are `count`.
void check_number(Checker& check, std::string_view id, const std::string& text,
                  std::string_view thing, std::uint32_t number, std::int64_t count) {
  if (number < count) return;
  check.conflict(id, fmt::format("\"{}\": there is no {} {}", text, thing, number),
                 count == 1 ? fmt::format("there is {} 0 alone", thing)
                            : fmt::format("they are numbered 0 to {}", count - 1));
}

void check_outage(Checker& check, const FleetSpec& fleet, const std::vector<PoolFacts>& pools,
                  const std::string& text) {
  constexpr std::string_view id = "fleet/outages";
  const auto parsed = parse_outage(text);
  if (!parsed) return check.conflict(id, parsed.error().what, parsed.error().remedy);
  const sim::Outage& outage = parsed->outage;
  const bool shared = fleet.nodes > 0 && outage.kind != sim::FaultKind::gpu;
  if (shared && !parsed->pool.empty())
    return check.conflict(id,
                          fmt::format("\"{}\": with nodes all pools stand on the same ones", text),
                          "leave the pool's name out");
  if (!parsed->lasts && fleet.waits_for_repairs())
    return check.conflict(id, fmt::format("\"{}\" does not say how long", text),
                          "add how long, as in \"for 5 min\": its repair is waited for");
  const PoolFacts* pool = find_pool(check, id, text, parsed->pool, pools);
  if (pool == nullptr) return;
  if (outage.kind == sim::FaultKind::zone)
    return check_number(check, id, text, "zone", outage.number, fleet.zones);
  if (shared) return check_number(check, id, text, "node", outage.number, fleet.nodes);
  if (pool->grows && fleet.capacity == 0) return;
  const int replicas = pool->grows ? std::max(fleet.capacity, pool->replicas) : pool->replicas;
  if (outage.kind == sim::FaultKind::gpu)
    return check_number(check, id, text, "replica", outage.number, replicas);
  check_number(check, id, text, "node", outage.number,
               (replicas + pool->replicas_per_node - 1) / pool->replicas_per_node);
}

void check_straggler(Checker& check, const FleetSpec& fleet, const std::vector<PoolFacts>& pools,
                     const std::string& text) {
  constexpr std::string_view id = "fleet/stragglers";
  const auto parsed = parse_straggler(text);
  if (!parsed) return check.conflict(id, parsed.error().what, parsed.error().remedy);
  const PoolFacts* pool = find_pool(check, id, text, parsed->pool, pools);
  if (pool == nullptr || (pool->grows && fleet.capacity == 0)) return;
  const int replicas = pool->grows ? std::max(fleet.capacity, pool->replicas) : pool->replicas;
  check_number(check, id, text, "replica", parsed->straggler.replica, replicas);
}

void check_starts(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  const bool spot = has_spot(scenario);
  const bool starts = starts_replicas(scenario);
  check.needs("fleet/spot_notice", spot || check.has("fleet/spot_reclaims_per_hour"),
              fmt::format("without {}", check.spell("fleet/spot_reclaims_per_hour")),
              fmt::format("give {} too", check.spell("fleet/spot_reclaims_per_hour")));
  for (const std::string_view id :
       {"fleet/start", "fleet/cloud", "fleet/start_provision", "fleet/start_image",
        "fleet/start_weights", "fleet/start_init", "fleet/warm_nodes", "fleet/capacity"})
    check.needs(id, starts, "where no replica starts",
                "give an autoscaler, failures or an upgrade");
  check.needs("fleet/cloud", spec.start == "fitted", "on instant starts",
              fmt::format("leave {} out", check.spell("fleet/start")));
  check.needs("fleet/cloud", !(spec.weights && spec.init), "where both times are given",
              fmt::format("leave out {} or {}", check.spell("fleet/start_weights"),
                          check.spell("fleet/start_init")));
  check.needs(
      "fleet/drain_limit",
      scales_first(scenario) || scales_prefill(scenario) || spec.upgrade_at_s.has_value() || spot,
      "where no replica is stopped", "give an autoscaler, an upgrade or spot machines");
}

void check_autoscaler(Checker& check, std::string_view section, const std::string& policy,
                      const std::vector<std::string>& settings) {
  if (policy.empty()) return;
  const std::string own = fmt::format("{}/autoscale", section);
  const auto parsed = parse_autoscaler(policy, settings);
  if (!parsed)
    check.conflict(check.has(own) ? own : own + "r", parsed.error().what, parsed.error().remedy);
}

void check_rule(Checker& check, const std::string& place, const RuleSpec& rule) {
  if (rule.min_prompt && rule.max_prompt && *rule.min_prompt > *rule.max_prompt)
    check.conflict(place + "/max_prompt",
                   fmt::format("no prompt is at least {} and at most {} tokens long",
                               *rule.min_prompt, *rule.max_prompt),
                   fmt::format("let it be {} or more", *rule.min_prompt));
}

void check_pools(Checker& check, const Scenario& scenario) {
  const FleetSpec& fleet = scenario.fleet;
  for (const std::string_view id : {"fleet/min_prompt", "fleet/max_prompt", "fleet/classes",
                                    "fleet/spill_above", "fleet/pool_order"})
    check.needs(id, !scenario.pools.empty(), "without further pools",
                "give pools in a scenario file");
  check_rule(check, "fleet", fleet.rule);
  std::set<std::string> names{std::string(first_pool_name(scenario))};
  for (std::size_t i = 0; i < scenario.pools.size(); ++i) {
    const PoolSpec& pool = scenario.pools[i];
    const std::string place = fmt::format("pools/{}", i);
    check_rule(check, place, pool.rule);
    if (!names.insert(pool.name).second)
      check.conflict(place + "/name", fmt::format("two pools are called \"{}\"", pool.name),
                     "give each a name of its own");
    if (pool.deployment.replicas == 0)
      check.conflict(place + "/replicas",
                     fmt::format("pool \"{}\" has 0 replicas, which serve nobody", pool.name),
                     "give it at least 1: only the first pool has an autoscaler");
    if (fleet.nodes > 0 && pool.deployment.gpu != scenario.deployment.gpu)
      check.conflict(place + "/gpu",
                     "all pools stand on the same nodes, which have one kind of GPU",
                     fmt::format("leave {} out", check.spell("fleet/nodes")));
    if (i + 1 == scenario.pools.size() && fleet.pool_order == "file")
      check.needs(place + "/spill_above", false, "on the last pool",
                  "there is no next one: leave it out");
  }
}

void check_disaggregation(Checker& check, const Scenario& scenario) {
  const DisaggregationSpec& split = scenario.disaggregation;
  check.needs("deployment/topology",
              split.replicas > 0 || scenario.deployment.layout.gpus() > kGpusOfANode ||
                  scenario.fleet.nodes > 0,
              "on replicas of one node",
              "give prefill workers, nodes, or a replica of more than 8 GPUs");
  if (split.replicas == 0) return;
  if (!scenario.pools.empty())
    check.conflict("disaggregation/replicas", "prefill workers cannot stand beside further pools",
                   "give one of the two");
  if (scenario.deployment.engine == "llamacpp")
    check.conflict("disaggregation/replicas", "llama.cpp has no separate prefill workers",
                   "choose another engine");
  check_autoscaler(check, "disaggregation", split.autoscaler, split.autoscale);
  if (split.autoscaler != "dynamo") return;
  if (!scenario.fleet.autoscaler.empty())
    check.conflict("disaggregation/autoscaler", "dynamo sets the number of decode workers too",
                   fmt::format("leave {} out", check.spell("fleet/autoscaler")));
  for (const std::string& setting : split.autoscale)
    if (const std::string name = autoscale_setting_name(split.autoscaler, setting);
        name.starts_with("scrape_") || name.starts_with("gpus_per_"))
      check.conflict("disaggregation/autoscale", fmt::format("{} has no effect here", setting),
                     "GPUs are the workers' own, metrics are current");
}

void check_failures(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  for (const std::string_view id : {"fleet/failure_detection", "fleet/replace"})
    check.needs(id, spec.fails(), "where nothing breaks",
                "give a time between failures or outages");
  for (const std::string_view id : {"fleet/lost_work", "fleet/max_retries", "fleet/retry_delay"})
    check.needs(id,
                spec.breaks() || has_spot(scenario) || spec.drain_limit_s > 0 ||
                    (scenario.disaggregation.replicas > 0 && kv_lease_s(scenario) > 0),
                "where no replica is lost", "give failures or a drain limit");
  check.needs("fleet/max_retries", spec.lost_work == "retry", "on work that is lost",
              fmt::format("let {} be retry", check.spell("fleet/lost_work")));
  check.needs("fleet/retry_delay", spec.lost_work == "retry", "on work that is lost",
              fmt::format("let {} be retry", check.spell("fleet/lost_work")));
  const std::vector<PoolFacts> pools = pools_of(scenario);
  for (const std::string& text : spec.outages) check_outage(check, spec, pools, text);
  for (const std::string& text : spec.stragglers) check_straggler(check, spec, pools, text);
}

void check_places(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  const auto fail = [&](sim::FaultKind kind) {
    return std::any_of(spec.outages.begin(), spec.outages.end(), [&](const std::string& text) {
      const auto one = parse_outage(text);
      return one && one->outage.kind == kind;
    });
  };
  const bool zones = spec.zone_mtbf_s > 0 || fail(sim::FaultKind::zone);
  check.needs("fleet/zones", zones, "where no zone fails",
              fmt::format("give {} or an outage of a zone", check.spell("fleet/zone_mtbf")));
  check.needs("fleet/replicas_per_node",
              zones || spec.node_mtbf_s > 0 || fail(sim::FaultKind::node), "where no node fails",
              fmt::format("give {} or an outage of a node", check.spell("fleet/node_mtbf")));
  if (spec.capacity > 0) {
    for (const PoolFacts& pool : pools_of(scenario))
      if (pool.replicas > spec.capacity)
        check.conflict("fleet/capacity",
                       fmt::format("there are machines for {} replicas, and pool {} has {}",
                                   spec.capacity, pool.name, pool.replicas),
                       "give at least as many");
  }
  if (spec.nodes == 0) return;
  for (const std::string_view id :
       {"fleet/capacity", "fleet/replicas_per_node", "fleet/replace", "fleet/warm_nodes"})
    check.needs(id, false, fmt::format("beside {}", check.spell("fleet/nodes")),
                "what there is, fails and is free follows from the nodes");
}

void check_prices(Checker& check, const Scenario& scenario) {
  std::vector<std::string> places{"fleet"};
  for (std::size_t i = 0; i < scenario.pools.size(); ++i)
    places.push_back(fmt::format("pools/{}", i));
  for (const std::string& place : places)
    for (const char* list : {"/provider", "/commitment"})
      if (check.has(place + "/usd_per_gpu_hour") && check.has(place + list))
        check.conflict(place + "/usd_per_gpu_hour", "a price of one's own is in no list",
                       "give it, or a provider and a commitment");
}

void check_gateway(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  const bool waits = spec.max_in_flight > 0 || starts_replicas(scenario);
  check.needs(
      "fleet/queue_limit", waits, "where no request ever waits in the gateway",
      fmt::format("give {}, an autoscaler or failures", check.spell("fleet/max_in_flight")));
  const sim::RouterKind router = scenario.deployment.router;
  sim::RoutingOptions routing;
  if (const auto ok = apply_router_settings(router, spec.router_options, routing); !ok)
    check.conflict("fleet/router_options", ok.error().what, ok.error().remedy);
  check.needs("fleet/load_bound",
              router == sim::RouterKind::session_affinity || router == sim::RouterKind::prefix_hash,
              fmt::format("on {}", sim::name(router)),
              fmt::format("choose {} session-affinity", check.spell("deployment/router")));
  check.needs("fleet/router_staleness",
              router != sim::RouterKind::round_robin && router != sim::RouterKind::random,
              fmt::format("on {}", sim::name(router)), "it does not look at the replicas' load");
}

void check_scaling(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  check_autoscaler(check, "fleet", spec.autoscaler, spec.autoscale);
  if (scenario.deployment.replicas == 0 && spec.autoscaler.empty() &&
      check.has("deployment/replicas"))
    check.conflict("deployment/replicas", "0 replicas serve nobody",
                   fmt::format("simulate at least 1, or give {}", check.spell("fleet/autoscaler")));
  if (scenario.deployment.replicas == 0 &&
      fixed_count(spec.autoscaler, spec.autoscale, scenario.deployment.replicas) == 0)
    check.conflict("deployment/replicas", "0 replicas, held fixed, serve nobody",
                   fmt::format("give {} replicas=N", check.spell("fleet/autoscale")));
  if (scenario.deployment.replicas == 0 && spec.autoscaler == "hpa")
    check.conflict("deployment/replicas", "the HPA is off at 0 replicas and never starts one",
                   "begin with at least 1, or take keda, knative, ray-serve or serverless");
  if (!spec.upgrade_at_s) return;
  if (spec.upgrade_surge == 0 && spec.upgrade_unavailable == 0)
    check.conflict("fleet/upgrade_at",
                   "an upgrade with neither a surge nor a missing replica never begins",
                   "allow one of them");
  if (spec.capacity > 0 && spec.capacity <= scenario.deployment.replicas &&
      spec.upgrade_unavailable == 0)
    check.conflict("fleet/upgrade_at",
                   fmt::format("an upgrade without a missing replica needs a place more than {}",
                               spec.capacity),
                   fmt::format("give {} of 1, or more {}", check.spell("fleet/upgrade_unavailable"),
                               check.spell("fleet/capacity")));
}

// The other key is there, and says none.
void check_values(Checker& check, const Scenario& scenario) {
  const FleetSpec& fleet = scenario.fleet;
  const std::pair<bool, Need> needs[] = {
      {fleet.straggler_share > 0, {"fleet/straggler_factor", "fleet/straggler_share"}},
      {fleet.gpu_mtbf_s > 0, {"fleet/gpu_repair", "fleet/gpu_mtbf"}},
      {fleet.node_mtbf_s > 0, {"fleet/node_repair", "fleet/node_mtbf"}},
      {fleet.zone_mtbf_s > 0, {"fleet/zone_repair", "fleet/zone_mtbf"}}};
  for (const auto& [on, need] : needs)
    if (check.has(need.other))
      check.needs(need.id, on, fmt::format("where {} is 0", check.spell(need.other)),
                  "let it be above 0");
  if (scenario.disaggregation.replicas > 0 || !check.has("disaggregation/replicas")) return;
  for (const Need& need : kNeeds)
    if (need.other == "disaggregation/replicas")
      check.needs(need.id, false, fmt::format("where {} is 0", check.spell(need.other)),
                  "let it be above 0");
}

}  // namespace

void check_fleet(Checker& check, const Scenario& scenario) {
  for (const Need& need : kNeeds)
    check.needs(need.id, check.has(need.other), fmt::format("without {}", check.spell(need.other)),
                fmt::format("give {} too", check.spell(need.other)));
  check_values(check, scenario);
  check_starts(check, scenario);
  check_failures(check, scenario);
  check_places(check, scenario);
  check_scaling(check, scenario);
  check_pools(check, scenario);
  check_disaggregation(check, scenario);
  check_gateway(check, scenario);
  check_prices(check, scenario);
}

}  // namespace eph::scenario
