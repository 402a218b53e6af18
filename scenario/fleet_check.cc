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
};

template <class Parse>
void check_texts(Checker& check, std::string_view id, const std::vector<std::string>& texts,
                 Parse parse) {
  for (const std::string& text : texts)
    if (const auto parsed = parse(text); !parsed)
      check.conflict(id, parsed.error().what, parsed.error().remedy);
}

void check_starts(Checker& check, const FleetSpec& spec) {
  for (const std::string_view id :
       {"fleet/start", "fleet/cloud", "fleet/start_provision", "fleet/start_image",
        "fleet/start_weights", "fleet/start_init", "fleet/warm_nodes"})
    check.needs(id, spec.starts_replicas(), "where no replica starts",
                "give an autoscaler, failures or an upgrade");
  check.needs("fleet/cloud", spec.start == "fitted", "on instant starts",
              fmt::format("leave {} out", check.spell("fleet/start")));
  check.needs("fleet/drain_limit", !spec.autoscaler.empty() || spec.upgrade_at_s.has_value(),
              "where no replica is stopped", "give an autoscaler or an upgrade");
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
  check_starts(check, spec);
  check_failures(check, spec);
  if (scenario.deployment.replicas == 0 && spec.autoscaler.empty() &&
      check.has("deployment/replicas"))
    check.conflict("deployment/replicas", "0 replicas serve nobody",
                   fmt::format("simulate at least 1, or give {}", check.spell("fleet/autoscaler")));
  if (spec.upgrade_at_s && spec.upgrade_surge == 0 && spec.upgrade_unavailable == 0)
    check.conflict("fleet/upgrade_at", "an upgrade with neither a surge nor a missing replica never begins",
                   "allow one of them");
  if (!spec.autoscaler.empty()) {
    const auto parsed = parse_autoscaler(spec.autoscaler, spec.autoscale);
    if (!parsed)
      check.conflict(check.has("fleet/autoscale") ? "fleet/autoscale" : "fleet/autoscaler",
                     parsed.error().what, parsed.error().remedy);
  }
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
