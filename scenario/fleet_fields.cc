#include "scenario/fleet_fields.h"

#include "scenario/field_setters.h"
#include "scenario/fleet.h"

namespace eph::scenario {
namespace {

template <auto Member>
void fleet(Scenario& s, const FieldValue& value) {
  assign(s.fleet.*Member, value);
}

using F = FleetSpec;
using enum FieldKind;
constexpr double kMaxSeconds = 1e9;
constexpr std::string_view f = "fleet";

Field time(std::string_view key, std::string_view flag, std::string_view fallback,
           std::string_view help, void (*set)(Scenario&, const FieldValue&)) {
  return {f, key, flag, duration, "TIME", fallback, help, set, 0, kMaxSeconds};
}
Field start_part(std::string_view key, std::string_view flag, std::string_view fallback,
                 std::string_view help, void (*set)(Scenario&, const FieldValue&)) {
  return {f, key, flag, spread, "TIME[/TIME]", fallback, help, set};
}
Field whole(std::string_view key, std::string_view flag, std::string_view fallback,
            std::string_view help, void (*set)(Scenario&, const FieldValue&), double min,
            double max = 1e6) {
  return {f, key, flag, integer, "N", fallback, help, set, min, max};
}

void add_starts(std::vector<Field>& out) {
  out.push_back(
      {.section = f,
       .key = "autoscaler",
       .flag = "autoscaler",
       .kind = choice,
       .argument = "POLICY",
       .fallback = "none: replicas as given",
       .help =
           "policy that sets the number of replicas; fixed: always its own replicas, else those "
           "at the start",
       .set = fleet<&F::autoscaler>,
       .choices = {"fixed", "scheduled", "hpa", "keda", "knative", "ray-serve", "serverless"}});
  out.push_back({.section = f,
                 .key = "autoscale",
                 .flag = "autoscale",
                 .kind = texts,
                 .argument = "NAME=VALUE",
                 .fallback = "the policy's defaults",
                 .help = "a setting of the autoscaler by its own name, as in target=20 (ephemeris "
                         "autoscale --help lists them); times have a unit or are seconds, also in "
                         "scheduled's schedule=0:1,30:3,8h:10",
                 .set = fleet<&F::autoscale>});
  out.push_back({.section = f,
                 .key = "start",
                 .flag = "start",
                 .kind = choice,
                 .argument = "KIND",
                 .fallback = "fitted",
                 .help = "what a replica's start takes: the fitted start-up model's cold start, or "
                         "nothing",
                 .set = fleet<&F::start>,
                 .choices = {"fitted", "instant"}});
  out.push_back({f, "cloud", "cloud", text, "NAME", "an unknown one",
                 "cloud whose machines and downloads the start-up model knows", fleet<&F::cloud>});
  out.push_back(start_part("start_provision", "start-provision", "0 s",
                           "until a node is found and has booted: median, or median/p95",
                           fleet<&F::provision>));
  out.push_back(start_part("start_image", "start-image", "0 s",
                           "until the container image is there", fleet<&F::image>));
  out.push_back(start_part("start_weights", "start-weights", "by start",
                           "until the weights are on the node", fleet<&F::weights>));
  out.push_back(start_part("start_init", "start-init", "by start",
                           "the engine's own start: weights to the GPU, compilation, graphs; or "
                           "the restore of a snapshot",
                           fleet<&F::init>));
  out.push_back(whole("warm_nodes", "warm-nodes", "0",
                      "nodes kept with image and weights: a start there takes start_init alone",
                      fleet<&F::warm_nodes>, 0));
  out.push_back(time("drain_limit", "drain-limit", "0 s: none",
                     "a replica that is to go loses what it still serves then",
                     fleet<&F::drain_limit_s>));
  out.push_back(time("upgrade_at", "upgrade-at", "never",
                     "when all replicas are replaced by new ones, some at a time",
                     fleet<&F::upgrade_at_s>));
  out.push_back(whole("upgrade_surge", "upgrade-surge", "1",
                      "replicas above the wanted number during an upgrade",
                      fleet<&F::upgrade_surge>, 0));
  out.push_back(whole("upgrade_unavailable", "upgrade-unavailable", "0",
                      "replicas that may be missing during an upgrade",
                      fleet<&F::upgrade_unavailable>, 0));
}

void add_machines(std::vector<Field>& out) {
  out.push_back(whole("replicas_per_node", "replicas-per-node", "as many as 8 GPUs hold",
                      "replicas that fail with one node", fleet<&F::replicas_per_node>, 1));
  out.push_back(whole("zones", "zones", "1", "zones that the nodes are spread over in turn",
                      fleet<&F::zones>, 1));
  out.push_back(whole("capacity", "capacity", "any number",
                      "replicas that there are machines for; broken ones count until their repair",
                      fleet<&F::capacity>, 1));
  out.push_back(
      whole("nodes", "nodes", "any number, not counted",
            "nodes of the topology that all replicas are placed on; a replica without room "
            "waits for it",
            fleet<&F::nodes>, 1, 100'000));
  out.push_back({.section = f,
                 .key = "placement",
                 .flag = "placement",
                 .kind = choice,
                 .argument = "RULE",
                 .fallback = "pack",
                 .help = "with nodes: a replica goes to the fullest node that has room, or to the "
                         "emptiest",
                 .set = fleet<&F::placement>,
                 .choices = {"pack", "spread"}});
  out.push_back({.section = f,
                 .key = "anti_affinity",
                 .flag = "anti-affinity",
                 .kind = choice,
                 .argument = "WHAT",
                 .fallback = "none",
                 .help = "with nodes: what two replicas of a pool never share",
                 .set = fleet<&F::anti_affinity>,
                 .choices = {"none", "node", "rack"}});
}

void add_failures(std::vector<Field>& out) {
  out.push_back(time("gpu_mtbf", "gpu-mtbf", "never", "mean time between failures of one GPU",
                     fleet<&F::gpu_mtbf_s>));
  out.push_back(time("gpu_repair", "gpu-repair", "1 h",
                     "until a broken GPU works again, where that is waited for",
                     fleet<&F::gpu_repair_s>));
  out.push_back(time("node_mtbf", "node-mtbf", "never", "mean time between failures of one node",
                     fleet<&F::node_mtbf_s>));
  out.push_back(time("node_repair", "node-repair", "1 h",
                     "until a broken node works again, where that is waited for",
                     fleet<&F::node_repair_s>));
  out.push_back(time("zone_mtbf", "zone-mtbf", "never", "mean time between failures of one zone",
                     fleet<&F::zone_mtbf_s>));
  out.push_back(time("zone_repair", "zone-repair", "1 h",
                     "until a zone works again, where that is waited for",
                     fleet<&F::zone_repair_s>));
  out.push_back(
      {f, "outages", "outage", texts, "OUTAGE", "none",
       "a certain failure: \"node 0 at 10 min for 5 min\"; node, zone, or gpu of a replica; "
       "\"gpu 3 of NAME at 1 h for 1 h\" in another pool than the first",
       fleet<&F::outages>});
  out.push_back({f, "stragglers", "straggler", texts, "STRAGGLER", "none",
                 "a slow replica: \"replica 3 x 1.5 from 10 min to 20 min\", \"replica 3 of NAME x "
                 "2\"",
                 fleet<&F::stragglers>});
  out.push_back({f, "straggler_share", "straggler-share", number, "SHARE", "0",
                 "share of the replicas that are slow all their life", fleet<&F::straggler_share>,
                 0, 1});
  out.push_back({f, "straggler_factor", "straggler-factor", number, "FACTOR", "1.5",
                 "how many times as long their steps take", fleet<&F::straggler_factor>, 0, 100,
                 true});
  out.push_back({f, "spot_reclaims_per_hour", "spot-reclaims-per-hour", number, "R", "0",
                 "how often a replica's spot machine is taken away", fleet<&F::reclaims_per_hour>,
                 0, 3600});
  out.push_back(time("spot_notice", "spot-notice", "120 s", "announced so long before",
                     fleet<&F::reclaim_notice_s>));
  out.push_back(time("failure_detection", "failure-detection", "10 s",
                     "until gateway and controller know that a replica is dead",
                     fleet<&F::detection_s>));
  out.push_back({f, "replace", "replace", boolean, "on|off", "on",
                 "another machine takes the place of a broken one; else it stays empty until the "
                 "repair",
                 fleet<&F::replace>});
  out.push_back({.section = f,
                 .key = "lost_work",
                 .flag = "lost-work",
                 .kind = choice,
                 .argument = "WHAT",
                 .fallback = "retry",
                 .help = "what becomes of requests on a replica that dies",
                 .set = fleet<&F::lost_work>,
                 .choices = {"retry", "lose"}});
  out.push_back(whole("max_retries", "max-retries", "3", "how often one request is sent again",
                      fleet<&F::max_retries>, 0, 1000));
  out.push_back(time("retry_delay", "retry-delay", "0 s", "pause before it is sent again",
                     fleet<&F::retry_delay_s>));
}

template <auto Member>
void disaggregation(Scenario& s, const FieldValue& value) {
  assign(s.disaggregation.*Member, value);
}
template <auto Member>
void rule(Scenario& s, const FieldValue& value) {
  assign(s.fleet.rule.*Member, value);
}
template <auto Member>
void pool_rule(Scenario& s, const FieldValue& value) {
  assign(s.pools.back().rule.*Member, value);
}
void pool_name(Scenario& s, const FieldValue& value) { assign(s.pools.back().name, value); }

constexpr double kMostTokens = 1 << 30;

// Of the deployment with flags, of further pools without.
void add_rule(std::vector<Field>& out, std::string_view section) {
  using R = RuleSpec;
  const bool first = section == f;
  const auto set = [first](auto own, auto other) { return first ? own : other; };
  out.push_back({section, "min_prompt", first ? "min-prompt" : "", integer, "TOKENS", "0",
                 "several pools: shortest prompt that this one takes",
                 set(rule<&R::min_prompt>, pool_rule<&R::min_prompt>), 0, kMostTokens});
  out.push_back({section, "max_prompt", first ? "max-prompt" : "", integer, "TOKENS", "any",
                 "several pools: longest prompt that this one takes",
                 set(rule<&R::max_prompt>, pool_rule<&R::max_prompt>), 1, kMostTokens});
  out.push_back({section, "classes", first ? "takes-class" : "", texts, "CLASS", "all",
                 "several pools: classes of requests that this one takes",
                 set(rule<&R::classes>, pool_rule<&R::classes>)});
  out.push_back({section, "spill_above", first ? "spill-above" : "", number, "N", "never",
                 "several pools: requests per ready replica from which on the next pool is asked",
                 set(rule<&R::spill_above>, pool_rule<&R::spill_above>), 0, 1e9, true});
}

Field commitment_field(std::string_view section, std::string_view flag, std::string_view fallback,
                       void (*set)(Scenario&, const FieldValue&)) {
  return {.section = section,
          .key = "commitment",
          .flag = flag,
          .kind = choice,
          .argument = "KIND",
          .fallback = fallback,
          .help = "at which price GPU-hours are paid",
          .set = set,
          .choices = {"on_demand", "reserved", "spot"}};
}

std::vector<Field> pool_fields() {
  std::vector<Field> out;
  const auto reclaims = [](Scenario& s, const FieldValue& v) {
    assign(s.pools.back().reclaims_per_hour, v);
  };
  const auto provider = [](Scenario& s, const FieldValue& v) {
    assign(s.pools.back().provider, v);
  };
  const auto usd = [](Scenario& s, const FieldValue& v) {
    assign(s.pools.back().usd_per_gpu_hour, v);
  };
  const auto commitment = [](Scenario& s, const FieldValue& v) {
    assign(s.pools.back().commitment, v);
  };
  out.push_back({"pools", "name", "", text, "NAME", "pool 1, pool 2, ...", "what results call it",
                 pool_name});
  add_rule(out, "pools");
  out.push_back({"pools", "spot_reclaims_per_hour", "", number, "R", "the first pool's",
                 "how often a replica's spot machine is taken away; 0: it is none", reclaims, 0,
                 3600});
  out.push_back(
      {"pools", "provider", "", text, "NAME", "the first pool's", "whose prices", provider});
  out.push_back(commitment_field("pools", "", "the first pool's", commitment));
  out.push_back({"pools", "usd_per_gpu_hour", "", number, "USD", "the first pool's",
                 "what a GPU-hour costs, in place of the price list", usd, 0, 1e6});
  return out;
}

std::vector<Field> disaggregation_fields() {
  using D = DisaggregationSpec;
  constexpr std::string_view d = "disaggregation";
  std::vector<Field> out;
  out.push_back({d, "replicas", "prefill-replicas", integer, "N", "0: none",
                 "prefill workers; the deployment then decodes", disaggregation<&D::replicas>, 0,
                 65536});
  out.push_back({d, "tp", "prefill-tp", integer, "N", "the deployment's",
                 "tensor-parallel GPUs of a prefill worker", disaggregation<&D::tensor>, 1, 1024});
  out.push_back({d, "pp", "prefill-pp", integer, "N", "the deployment's",
                 "pipeline stages of a prefill worker", disaggregation<&D::pipeline>, 1, 1024});
  out.push_back({d, "max_num_batched_tokens", "prefill-batched-tokens", integer, "N",
                 "the deployment's", "token budget of a prefill worker's step",
                 disaggregation<&D::max_num_batched_tokens>, 1, kMostTokens});
  out.push_back({.section = d,
                 .key = "flow",
                 .flag = "kv-flow",
                 .kind = choice,
                 .argument = "KIND",
                 .fallback = "push for SGLang, else pull",
                 .help = "who moves the KV: the decode worker when the prompt is complete, or the "
                         "prefill worker chunk by chunk",
                 .set = disaggregation<&D::flow>,
                 .choices = {"pull", "push"}});
  out.push_back({d, "local_prompt", "local-prompt", integer, "TOKENS", "0",
                 "prompts up to it stay with the worker that decodes",
                 disaggregation<&D::local_prompt>, 0, kMostTokens});
  Field lease = time("kv_lease", "kv-lease", "480 s for vLLM, else 0 s",
                     "how long a prefill worker keeps KV that no decode worker has read; 0 s: for "
                     "good",
                     disaggregation<&D::kv_lease_s>);
  lease.section = d;
  out.push_back(std::move(lease));
  out.push_back({.section = d,
                 .key = "autoscaler",
                 .flag = "prefill-autoscaler",
                 .kind = choice,
                 .argument = "POLICY",
                 .fallback = "none",
                 .help = "policy that sets the number of prefill workers; dynamo: that of decode "
                         "workers too",
                 .set = disaggregation<&D::autoscaler>,
                 .choices = {"fixed", "scheduled", "hpa", "keda", "knative", "ray-serve",
                             "serverless", "dynamo"}});
  out.push_back({d, "autoscale", "prefill-autoscale", texts, "NAME=VALUE", "the policy's defaults",
                 "a setting of it", disaggregation<&D::autoscale>});
  return out;
}

void price_provider(Scenario& s, const FieldValue& v) { assign(s.fleet.price.provider, v); }
void price_usd(Scenario& s, const FieldValue& v) { assign(s.fleet.price.usd_per_gpu_hour, v); }
void price_commitment(Scenario& s, const FieldValue& v) { assign(s.fleet.price.commitment, v); }

void add_gateway(std::vector<Field>& out) {
  add_rule(out, f);
  out.push_back({.section = f,
                 .key = "pool_order",
                 .flag = "pool-order",
                 .kind = choice,
                 .argument = "ORDER",
                 .fallback = "file",
                 .help = "several pools: they are asked in the order of the file, or the one whose "
                         "replica-hour costs least first",
                 .set = fleet<&F::pool_order>,
                 .choices = {"file", "price"}});
  out.push_back(whole("max_in_flight", "max-in-flight", "any number",
                      "requests that a replica is given at once; the others wait in the gateway",
                      fleet<&F::max_in_flight>, 1, 1e9));
  out.push_back(whole("queue_limit", "queue-limit", "any number",
                      "requests that may wait in the gateway; the others are shed",
                      fleet<&F::queue_limit>, 0, 1e12));
  out.push_back({f, "rate_limit", "rate-limit", number, "R", "none",
                 "requests per second that the gateway lets in (token bucket); the others are shed",
                 fleet<&F::rate_limit>, 0, 1e9, true});
  out.push_back({f, "rate_burst", "rate-burst", number, "N", "1", "size of the token bucket",
                 fleet<&F::rate_burst>, 1, 1e9});
  out.push_back({f, "shed_classes", "shed-class", texts, "CLASS", "none",
                 "a class of requests that may be shed", fleet<&F::shed_classes>});
  out.push_back({f, "shed_above", "shed-above", number, "N", "0",
                 "they are as soon as so many requests per ready replica are in the system",
                 fleet<&F::shed_above>, 0, 1e9});
  out.push_back(time("router_staleness", "router-staleness", "0 s; llm-d 50 ms",
                     "the router sees the replicas' load as it was at multiples of this time",
                     fleet<&F::router_staleness_s>));
  out.push_back({f, "load_bound", "load-bound", number, "X", "1.25",
                 "session-affinity and prefix-hash: most requests of a replica, in mean numbers of "
                 "requests",
                 fleet<&F::load_bound>, 1, 1000});
  out.push_back({f, "router_options", "router-option", texts, "NAME=VALUE", "the router's defaults",
                 "a setting of prefix-hash, cache-aware, llm-d or dynamo-kv by its own name "
                 "(docs/MODEL.md, Routers)",
                 fleet<&F::router_options>});
}

void add_prices(std::vector<Field>& out) {
  out.push_back(
      {f, "provider", "provider", text, "NAME", "generic", "whose prices", price_provider});
  out.push_back(commitment_field(f, "commitment", "on_demand", price_commitment));
  out.push_back({f, "usd_per_gpu_hour", "usd-per-gpu-hour", number, "USD", "the price list's",
                 "what a GPU-hour costs, in place of the price list", price_usd, 0, 1e6});
}

}  // namespace

std::vector<Field> fleet_fields() {
  std::vector<Field> out;
  add_starts(out);
  add_machines(out);
  add_failures(out);
  add_gateway(out);
  add_prices(out);
  for (auto part : {disaggregation_fields(), pool_fields()})
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace eph::scenario
