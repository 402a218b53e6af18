#include "scenario/fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/memory.h"
#include "models/startup.h"
#include "scenario/autoscale_options.h"
#include "scenario/fault_texts.h"
#include "scenario/router_options.h"
#include "sim/router.h"

namespace eph::scenario {
namespace {

constexpr const char* kDefaultTopology = "dgx-h100";
constexpr double kRepairSeconds = 3600;
constexpr double kNixlAbortSeconds = 480;  // vLLM, VLLM_NIXL_ABORT_REQUEST_TIMEOUT

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
  if (auto ok = models::check_cloud(found->model, spec.cloud); !ok) return ok.error();
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
    warnings.push_back(fmt::format(
        "no starts of {} were measured: they are taken to be vLLM's, with a wider spread",
        models::display(assembly.config.replica.engine.kind)));
  return {};
}

// Outages and stragglers that name no pool are the first one's.
Result<sim::FaultOptions> faults_of(const FleetSpec& spec, std::string_view pool, bool first) {
  sim::FaultOptions out;
  const auto rate = [](double mtbf, std::optional<double> repair) {
    return sim::FailureRate{Duration::from_seconds(mtbf),
                            Duration::from_seconds(repair.value_or(kRepairSeconds))};
  };
  const auto own = [&](const std::string& name) { return name.empty() ? first : name == pool; };
  out.gpu = rate(spec.gpu_mtbf_s, spec.gpu_repair_s);
  out.node = rate(spec.node_mtbf_s, spec.node_repair_s);
  out.zone = rate(spec.zone_mtbf_s, spec.zone_repair_s);
  for (const std::string& text : spec.outages) {
    const auto one = parse_outage(text);
    if (!one) return one.error();
    if (own(one->pool)) out.outages.push_back(one->outage);
  }
  for (const std::string& text : spec.stragglers) {
    const auto one = parse_straggler(text);
    if (!one) return one.error();
    if (own(one->pool)) out.stragglers.push_back(one->straggler);
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
                      const Assembly& assembly, sim::PoolConfig& pool, bool first,
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
    if (auto* fixed = std::get_if<sim::FixedOptions>(&pool.autoscaler->policy))
      fixed->replicas = *fixed_count(spec.autoscaler, spec.autoscale, pool.replicas);
  }
  const auto faults = faults_of(spec, pool.name, first);
  if (!faults) return faults.error();
  pool.faults = *faults;
  pool.admission = admission_of(spec);
  pool.places.replicas_per_node =
      spec.replicas_per_node.value_or(std::max(1, kGpusOfANode / pool.gpus));
  pool.places.zones = spec.zones;
  const int nodes =
      (pool.replicas + pool.places.replicas_per_node - 1) / pool.places.replicas_per_node;
  if (spec.nodes == 0 && !scales(spec.autoscaler, spec.autoscale, pool.replicas) &&
      nodes < spec.zones)
    warnings.push_back(
        fmt::format("pool {} stands in {} of {} zones: {} replicas fill a node before the next one "
                    "is begun (replicas_per_node)",
                    pool.name, nodes, spec.zones, pool.places.replicas_per_node));
  pool.places.capacity = spec.capacity;
  if (spec.upgrade_at_s)
    pool.upgrade = {SimTime::from_seconds(*spec.upgrade_at_s), spec.upgrade_surge,
                    spec.upgrade_unavailable};
  pool.drain_limit = Duration::from_seconds(spec.drain_limit_s);
  if (!spec.starts_replicas() && scenario.disaggregation.autoscaler != "dynamo") return {};
  pool.start.warm_nodes = spec.warm_nodes;
  sim::StartTimes& times = pool.start.times;
  if (spec.start == "fitted")
    if (auto ok = set_fitted_start(catalog, scenario, assembly, times, warnings); !ok) return ok;
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
  return out;
}

Result<void> add_pools(const models::Catalog& catalog, const Scenario& scenario,
                       const Assembly& assembly, RunConfig& out) {
  const DisaggregationSpec& split = scenario.disaggregation;
  for (std::size_t i = 0; i < assembly.further.size(); ++i) {
    const Assembly& own = *assembly.further[i];
    Scenario part = scenario_of(
        scenario, split.replicas > 0 ? prefill_deployment(scenario) : scenario.pools[i].deployment);
    if (split.replicas > 0 && split.autoscaler != "dynamo") {
      part.fleet.autoscaler = split.autoscaler;
      part.fleet.autoscale = split.autoscale;
    }
    if (split.replicas == 0 && scenario.pools[i].reclaims_per_hour)
      part.fleet.reclaims_per_hour = *scenario.pools[i].reclaims_per_hour;
    sim::FurtherPool pool{own.config, {}};
    pool.pool.name = split.replicas > 0 ? "prefill" : scenario.pools[i].name;
    if (auto ok = set_pool(catalog, part, own, pool.pool, false, out.warnings); !ok) return ok;
    if (split.replicas == 0) pool.rule = rule_of(scenario.pools[i].rule);
    out.config.further.push_back(std::move(pool));
  }
  if (split.replicas == 0) return {};
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
  how.kv_lease = Duration::from_seconds(kv_lease_s(scenario));
  how.spares_cached = out.config.replica.engine.kind == models::EngineKind::vllm;
  how.llm = assembly.llm;
  how.kv_precision = assembly.kv_precision;
  how.decode_layout = scenario.deployment.layout;
  how.cluster = assembly.cluster;
  how.prefill_gpu = first_prefill_gpu(scenario, assembly.cluster->spec().gpus_per_node);
  out.config.disaggregation = std::move(how);
  return {};
}

// The cheapest GPU-hours of a replica first; equal prices in the order of the file.
Result<void> set_order(const models::Catalog& catalog, const Scenario& scenario,
                       const Assembly& assembly, sim::SimulationConfig& out) {
  if (scenario.fleet.pool_order != "price") return {};
  const auto known = pool_prices(catalog, scenario, assembly);
  if (!known) return known.error();
  std::vector<double> prices;
  for (std::size_t i = 0; i < known->size(); ++i) {
    const models::GpuSpec& gpu = i == 0 ? assembly.gpu : assembly.further[i - 1]->gpu;
    if (!(*known)[i])
      return usage_error(fmt::format("there is no price of {} to order pools by", gpu.name),
                         "let pool_order be file, or choose another GPU");
    prices.push_back((*known)[i]->per_gpu_hour.value *
                     (i == 0 ? out.gpus : out.further[i - 1].pool.gpus));
  }
  for (std::uint32_t i = 0; i < prices.size(); ++i) out.pool_order.push_back(i);
  std::stable_sort(out.pool_order.begin(), out.pool_order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return prices[a] < prices[b]; });
  return {};
}

Result<models::ClusterSpec> topology_of(const models::Catalog& catalog, const Scenario& scenario) {
  const std::string& name = scenario.deployment.topology;
  return catalog.topology(name.empty() ? kDefaultTopology : name);
}

Result<void> set_machines(const models::Catalog& catalog, const Scenario& scenario,
                          const Assembly& assembly, sim::SimulationConfig& out) {
  const FleetSpec& fleet = scenario.fleet;
  if (fleet.nodes == 0) return {};
  if (assembly.gpu.is_cpu())
    return usage_error("replicas without GPUs are not placed on nodes", "leave nodes out");
  const Result<models::ClusterSpec> cluster = topology_of(catalog, scenario);
  if (!cluster) return cluster.error();
  sim::MachineOptions machines;
  machines.nodes = fleet.nodes;
  machines.gpus_per_node = cluster->gpus_per_node;
  machines.nodes_per_rack = cluster->nodes_per_rack;
  machines.zones = fleet.zones;
  machines.rule.policy =
      fleet.placement == "spread" ? models::PlacementPolicy::spread : models::PlacementPolicy::pack;
  machines.rule.anti_affinity = fleet.anti_affinity == "node"   ? models::AntiAffinity::node
                                : fleet.anti_affinity == "rack" ? models::AntiAffinity::rack
                                                                : models::AntiAffinity::none;
  std::vector<int> gpus{out.gpus};
  for (const sim::FurtherPool& pool : out.further) gpus.push_back(pool.pool.gpus);
  for (const int each : gpus)
    if (const auto shape = models::ReplicaShape::of(each, machines.gpus_per_node); !shape)
      return shape.error();
  out.machines = machines;
  return {};
}

}  // namespace

std::string_view first_pool_name(const Scenario& scenario) {
  return scenario.disaggregation.replicas > 0 ? "decode" : "main";
}

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

double kv_lease_s(const Scenario& scenario) {
  const double usual = scenario.deployment.engine == "vllm" ? kNixlAbortSeconds : 0;
  return scenario.disaggregation.kv_lease_s.value_or(usual);
}

std::optional<int> fixed_count(const std::string& autoscaler,
                               const std::vector<std::string>& settings, int replicas) {
  if (autoscaler != "fixed") return std::nullopt;
  const auto parsed = parse_autoscaler(autoscaler, settings);
  const int count = parsed ? std::get<sim::FixedOptions>(parsed->policy).replicas : -1;
  return count < 0 ? replicas : count;
}

bool scales(const std::string& autoscaler, const std::vector<std::string>& settings, int replicas) {
  return !autoscaler.empty() &&
         fixed_count(autoscaler, settings, replicas).value_or(-1) != replicas;
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
      return Error{
          one.error().kind, {}, fmt::format("{}: {}", name, one.error().what), one.error().remedy};
    for (const std::string& warning : one->warnings)
      if (std::find(out->warnings.begin(), out->warnings.end(), warning) == out->warnings.end())
        out->warnings.push_back(fmt::format("{}: {}", name, warning));
    out->further.push_back(std::make_unique<Assembly>(std::move(*one)));
  }
  for (const PoolSpec& pool : scenario.pools)
    if (!pool.left_out.empty())
      out->warnings.push_back(
          fmt::format("pool {} runs {} and does not take over what the deployment says to {}: {}; "
                      "give the pool "
                      "its own where the defaults will not do",
                      pool.name, pool.deployment.engine, scenario.deployment.engine,
                      fmt::join(pool.left_out, ", ")));
  if (scenario.disaggregation.replicas == 0) return out;
  const Result<models::ClusterSpec> spec = topology_of(catalog, scenario);
  if (!spec) return spec.error();
  const int per_node = spec->gpus_per_node;
  const int first = first_prefill_gpu(scenario, per_node);
  const DeploymentSpec prefill = prefill_deployment(scenario);
  const int on_node = std::max(1, per_node / prefill.layout.gpus());
  const int each = (prefill.layout.gpus() + per_node - 1) / per_node;
  const int needed = std::max(1, (first + per_node - 1) / per_node) +
                     (prefill.replicas + on_node - 1) / on_node * each;
  const int nodes = scenario.fleet.nodes > 0 ? scenario.fleet.nodes : std::min(needed, 4096);
  Result<models::Cluster> cluster = models::Cluster::build(*spec, nodes);
  if (!cluster) return cluster.error();
  out->cluster = std::make_shared<const models::Cluster>(std::move(*cluster));
  return out;
}

Result<RunConfig> run_config(const models::Catalog& catalog, const Scenario& scenario,
                             const Assembly& assembly, std::uint64_t run) {
  RunConfig out{assembly.config, {}};
  out.config.seed = scenario.seed;
  out.config.run = run;
  set_clients(scenario.workload, out.config);
  if (scenario.horizon_s) out.config.horizon = SimTime::from_seconds(*scenario.horizon_s);
  out.config.name = first_pool_name(scenario);
  if (auto ok = set_pool(catalog, scenario, assembly, out.config, true, out.warnings); !ok)
    return ok.error();
  out.config.rule = rule_of(scenario.fleet.rule);
  if (auto ok = add_pools(catalog, scenario, assembly, out); !ok) return ok.error();
  if (auto ok = pool_prices(catalog, scenario, assembly); !ok) return ok.error();
  if (auto ok = set_order(catalog, scenario, assembly, out.config); !ok) return ok.error();
  if (auto ok = set_machines(catalog, scenario, assembly, out.config); !ok) return ok.error();
  return out;
}

}  // namespace eph::scenario
