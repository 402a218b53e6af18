#pragma once
// What the user asks for, as plain values: one deployment, one workload, objectives.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/units.h"
#include "models/parallelism.h"
#include "models/precision.h"
#include "scenario/fleet_spec.h"
#include "sim/config.h"
#include "sim/slo.h"

namespace eph::scenario {

// An option of the engine by the engine's own name, as the user wrote it.
struct EngineSetting {
  std::string name, value;
};

// What only one engine knows, set by its own options (scenario/engine_options.h); absent: its
// default.
struct EngineTuning {
  std::optional<std::int64_t> kv_tokens, context_tokens, max_graph_tokens, partial_prefills,
      long_prefill_tokens, new_token_decay_steps, clip_new_tokens, retract_steps;
  // Speculative decoding: positions of a draft; SGLang's tokens to verify and topk; TensorRT-LLM's
  // layers for multi-token prediction.
  std::optional<std::int64_t> draft_positions, verified_tokens, draft_width, draft_layers;
  std::optional<std::string> draft_method, draft_acceptance;
  std::optional<double> watermark, conservativeness, new_token_ratio, new_token_ratio_floor,
      slot_similarity;
  std::optional<bool> reserve_full_prompt, mixed_chunk, continuous_batching;
  std::optional<std::string> scheduling_policy, capacity_policy;
  // SGLang, readings of its source.
  std::optional<std::string> radix_insert, full_batch_reopens, retract_until;
};

// One engine serving one model on identical replicas. Optional limits default to what the engine
// itself would choose on that GPU (models/engine_defaults.h).
struct DeploymentSpec {
  std::string model;  // catalogue name, or path of a config.json
  std::string engine = "vllm";
  std::string engine_version;  // empty: newest known rules
  std::string gpu = "h100-sxm";
  models::Parallelism layout;
  int replicas = 1;
  sim::RouterKind router = sim::RouterKind::least_outstanding;
  std::string network;   // catalogue name or file; empty: none
  std::string topology;  // catalogue name or file; empty: the constants between nodes
  double isolation = 1;  // factor on the host's times, on top of host_speed
  std::string profile;   // path; empty: the shipped profile of engine and GPU
  std::optional<double> host_speed;
  std::optional<std::int64_t> max_num_seqs, max_num_batched_tokens, chunk_tokens, max_model_len;
  std::optional<std::int64_t> kv_blocks, block_size;
  std::optional<double> memory_fraction;
  std::optional<models::Precision> weights, kv_precision;
  std::optional<bool> async_scheduling, chunked_prefill, prefix_caching;
  std::string schedule_policy = "fcfs";       // or "lpm": SGLang only
  std::string preset;                         // of data/presets; empty: the engine's defaults
  std::vector<EngineSetting> engine_options;  // by the engine's own names; assembly resolves them
  EngineTuning tuning;
};

// Where requests come from: exactly one of `trace`, `model` or `synthetic`.
struct SyntheticSpec {
  std::string arrivals = "poisson";  // poisson | gamma | constant | closed
  double rate = 1.0;                 // requests/s
  double cv = 1.0;                   // of gamma inter-arrival times
  double swing = 0;  // the rate is rate * (1 + swing * cos), highest at swing_peak_s
  double swing_period_s = 86'400;
  std::optional<double> swing_peak_s;  // none: half a period
  int concurrency = 0;                 // closed loop
  std::int64_t prompt_tokens = 512, output_tokens = 128;
  double length_spread = 0;   // uniform in nominal * [1 - spread, 1 + spread]
  std::int64_t requests = 0;  // 0: by duration
  double duration_s = 0;
  // Conversations (workload/sessions.h): rate and concurrency count them, not requests.
  std::int64_t turns = 1;
  std::optional<std::int64_t> user_tokens;  // nominal; none: as many as prompt_tokens
  double think_time_s = 10;                 // mean
  std::int64_t shared_tokens = 0, groups = 1;

  [[nodiscard]] bool has_sessions() const { return turns > 1 || shared_tokens > 0; }
  friend bool operator==(const SyntheticSpec&, const SyntheticSpec&) = default;
};
struct WorkloadSpec {
  std::string trace;  // file
  std::string model;  // shipped name ("azure-conv-2023") or file of a workload model
  std::optional<SyntheticSpec> synthetic;
  double rate_scale = 1.0;
  std::string rate_mode = "superpose";  // or "compress"
  std::optional<double> from_s, to_s;   // window
  std::int64_t repeat = 1;
  std::int64_t max_requests = 0;                // 0: all
  std::int64_t cap_prompt = 0, cap_output = 0;  // clip token counts; 0: no cap
  std::int64_t max_output_tokens = 0;  // what every request allows; 0: its own limit or its output
  std::vector<std::string> class_priorities;  // "CLASS=N", in place of the trace's priority column
  std::optional<double> client_timeout_s;
  sim::TimeoutOn timeout_on = sim::TimeoutOn::e2e;
  friend bool operator==(const WorkloadSpec&, const WorkloadSpec&) = default;
};

// A further pool behind the same gateway: the deployment, with what is different.
struct PoolSpec {
  std::string name;
  DeploymentSpec deployment;
  RuleSpec rule;
  std::optional<double> reclaims_per_hour, usd_per_gpu_hour;  // none: as the first pool
  std::optional<std::string> provider, commitment;            // likewise
  // Of the deployment, not taken over: they are its engine's, and this pool runs another one.
  std::vector<std::string> left_out;
};

struct Scenario {
  DeploymentSpec deployment;
  FleetSpec fleet;
  DisaggregationSpec disaggregation;
  std::vector<PoolSpec> pools;  // file only
  WorkloadSpec workload;
  std::vector<sim::Slo> slos;
  std::uint64_t seed = 1;
  int runs = 1;
  std::optional<double> horizon_s;
};

}  // namespace eph::scenario
