#pragma once
// Times of single operators from sizes and a GPU's rates: pure functions, seconds. docs/MODEL.md,
// "Step time", has the equations.
#include "models/gpu_spec.h"
#include "models/operators.h"
#include "models/precision.h"
#include "models/topology/node_network.h"

namespace eph::models {

// (a^p + b^p)^(1/p) for a, b >= 0 and p >= 1: the larger of two times with a soft corner.
[[nodiscard]] double smooth_max(double a, double b, double p);

// How a weight format runs on a GPU: hardware without FP8 or FP4 units unpacks to 16 bit (half the
// bytes, no more speed).
struct Kernel {
  KernelGroup group = KernelGroup::bits16;
  double weight_bytes = 2;      // per value
  double activation_bytes = 2;  // per value of the input
  double flops_per_s = 0;
  double bytes_per_s = 0;
};
[[nodiscard]] Kernel kernel_for(Precision weights, const GpuSpec& gpu);

// rows x k times k x n.
struct GemmSize {
  double n = 0, k = 0;
};
[[nodiscard]] double gemm_seconds(const GemmConstants& c, const Kernel& kernel, GemmSize size,
                                  double rows);

// The routed experts of one layer as one rank sees them.
struct MoeSize {
  double experts = 0, per_token = 0;  // of the layer
  double expert_ranks = 1;            // experts are spread over this many ranks
  double hidden = 0;
  double inter = 0;  // this rank's share of one expert's width
  double matrices = 3;
};
// Experts of one rank that at least one of `tokens` tokens picks, choices taken as independent.
[[nodiscard]] double active_experts(const MoeSize& size, double tokens);
[[nodiscard]] double moe_seconds(const MoeConstants& c, const Kernel& kernel, const MoeSize& size,
                                 double tokens);

// All-reduce of `bytes` held by each of `ranks` GPUs; 0 for one rank.
[[nodiscard]] double allreduce_seconds(const CommunicationConstants& c, const GpuSpec& gpu,
                                       int ranks, double bytes);

// The same over nodes of a named network (MODEL eq. 46): inside each node as above, then between
// the nodes, every GPU with its share.
[[nodiscard]] double allreduce_seconds(const CommunicationConstants& c, const GpuSpec& gpu,
                                       const NodeNetwork& network, int ranks, double bytes);

// Activations from one pipeline stage to the next (MODEL eq. 47): `bytes` of one rank, cut over the
// tensor ranks for the way and gathered behind it. Between nodes over `network`, else over the
// link.
[[nodiscard]] double stage_hop_seconds(const CommunicationConstants& c, const GpuSpec& gpu,
                                       const NodeNetwork* network, int tensor, double bytes);

// What the constants stand for, as a network.
[[nodiscard]] NodeNetwork constant_network(const CommunicationConstants& c, const GpuSpec& gpu);

}  // namespace eph::models
