#include "models/op_times.h"

#include <algorithm>
#include <cmath>

namespace eph::models {

double smooth_max(double a, double b, double p) {
  const double high = std::max(a, b), low = std::min(a, b);
  if (low <= 0) return high;
  return high * std::pow(1 + std::pow(low / high, p), 1 / p);
}

Kernel kernel_for(Precision weights, const GpuSpec& gpu) {
  Kernel k;
  k.weight_bytes = bytes_per_value(weights);
  k.flops_per_s = gpu.bf16.value;
  k.bytes_per_s = gpu.memory_bandwidth.value;
  const bool has_fp8 = gpu.fp8.value > 0;
  switch (weights) {
    case Precision::bf16:
    case Precision::fp16:
      break;
    case Precision::fp8:
    case Precision::int8:
    case Precision::fp8_block:
      if (!has_fp8) break;
      k.group = weights == Precision::fp8_block ? KernelGroup::fp8_block : KernelGroup::fp8;
      k.flops_per_s = gpu.fp8.value;
      k.activation_bytes = 1;
      break;
    case Precision::q8_0:
    case Precision::q6_k:
    case Precision::q5_k_m:
    case Precision::q4_k_m:
    case Precision::q4_0:  // unpacked to 16 bit
    case Precision::int4:
    case Precision::mxfp4:
      k.group = KernelGroup::bits4;
      break;
    case Precision::nvfp4:
      k.group = KernelGroup::bits4;
      if (gpu.fp4.value <= 0) break;
      k.flops_per_s = gpu.fp4.value;
      k.activation_bytes = 0.5;
      break;
  }
  return k;
}

// MODEL eq. 3: launch + quantisation of the input + smooth maximum of memory and compute.
double gemm_seconds(const GemmConstants& c, const Kernel& kernel, GemmSize size, double rows) {
  constexpr double kTileFlops = 2.0 * 132 * 128 * 128;  // one wave of H100 tiles, per unit of k
  const double bytes = size.n * size.k * kernel.weight_bytes +
                       rows * size.k * kernel.activation_bytes + rows * size.n * 2;
  const double flops =
      2 * std::max(rows, c.min_rows) * size.n * size.k + c.tail_waves * kTileFlops * size.k;
  const double quantise = c.quantise_passes * rows * size.k * 3 / kernel.bytes_per_s;
  return c.launch_us * 1e-6 + quantise +
         smooth_max(bytes / (c.memory_efficiency * kernel.bytes_per_s),
                    flops / (c.compute_efficiency * kernel.flops_per_s), c.exponent);
}

double active_experts(const MoeSize& size, double tokens) {
  const double local = size.experts / size.expert_ranks;
  if (size.per_token >= size.experts) return tokens > 0 ? local : 0;
  return local * -std::expm1(tokens * std::log1p(-size.per_token / size.experts));
}

// MODEL eq. 5.
double moe_seconds(const MoeConstants& c, const Kernel& kernel, const MoeSize& size,
                   double tokens) {
  const double active = active_experts(size, tokens);
  const double spread = 1 + c.imbalance * (1 - 1 / size.expert_ranks);
  const double pairs = tokens * size.per_token;
  const double rows = pairs / size.expert_ranks * spread;
  const double expert_values = size.matrices * size.hidden * size.inter;
  const double flops = 2 * expert_values * (rows + active * c.pad_rows);
  const double moved =
      (c.moves_remote_pairs ? pairs : rows) * size.hidden + rows * size.matrices * size.inter;
  return c.launch_us * 1e-6 + c.move_passes * 2 * moved / kernel.bytes_per_s +
         smooth_max(active * expert_values * kernel.weight_bytes /
                        (c.memory_efficiency * kernel.bytes_per_s),
                    flops / (c.compute_efficiency * kernel.flops_per_s), c.exponent);
}

// MODEL eq. 8: latency and the volume of a ring.
double allreduce_seconds(const CommunicationConstants& c, const GpuSpec& gpu, int ranks,
                         double bytes) {
  if (ranks <= 1) return 0;
  const double volume = bytes * 2 * (ranks - 1) / ranks;
  if (ranks > gpu.max_gpus_per_node) {
    return c.internode_latency_us * 1e-6 + volume / (c.efficiency * c.internode_gb_per_s * 1e9);
  }
  if (ranks <= gpu.bridge_gpus) {
    return c.latency_us * 1e-6 + volume / (c.efficiency * gpu.bridge_bandwidth.value);
  }
  if (!gpu.has_nvlink) {
    return c.pcie_latency_us * 1e-6 + volume / (c.pcie_efficiency * gpu.link_bandwidth.value);
  }
  return c.latency_us * 1e-6 + volume / (c.efficiency * gpu.link_bandwidth.value);
}

double allreduce_seconds(const CommunicationConstants& c, const GpuSpec& gpu,
                         const NodeNetwork& network, int ranks, double bytes) {
  const int nodes = (ranks + network.gpus_per_node - 1) / network.gpus_per_node;
  const int here = (ranks + nodes - 1) / nodes;
  if (nodes <= 1) return allreduce_seconds(c, gpu, ranks, bytes);
  return allreduce_seconds(c, gpu, here, bytes) +
         remote_all_reduce_seconds(network.remote, nodes, bytes / here);
}

double stage_hop_seconds(const CommunicationConstants& c, const GpuSpec& gpu,
                         const NodeNetwork* network, int tensor, double bytes) {
  const double link = gpu.has_nvlink ? c.efficiency * gpu.link_bandwidth.value
                                     : c.pcie_efficiency * gpu.link_bandwidth.value;
  const double local_latency = (gpu.has_nvlink ? c.latency_us : c.pcie_latency_us) * 1e-6;
  const double way = network == nullptr
                         ? local_latency + bytes / tensor / link
                         : network->remote.latency_s + bytes / tensor / network->remote.bytes_per_s;
  return tensor == 1 ? way : way + local_latency + bytes * (tensor - 1) / tensor / link;
}

NodeNetwork constant_network(const CommunicationConstants& c, const GpuSpec& gpu) {
  return {gpu.max_gpus_per_node,
          {c.internode_latency_us * 1e-6, c.efficiency * c.internode_gb_per_s * 1e9}};
}

}  // namespace eph::models
