#include "scenario/fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "models/memory.h"
#include "models/startup.h"
#include "scenario/autoscale_options.h"
#include "scenario/router_options.h"
#include "sim/router.h"

namespace eph::scenario {
namespace {

constexpr int kGpusOfANode = 8;

Result<Duration> parse_time(std::string_view text) {
  const Result<Seconds> s = parse_seconds(trim(text));
  if (!s) return s.error();
  if (!(s->value >= 0 && s->value <= 1e9))
    return usage_error(fmt::format("{} is out of range", text), "give a time of 0 s to 1e9 s");
  return Duration::from_seconds(s->value);
}

// What stands between two words of a sentence; the text behind the first and before the second.
std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  const auto begin = from.empty() ? 0 : text.find(from);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + from.size());
  if (const auto end = to.empty() ? std::string_view::npos : text.find(to);
      end != std::string_view::npos)
    text = text.substr(0, end);
  return trim(text);
}

Error not_an_outage(std::string_view text) {
  return usage_error(fmt::format("\"{}\" is no outage", text),
                     "write \"node 0 at 10 min for 5 min\"; node, zone, or gpu of a replica");
}

Error no_straggler(std::string_view text) {
  return usage_error(fmt::format("\"{}\" is no straggler", text),
                     "write \"replica 3 x 1.5 from 10 min to 20 min\"");
}

sim::Spread spread_of(const models::StartupDistribution& d, double share) {
  return {d.median_s * share, d.quantile(0.95) * share};
}

// A start on a fresh node is a cold one: the model is downloaded, and compiled for.
Result<void> set_fitted_start(const models::Catalog& catalog, const Scenario& scenario,
                              const Assembly& assembly, sim::StartTimes& out,
                              std::vector<std::string>& warnings) {
  const FleetSpec& spec = scenario.fleet;
  if (assembly.gpu.is_cpu() && !(spec.weights && spec.init))
    return usage_error("there is no start-up model of llama.cpp on CPUs",
                       "give start_weights and start_init, or start instant");
  if (spec.weights && spec.init) return {};
  const Result<models::FoundStartup> found =
      models::find_startup(catalog, assembly.config.replica.engine.kind);
  if (!found) return found.error();
  models::StartupQuery query;
  query.weight_bytes = models::weight_bytes(assembly.llm).as_double();
  query.layers = assembly.llm.layers;
  query.gpus = scenario.deployment.layout.gpus();
  query.gpu = assembly.gpu.name;
  query.cloud = spec.cloud;
  query.kind = models::StartKind::cold;
  const models::StartupDistribution cold = found->model.distribution(query);
  const double download = cold.median_s > 0 ? cold.download_s / cold.median_s : 0;
  if (!spec.weights) out.weights = spread_of(cold, download);
  if (!spec.init) out.init = spread_of(cold, 1 - download);
  if (found->borrowed)
    warnings.push_back(fmt::format("no starts of {} were measured: they are taken to be vLLM's, with a wider spread",
                                   models::display(assembly.config.replica.engine.kind)));
  return {};
}

Result<sim::FaultOptions> faults_of(const FleetSpec& spec) {
  sim::FaultOptions out;
  const auto rate = [](double mtbf, double repair) {
    return sim::FailureRate{Duration::from_seconds(mtbf), Duration::from_seconds(repair)};
  };
  out.gpu = rate(spec.gpu_mtbf_s, spec.gpu_repair_s);
  out.node = rate(spec.node_mtbf_s, spec.node_repair_s);
  out.zone = rate(spec.zone_mtbf_s, spec.zone_repair_s);
  for (const std::string& text : spec.outages) {
    const auto one = parse_outage(text);
    if (!one) return one.error();
    out.outages.push_back(*one);
  }
  for (const std::string& text : spec.stragglers) {
    const auto one = parse_straggler(text);
    if (!one) return one.error();
    out.stragglers.push_back(*one);
  }
  out.straggler_share = spec.straggler_share;
  out.straggler_factor = spec.straggler_factor;
  out.reclaims_per_hour = spec.reclaims_per_hour;
  out.reclaim_notice = Duration::from_seconds(spec.reclaim_notice_s);
  out.detection = Duration::from_seconds(spec.detection_s);
  out.replace = spec.replace;
  out.lost_work = spec.lost_work == "lose" ? sim::LostWork::lose : sim::LostWork::retry;
  out.max_retries = spec.max_retries;
  out.retry_delay = Duration::from_seconds(spec.retry_delay_s);
  return out;
}

sim::AdmissionOptions admission_of(const FleetSpec& spec) {
  sim::AdmissionOptions out;
  out.max_queue = spec.queue_limit.value_or(-1);
  out.rate = spec.rate_limit;
  out.burst = spec.rate_burst;
  out.max_per_replica = spec.max_in_flight;
  out.sheddable = spec.shed_classes;
  out.shed_above = spec.shed_above;
  return out;
}

Result<void> set_pool(const models::Catalog& catalog, const Scenario& scenario,
                      const Assembly& assembly, RunConfig& out) {
  const FleetSpec& spec = scenario.fleet;
  sim::PoolConfig& pool = out.config;
  pool.replicas = scenario.deployment.replicas;
  pool.router = scenario.deployment.router;
  pool.gpus = scenario.deployment.layout.gpus();
  pool.routing.staleness = spec.router_staleness_s
                               ? Duration::from_seconds(*spec.router_staleness_s)
                               : sim::default_staleness(pool.router);
  pool.routing.load_bound = spec.load_bound;
  if (auto ok = apply_router_settings(pool.router, spec.router_options, pool.routing); !ok)
    return ok;
  if (!spec.autoscaler.empty()) {
    const auto parsed = parse_autoscaler(spec.autoscaler, spec.autoscale);
    if (!parsed) return parsed.error();
    pool.autoscaler = *parsed;
  }
  const auto faults = faults_of(spec);
  if (!faults) return faults.error();
  pool.faults = *faults;
  pool.admission = admission_of(spec);
  pool.places.replicas_per_node =
      spec.replicas_per_node.value_or(std::max(1, kGpusOfANode / pool.gpus));
  pool.places.zones = spec.zones;
  pool.places.capacity = spec.capacity;
  if (spec.upgrade_at_s)
    pool.upgrade = {SimTime::from_seconds(*spec.upgrade_at_s), spec.upgrade_surge,
                    spec.upgrade_unavailable};
  pool.drain_limit = Duration::from_seconds(spec.drain_limit_s);
  pool.start.warm_nodes = spec.warm_nodes;
  if (!spec.starts_replicas()) return {};
  sim::StartTimes& times = pool.start.times;
  if (spec.start == "fitted")
    if (auto ok = set_fitted_start(catalog, scenario, assembly, times, out.warnings); !ok)
      return ok;
  if (spec.provision) times.provision = *spec.provision;
  if (spec.image) times.image = *spec.image;
  if (spec.weights) times.weights = *spec.weights;
  if (spec.init) times.init = *spec.init;
  return {};
}

}  // namespace

Result<sim::Spread> parse_spread(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() > 2)
    return usage_error(fmt::format("\"{}\" is no spread", text), "write \"30 s\" or \"30 s / 60 s\"");
  sim::Spread out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto time = parse_time(parts[i]);
    if (!time) return time.error();
    (i == 0 ? out.median_s : out.p95_s) = time->seconds();
  }
  if (parts.size() == 1) out.p95_s = out.median_s;
  if (out.p95_s < out.median_s)
    return usage_error(fmt::format("\"{}\": the 95th percentile lies below the median", text),
                       "write the median first");
  return out;
}

Result<sim::Outage> parse_outage(std::string_view text) {
  sim::Outage out;
  const std::string_view what = between(text, "", " at ");
  const auto space = what.find(' ');
  if (space == std::string_view::npos) return not_an_outage(text);
  const std::string_view kind = what.substr(0, space);
  const auto number = parse_int(trim(what.substr(space)));
  if (!number || *number < 0 || *number > 10'000'000) return not_an_outage(text);
  out.number = static_cast<std::uint32_t>(*number);
  if (kind == "gpu" || kind == "replica")
    out.kind = sim::FaultKind::gpu;
  else if (kind == "zone")
    out.kind = sim::FaultKind::zone;
  else if (kind != "node")
    return not_an_outage(text);
  const std::string_view at = between(text, " at ", " for "), lasts = between(text, " for ", "");
  if (at.empty() || lasts.empty()) return not_an_outage(text);
  const auto begins = parse_time(at), repair = parse_time(lasts);
  if (!begins) return begins.error();
  if (!repair) return repair.error();
  out.at = SimTime::zero() + *begins;
  out.repair = *repair;
  return out;
}

Result<sim::Straggler> parse_straggler(std::string_view text) {
  sim::Straggler out;
  if (!text.starts_with("replica ")) return no_straggler(text);
  const auto number = parse_int(between(text, "replica ", " x"));
  const bool begins = text.find(" from ") != std::string_view::npos;
  const bool ends = text.find(" to ") != std::string_view::npos;
  const auto factor =
      parse_double(between(text, " x", begins ? " from " : ends ? " to " : ""));
  if (!number || *number < 0 || *number > 10'000'000 || !factor || !(*factor > 0)) return no_straggler(text);
  out.replica = static_cast<std::uint32_t>(*number);
  out.factor = *factor;
  if (begins) {
    const auto from = parse_time(between(text, " from ", " to "));
    if (!from) return from.error();
    out.from = SimTime::zero() + *from;
  }
  if (ends) {
    const auto to = parse_time(between(text, " to ", ""));
    if (!to) return to.error();
    out.to = SimTime::zero() + *to;
  }
  if (out.to <= out.from) return no_straggler(text);
  return out;
}

Result<RunConfig> run_config(const models::Catalog& catalog, const Scenario& scenario,
                             const Assembly& assembly, std::uint64_t run) {
  RunConfig out{assembly.config, {}};
  out.config.seed = scenario.seed;
  out.config.run = run;
  set_clients(scenario.workload, out.config);
  if (scenario.horizon_s) out.config.horizon = SimTime::from_seconds(*scenario.horizon_s);
  if (auto ok = set_pool(catalog, scenario, assembly, out); !ok) return ok.error();
  return out;
}

}  // namespace eph::scenario
