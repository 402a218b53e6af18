#include "models/topology/cluster_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/text.h"

namespace eph::models {
namespace {

constexpr std::array<std::string_view, 17> kKeys = {
    "gpus_per_node",    "nvlink",           "scale_up_bandwidth", "scale_up_efficiency",
    "scale_up_latency", "nics_per_node",    "nic_bandwidth",      "nic_efficiency",
    "nic_latency",      "pcie_bandwidth",   "rail_optimised",     "leaf_ports",
    "spine_ports",      "oversubscription", "switch_latency",     "collective_step",
    "nodes_per_rack"};

int read_count(Reader& root, std::string_view key, std::int64_t low, std::int64_t high) {
  return static_cast<int>(root.integer(key, {.min = low, .max = high}));
}

double read_rate(Reader& root, std::string_view key) {
  const double rate = root.bandwidth(key).value;
  if (rate < 1e6) root.fault(key, "is below 1 MB/s");
  return rate;
}

double read_latency(Reader& root, std::string_view key) {
  const double latency = root.seconds(key).value;
  if (latency < 0 || latency > 1) root.fault(key, "is not between 0 and 1 s");
  return latency;
}

void read_network(Reader& root, ClusterSpec& spec) {
  spec.nic_bytes_per_s = read_rate(root, "nic_bandwidth");
  spec.nic_efficiency = root.number("nic_efficiency", Range{0.05, 1.0});
  spec.nic_latency_s = read_latency(root, "nic_latency");
  spec.collective_step_s = read_latency(root, "collective_step");
  spec.pcie_bytes_per_s = read_rate(root, "pcie_bandwidth");
  spec.rail_optimised = root.boolean("rail_optimised");
  spec.leaf_ports = read_count(root, "leaf_ports", 2, 4096);
  spec.spine_ports = read_count(root, "spine_ports", 2, 4096);
  spec.oversubscription = root.number("oversubscription", Range{1.0, 64.0});
  spec.switch_latency_s = read_latency(root, "switch_latency");
}

void check_shape(Reader& root, const ClusterSpec& spec) {
  const int groups = spec.nic_groups();
  if (spec.gpus_per_node % groups != 0 || spec.nics_per_node % groups != 0)
    root.fault("nics_per_node", fmt::format("{} cards do not divide evenly over {} GPUs",
                                            spec.nics_per_node, spec.gpus_per_node));
  if (spec.nodes_per_leaf() < 1)
    root.fault("leaf_ports", fmt::format("{} ports hold no node", spec.leaf_ports),
               "a node needs a port for each of its cards that go to one leaf");
  if (spec.spine_ports < spec.leaves_per_block())
    root.fault("spine_ports", fmt::format("{} ports for {} leaves of one block", spec.spine_ports,
                                          spec.leaves_per_block()));
}

}  // namespace

double ClusterSpec::nic_group_bytes_per_s() const {
  return nic_bytes_per_s * nic_efficiency * (nics_per_node / std::max(1, nic_groups()));
}

int ClusterSpec::nodes_per_leaf() const {
  const int down = static_cast<int>(leaf_ports * oversubscription / (1 + oversubscription));
  return down / (rail_optimised ? nics_per_node / nic_groups() : nics_per_node);
}

int ClusterSpec::blocks_per_pod() const { return spine_ports / leaves_per_block(); }

double ClusterSpec::leaf_uplink_bytes_per_s() const {
  const double groups = rail_optimised ? 1 : nic_groups();
  return nodes_per_leaf() * groups * nic_group_bytes_per_s() / oversubscription;
}

Result<ClusterSpec> load_cluster_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  ClusterSpec spec;
  root.integer("version", {.min = 1, .max = 1});
  spec.name = root.string("name");
  spec.description = root.string("description");
  spec.gpus_per_node = read_count(root, "gpus_per_node", 1, 64);
  spec.nvlink = root.boolean("nvlink");
  spec.scale_up_bytes_per_s = read_rate(root, "scale_up_bandwidth");
  spec.scale_up_efficiency = root.number("scale_up_efficiency", Range{0.05, 1.0});
  spec.scale_up_latency_s = read_latency(root, "scale_up_latency");
  spec.nics_per_node = read_count(root, "nics_per_node", 0, 256);
  spec.nodes_per_rack = static_cast<int>(root.integer("nodes_per_rack", {.min = 1, .max = 1024}));
  if (spec.nics_per_node > 0) read_network(root, spec);
  if (spec.nics_per_node > 0 && faults.ok()) check_shape(root, spec);
  spec.assumed = root.strings("assumed");
  for (const std::string& key : spec.assumed)
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
      root.fault("assumed", fmt::format("\"{}\" is no key of this file", key),
                 suggest(key, std::vector<std::string>(kKeys.begin(), kKeys.end())));
  spec.sources = root.strings("sources");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return spec;
}

}  // namespace eph::models
