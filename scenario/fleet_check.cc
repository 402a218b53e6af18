#include "scenario/fleet_check.h"

#include "scenario/autoscale_options.h"
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
    {"fleet/spot_notice", "fleet/spot_reclaims_per_hour"},
    {"fleet/rate_burst", "fleet/rate_limit"},
    {"fleet/shed_above", "fleet/shed_classes"},
    {"fleet/shed_classes", "fleet/shed_above"},
    {"disaggregation/tp", "disaggregation/replicas"},
    {"disaggregation/pp", "disaggregation/replicas"},
    {"disaggregation/max_num_batched_tokens", "disaggregation/replicas"},
    {"disaggregation/flow", "disaggregation/replicas"},
    {"disaggregation/local_prompt", "disaggregation/replicas"},
    {"disaggregation/autoscaler", "disaggregation/replicas"},
    {"disaggregation/autoscale", "disaggregation/autoscaler"},
};

template <class Parse>
void check_texts(Checker& check, std::string_view id, const std::vector<std::string>& texts,
                 Parse parse) {
  for (const std::string& text : texts)
    if (const auto parsed = parse(text); !parsed)
      check.conflict(id, parsed.error().what, parsed.error().remedy);
}

void check_starts(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  const bool starts = spec.starts_replicas() || !scenario.disaggregation.autoscaler.empty();
  for (const std::string_view id :
       {"fleet/start", "fleet/cloud", "fleet/start_provision", "fleet/start_image",
        "fleet/start_weights", "fleet/start_init", "fleet/warm_nodes"})
    check.needs(id, starts, "where no replica starts",
                "give an autoscaler, failures or an upgrade");
  check.needs("fleet/cloud", spec.start == "fitted", "on instant starts",
              fmt::format("leave {} out", check.spell("fleet/start")));
  check.needs("fleet/drain_limit", !spec.autoscaler.empty() || spec.upgrade_at_s.has_value(),
              "where no replica is stopped", "give an autoscaler or an upgrade");
}

void check_autoscaler(Checker& check, std::string_view section, const std::string& policy,
                      const std::vector<std::string>& settings) {
  if (policy.empty()) return;
  const std::string own = fmt::format("{}/autoscale", section);
  const auto parsed = parse_autoscaler(policy, settings);
  if (!parsed)
    check.conflict(check.has(own) ? own : own + "r", parsed.error().what, parsed.error().remedy);
}

void check_pools(Checker& check, const Scenario& scenario) {
  const DisaggregationSpec& split = scenario.disaggregation;
  for (const std::string_view id :
       {"fleet/min_prompt", "fleet/max_prompt", "fleet/classes", "fleet/spill_above"})
    check.needs(id, !scenario.pools.empty(), "without further pools", "give pools in a scenario file");
  check.needs("deployment/topology",
              split.replicas > 0 || scenario.deployment.layout.gpus() > kGpusOfANode,
              "on replicas of one node", "give prefill workers, or a replica of more than 8 GPUs");
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
    if (setting.starts_with("scrape_") || setting.starts_with("gpus_per_"))
      check.conflict("disaggregation/autoscale", fmt::format("{} has no effect here", setting),
                     "GPUs are the workers' own, metrics are current");
}

void check_failures(Checker& check, const FleetSpec& spec) {
  for (const std::string_view id : {"fleet/failure_detection", "fleet/replace"})
    check.needs(id, spec.breaks(), "where nothing breaks", "give a time between failures or outages");
  for (const std::string_view id : {"fleet/lost_work", "fleet/max_retries", "fleet/retry_delay"})
    check.needs(id, spec.breaks() || spec.drain_limit_s > 0, "where no replica is lost",
                "give failures or a drain limit");
  check.needs("fleet/max_retries", spec.lost_work == "retry", "on work that is lost",
              fmt::format("let {} be retry", check.spell("fleet/lost_work")));
  check.needs("fleet/retry_delay", spec.lost_work == "retry", "on work that is lost",
              fmt::format("let {} be retry", check.spell("fleet/lost_work")));
  check_texts(check, "fleet/outages", spec.outages, parse_outage);
  check_texts(check, "fleet/stragglers", spec.stragglers, parse_straggler);
}

}  // namespace

void check_fleet(Checker& check, const Scenario& scenario) {
  const FleetSpec& spec = scenario.fleet;
  for (const Need& need : kNeeds)
    check.needs(need.id, check.has(need.other), fmt::format("without {}", check.spell(need.other)),
                fmt::format("give {} too", check.spell(need.other)));
  check_starts(check, scenario);
  check_failures(check, spec);
  if (scenario.deployment.replicas == 0 && spec.autoscaler.empty() &&
      check.has("deployment/replicas"))
    check.conflict("deployment/replicas", "0 replicas serve nobody",
                   fmt::format("simulate at least 1, or give {}", check.spell("fleet/autoscaler")));
  if (spec.upgrade_at_s && spec.upgrade_surge == 0 && spec.upgrade_unavailable == 0)
    check.conflict("fleet/upgrade_at", "an upgrade with neither a surge nor a missing replica never begins",
                   "allow one of them");
  check_autoscaler(check, "fleet", spec.autoscaler, spec.autoscale);
  check_pools(check, scenario);
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

}  // namespace eph::scenario
