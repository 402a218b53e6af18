#pragma once
// How a deployment's replicas live, as the user says it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/fleet/options.h"

namespace eph::scenario {

// Which requests a pool takes; see sim::PoolRule.
struct RuleSpec {
  std::optional<std::int64_t> min_prompt, max_prompt;
  std::vector<std::string> classes;
  double spill_above = 0;
};

// What a GPU-hour costs: whose list, and bound for how long; or a price of one's own.
struct PriceSpec {
  std::string provider = "generic", commitment = "on_demand";
  std::optional<double> usd_per_gpu_hour;
};

// Prefill workers beside the deployment, which then only decodes.
struct DisaggregationSpec {
  int replicas = 0;  // 0: none
  std::optional<int> tensor, pipeline;
  std::optional<std::int64_t> max_num_batched_tokens;
  std::string flow;  // "pull" or "push"; empty: the engine's way
  std::int64_t local_prompt = 0;
  std::optional<double> kv_lease_s;  // none: the engine's; 0: for good
  std::string autoscaler;
  std::vector<std::string> autoscale;
};

struct FleetSpec {
  std::string autoscaler;              // a name of autoscale_policies(); empty: none
  std::vector<std::string> autoscale;  // its settings, "target=20"
  // Starts: what the fitted start-up model says, part by part replaced by what is given here.
  std::string start = "fitted";  // or "instant"
  std::string cloud;             // whose downloads and machines the model is asked about
  std::optional<sim::Spread> provision, image, weights, init;
  int warm_nodes = 0;
  double drain_limit_s = 0;
  // Failures.
  double gpu_mtbf_s = 0, node_mtbf_s = 0, zone_mtbf_s = 0;
  std::optional<double> gpu_repair_s, node_repair_s, zone_repair_s;  // none: kRepairSeconds
  std::vector<std::string> outages, stragglers;
  double straggler_share = 0, straggler_factor = 1.5;
  double reclaims_per_hour = 0, reclaim_notice_s = 120;
  double detection_s = 10;
  bool replace = true;
  std::string lost_work = "retry";
  int max_retries = 3;
  double retry_delay_s = 0;
  // Machines.
  std::optional<int> replicas_per_node;  // none: as many as a node of 8 GPUs holds
  int zones = 1;
  int capacity = 0;
  int nodes = 0;                       // that replicas are placed on; 0: not counted
  std::string placement = "pack";      // or "spread"
  std::string anti_affinity = "none";  // or "node", "rack"
  // Upgrade.
  std::optional<double> upgrade_at_s;
  int upgrade_surge = 1, upgrade_unavailable = 0;
  // Gateway.
  RuleSpec rule;                    // of the deployment, where there are further pools
  std::string pool_order = "file";  // or "price": in which they are asked
  PriceSpec price;
  std::optional<std::int64_t> queue_limit;
  std::int64_t max_in_flight = 0;
  double rate_limit = 0, rate_burst = 1;
  std::vector<std::string> shed_classes;
  double shed_above = 0;
  std::optional<double> router_staleness_s;  // none: the router's own
  double load_bound = 1.25;
  std::vector<std::string> router_options;  // its settings, "cache_threshold=0.5"

  [[nodiscard]] bool breaks() const { return fails() || reclaims_per_hour > 0; }
  [[nodiscard]] bool fails() const {  // without notice
    return gpu_mtbf_s > 0 || node_mtbf_s > 0 || zone_mtbf_s > 0 || !outages.empty();
  }
  // A machine's repair is waited for: no other one takes its place at once.
  [[nodiscard]] bool waits_for_repairs() const { return !replace || capacity > 0 || nodes > 0; }
  [[nodiscard]] bool starts_replicas() const {
    return !autoscaler.empty() || breaks() || upgrade_at_s.has_value();
  }
};

}  // namespace eph::scenario
