#pragma once
// The constants of an engine's operators on one GPU: how close its kernels come to the GPU's peaks.
//
// They turn sizes into times (models/op_times.h) and are the same for every model and layout.
// Fitted on operator benchmarks; data/ops/<engine>-<gpu>.json has them with their source and
// held-out error.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/result.h"

namespace eph::models {

// Kernels differ by the format of the weights.
enum class KernelGroup : std::uint8_t { bits16, fp8, fp8_block, bits4, count_ };
inline constexpr std::size_t kKernelGroups = static_cast<std::size_t>(KernelGroup::count_);
[[nodiscard]] std::string_view name(KernelGroup group);  // "bits16": the key in files

// MODEL eq. 3. Efficiencies are shares of the peak.
struct GemmConstants {
  double launch_us = 3;
  double memory_efficiency = 0.92;
  double compute_efficiency = 0.8;
  double min_rows = 128;       // fewer rows cost as much as this many
  double tail_waves = 0.07;    // share of a wave of 128 x 128 tiles over 132 SMs that stays idle
  double quantise_passes = 0;  // times the activations are read in 16 and written in 8 bit
  double exponent = 2.3;       // of the smooth maximum
};

// MODEL eq. 5.
struct MoeConstants {
  double launch_us = 40;  // routing, permutation, grouped GEMMs
  double memory_efficiency = 0.95;
  double compute_efficiency = 0.6;
  double pad_rows = 10;    // rows added to each active expert
  double move_passes = 4;  // times the tokens' activations travel through memory
  double imbalance = 1;    // busiest rank over the mean, minus 1, when experts are fully spread
  bool moves_remote_pairs = true;  // each rank permutes also the pairs of other ranks' experts
  double exponent = 1.5;
};

// MODEL eq. 6 and 7.
struct AttentionConstants {
  double decode_memory_efficiency = 0.86;
  double decode_memory_efficiency_8bit = 0.72;  // KV cache of one byte per value
  double decode_compute_efficiency = 0.25;
  double prefill_compute_efficiency = 0.65;
  double prefill_extra_keys = 200;  // keys per query beyond the causal ones (whole tiles)
  double prefill_memory_efficiency = 0.6;
  double mla_decode_memory_efficiency = 0.84;  // latent attention has kernels of its own
  double mla_decode_compute_efficiency = 0.67;
  double mla_prefill_compute_efficiency = 0.56;
  double linear_prefill_compute_efficiency = 0.08;  // gated delta rule; its decodes only move state
};

// MODEL eq. 8.
struct CommunicationConstants {
  double latency_us = 5;        // of one all-reduce inside a node
  double efficiency = 0.7;      // of the link, ring volume
  double pcie_latency_us = 10;  // where GPUs have no NVLink
  double pcie_efficiency = 0.5;
  double internode_latency_us = 60;  // of one all-reduce
  double internode_gb_per_s = 50;    // per GPU and direction
};

struct OperatorModel {
  std::array<GemmConstants, kKernelGroups> gemm{};
  std::array<MoeConstants, kKernelGroups> moe{};
  AttentionConstants attention;
  CommunicationConstants communication;

  [[nodiscard]] const GemmConstants& gemm_of(KernelGroup g) const {
    return gemm[static_cast<std::size_t>(g)];
  }
  [[nodiscard]] const MoeConstants& moe_of(KernelGroup g) const {
    return moe[static_cast<std::size_t>(g)];
  }
};

// As the member "operators" of a profile; strict like every reader.
[[nodiscard]] Json to_json(const OperatorModel& model);
[[nodiscard]] OperatorModel read_operators(Reader& reader);

// A file of data/ops.
struct OperatorFit {
  std::string what, table;  // "gemm fp8", "vllm-0.19.0"
  std::int64_t n = 0;
  double mape = 0, median = 0, p90 = 0;  // held out, percent
};
struct OperatorFile {
  std::string engine, gpu;
  OperatorModel operators;
  std::vector<OperatorFit> fits;
  std::vector<std::string> sources;
};
[[nodiscard]] Result<OperatorFile> load_operators(const std::string& path);

}  // namespace eph::models
