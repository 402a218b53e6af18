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

constexpr const char* kDefaultTopology = "dgx-h100";

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

sim::PoolRule rule_of(const RuleSpec& spec) {
  sim::PoolRule out;
  out.min_prompt = static_cast<std::int32_t>(spec.min_prompt.value_or(0));
  if (spec.max_prompt) out.max_prompt = static_cast<std::int32_t>(*spec.max_prompt);
  out.classes = spec.classes;
  out.spill_above = spec.spill_above;
  return out;
}

// Of the scenario's deployment, which may be that of a further pool.
Result<void> set_pool(const models::Catalog& catalog, const Scenario& scenario,
                      const Assembly& assembly, sim::PoolConfig& pool,
                      std::vector<std::string>& warnings) {
  const FleetSpec& spec = scenario.fleet;
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
  if (!spec.starts_replicas() && scenario.disaggregation.autoscaler != "dynamo") return {};
  sim::StartTimes& times = pool.start.times;
  if (spec.start == "fitted")
    if (auto ok = set_fitted_start(catalog, scenario, assembly, times, warnings); !ok)
      return ok;
  if (spec.provision) times.provision = *spec.provision;
  if (spec.image) times.image = *spec.image;
  if (spec.weights) times.weights = *spec.weights;
  if (spec.init) times.init = *spec.init;
  return {};
}

// A further pool lives as the first one does, but for its autoscaler: that is the first one's own.
Scenario scenario_of(const Scenario& whole, const DeploymentSpec& deployment) {
  Scenario out = whole;
  out.deployment = deployment;
  out.fleet.autoscaler.clear();
  out.fleet.autoscale.clear();
  out.fleet.outages.clear();
  out.fleet.stragglers.clear();
  return out;
}

Result<void> add_pools(const models::Catalog& catalog, const Scenario& scenario,
                       const Assembly& assembly, RunConfig& out) {
  const DisaggregationSpec& split = scenario.disaggregation;
  for (std::size_t i = 0; i < assembly.further.size(); ++i) {
    const Assembly& own = *assembly.further[i];
    Scenario part = scenario_of(scenario, split.replicas > 0 ? prefill_deployment(scenario)
                                                             : scenario.pools[i].deployment);
    if (split.replicas > 0 && split.autoscaler != "dynamo") {
      part.fleet.autoscaler = split.autoscaler;
      part.fleet.autoscale = split.autoscale;
    }
    sim::FurtherPool pool{own.config, {}};
    if (auto ok = set_pool(catalog, part, own, pool.pool, out.warnings); !ok) return ok;
    pool.pool.name = split.replicas > 0 ? "prefill" : scenario.pools[i].name;
    if (split.replicas == 0) pool.rule = rule_of(scenario.pools[i].rule);
    out.config.further.push_back(std::move(pool));
  }
  if (split.replicas == 0) return {};
  out.config.name = "decode";
  sim::Disaggregation how;
  if (split.autoscaler == "dynamo") {
    const auto parsed = parse_autoscaler(split.autoscaler, split.autoscale);
    if (!parsed) return parsed.error();
    auto planner = std::get<sim::DynamoOptions>(parsed->policy);
    planner.gpus_per_prefill = prefill_deployment(scenario).layout.gpus();
    planner.gpus_per_decode = scenario.deployment.layout.gpus();
    how.planner = planner;
  }
  const bool sglang = out.config.replica.engine.kind == models::EngineKind::sglang;
  how.flow = split.flow == "push" || (split.flow.empty() && sglang)
                 ? sim::Disaggregation::Flow::push
                 : sim::Disaggregation::Flow::pull;
  how.first_from_prefill = sglang;
  how.local_prompt = split.local_prompt;
  how.llm = assembly.llm;
  how.kv_precision = assembly.kv_precision;
  how.decode_layout = scenario.deployment.layout;
  how.prefill_layout = prefill_deployment(scenario).layout;
  how.cluster = assembly.cluster;
  how.prefill_gpu = first_prefill_gpu(scenario, assembly.cluster->spec().gpus_per_node);
  out.config.disaggregation = std::move(how);
  return {};
}

}  // namespace

DeploymentSpec prefill_deployment(const Scenario& scenario) {
  const DisaggregationSpec& split = scenario.disaggregation;
  DeploymentSpec out = scenario.deployment;
  out.replicas = split.replicas;
  if (split.tensor) out.layout.tensor = *split.tensor;
  if (split.pipeline) out.layout.pipeline = *split.pipeline;
  if (split.max_num_batched_tokens) {
    out.max_num_batched_tokens = split.max_num_batched_tokens;
    // SGLang's chunk is what limits a prefill step.
    if (out.engine == "sglang") out.chunk_tokens = split.max_num_batched_tokens;
  }
  return out;
}

int total_gpus(const Scenario& scenario) {
  const auto gpus = [](const DeploymentSpec& d) { return d.replicas * d.layout.gpus(); };
  int total = gpus(scenario.deployment);
  if (scenario.disaggregation.replicas > 0) total += gpus(prefill_deployment(scenario));
  for (const PoolSpec& pool : scenario.pools) total += gpus(pool.deployment);
  return total;
}

// On the decode workers' nodes only if one node holds all.
int first_prefill_gpu(const Scenario& scenario, int gpus_per_node) {
  const auto gpus = [gpus_per_node](const DeploymentSpec& d) {
    const int each = d.layout.gpus();
    if (each >= gpus_per_node)
      return d.replicas * ((each + gpus_per_node - 1) / gpus_per_node) * gpus_per_node;
    const int on_node = gpus_per_node / each;
    return d.replicas / on_node * gpus_per_node + d.replicas % on_node * each;
  };
  const int decode = gpus(scenario.deployment), prefill = gpus(prefill_deployment(scenario));
  if (decode + prefill <= gpus_per_node) return decode;
  return (decode + gpus_per_node - 1) / gpus_per_node * gpus_per_node;
}

Result<Assembly> assemble_fleet(const models::Catalog& catalog, const Scenario& scenario) {
  Result<Assembly> out = assemble(catalog, scenario.deployment);
  if (!out) return out;
  std::vector<std::pair<std::string, DeploymentSpec>> others;
  if (scenario.disaggregation.replicas > 0)
    others.emplace_back("prefill workers", prefill_deployment(scenario));
  for (const PoolSpec& pool : scenario.pools) others.emplace_back(pool.name, pool.deployment);
  for (const auto& [name, deployment] : others) {
    Result<Assembly> one = assemble(catalog, deployment);
    if (!one)
      return Error{one.error().kind, {}, fmt::format("{}: {}", name, one.error().what), one.error().remedy};
    for (const std::string& warning : one->warnings)
      if (std::find(out->warnings.begin(), out->warnings.end(), warning) == out->warnings.end())
        out->warnings.push_back(fmt::format("{}: {}", name, warning));
    out->further.push_back(std::make_unique<Assembly>(std::move(*one)));
  }
  if (scenario.disaggregation.replicas == 0) return out;
  const Result<models::ClusterSpec> spec = catalog.topology(
      scenario.deployment.topology.empty() ? kDefaultTopology : scenario.deployment.topology);
  if (!spec) return spec.error();
  const int per_node = spec->gpus_per_node;
  const int first = first_prefill_gpu(scenario, per_node);
  const DeploymentSpec prefill = prefill_deployment(scenario);
  const int on_node = std::max(1, per_node / prefill.layout.gpus());
  const int each = (prefill.layout.gpus() + per_node - 1) / per_node;
  const int nodes = std::max(1, (first + per_node - 1) / per_node) +
                    (prefill.replicas + on_node - 1) / on_node * each;
  Result<models::Cluster> cluster = models::Cluster::build(*spec, std::min(nodes, 4096));
  if (!cluster) return cluster.error();
  out->cluster = std::make_shared<const models::Cluster>(std::move(*cluster));
  return out;
}

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
  if (auto ok = set_pool(catalog, scenario, assembly, out.config, out.warnings); !ok)
    return ok.error();
  out.config.rule = rule_of(scenario.fleet.rule);
  if (auto ok = add_pools(catalog, scenario, assembly, out); !ok) return ok.error();
  return out;
}

}  // namespace eph::scenario
