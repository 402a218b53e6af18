#pragma once
// Everything one run owns or borrows: plain values, defaults in place.
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "models/engine_kind.h"
#include "models/front_end.h"
#include "models/llm_spec.h"
#include "models/memory.h"
#include "models/network_profile.h"
#include "models/parallelism.h"
#include "models/precision.h"
#include "models/step_model.h"
#include "models/topology/cluster.h"
#include "models/topology/placement.h"
#include "sim/autoscale/options.h"
#include "sim/fleet/options.h"
#include "sim/routers/options.h"
#include "sim/speculation.h"

namespace eph::sim {

// TensorRT-LLM's capacity_scheduler_policy.
enum class Capacity { guaranteed_no_evict, max_utilization, static_batch };
enum class SchedulePolicy { fcfs, lpm };
// Where SGLang's source leaves room for two readings (docs/MODEL.md, "Schedulers"); the first of
// each is the one taken.
struct SglangReadings {
  bool prompts_enter_tree = true;    // after their prefill; else only finished and chunked requests
  bool full_until_decode = false;    // a finished request reopens the batch one decode step later
  bool retract_to_headroom = false;  // until retract_decode_steps tokens per survivor are free
};

// Limits of one engine under its own rules (docs/MODEL.md, "Schedulers"). Names follow vLLM; what
// each engine calls them is in models/engine_defaults.h.
struct EngineOptions {
  models::EngineKind kind = models::EngineKind::vllm;
  std::int64_t max_num_batched_tokens = 8192;  // token budget of one step
  std::int64_t max_num_seqs = 1024;            // sequences running at once
  std::int64_t chunk_tokens = 8192;            // SGLang chunked_prefill_size; <= 0: no chunking
  bool chunked_prefill = true;
  bool async_scheduling = true;     // step k+1 is composed when step k starts (one-step lag)
  std::int64_t max_model_len = 0;   // prompt + output; 0: no limit but the KV pool
  bool reserve_full_prompt = true;  // vLLM >= 0.19: admission needs room for the whole sequence
  double watermark = 0.0;           // vLLM: share of blocks kept free when admitting
  // KV outlives its sequence and is found again by content: vLLM enable_prefix_caching, SGLang's
  // radix cache, TensorRT-LLM enable_block_reuse, llama.cpp cache_prompt.
  bool prefix_caching = false;
  // SGLang schedule_policy: order of the queue, by arrival or by the longest cached prefix.
  SchedulePolicy schedule_policy = SchedulePolicy::fcfs;
  // SGLang: reservation for output tokens of running requests (ENGINES B2, B4).
  double new_token_ratio_init = 0.7;
  double new_token_ratio_min = 0.098;
  int new_token_ratio_decay_steps = 600;
  std::int64_t clip_max_new_tokens = 4096;
  std::int64_t retract_decode_steps = 20;  // counted on top after a retraction
  bool mixed_chunk = false;                // prefill steps take the decodes along
  // vLLM: order and victims by priority, then arrival; most prompt tokens of a request in a step,
  // 0: no limit.
  bool priority_scheduling = false;
  std::int64_t long_prefill_tokens = 0;
  Capacity capacity = Capacity::guaranteed_no_evict;  // TensorRT-LLM
  bool continuous_batching = true;                    // llama.cpp: prompts join steps that generate
  double slot_prompt_similarity = 0.1;  // llama.cpp: least share of a prompt that a slot must hold
  SglangReadings sglang;
  SpeculationOptions speculation;  // vLLM, SGLang, TensorRT-LLM
};

// Limits and pool are those of one rank. Data-parallel ranks (more than one) have schedulers of
// their own and step together, each as long as the slowest.
struct ReplicaConfig {
  EngineOptions engine;
  models::KvPool kv;
  int ranks = 1;
  const models::StepModel* step = nullptr;  // borrowed; must outlive the simulation; thread safe
  models::FrontEnd front_end;
};

// What a client waits for before it gives up: the first token, or the last one.
enum class TimeoutOn { ttft, e2e };

enum class RouterKind {
  round_robin,
  least_outstanding,
  least_tokens,
  random,
  power_of_two,
  session_affinity,
  prefix_hash,
  cache_aware,
  llm_d,
  dynamo_kv,
};

[[nodiscard]] std::string_view name(RouterKind kind);  // "least-outstanding"
[[nodiscard]] std::optional<RouterKind> parse_router(std::string_view text);
[[nodiscard]] std::vector<std::string_view> router_names();

struct RoutingOptions {
  Duration staleness{};      // age of what the router knows: it looks at multiples of this
  double load_bound = 1.25;  // of rings: most load of a replica, in mean loads
  PrefixHashOptions prefix_hash;
  CacheAwareOptions cache_aware;
  LlmdOptions llm_d;
  DynamoKvOptions dynamo_kv;
};

// Replicas that are alike, behind one router, and how their number and their health change.
struct PoolConfig {
  std::string name = "main";
  ReplicaConfig replica;
  int replicas = 1;  // at the start, all ready
  RouterKind router = RouterKind::least_outstanding;
  RoutingOptions routing;
  std::optional<AutoscalerOptions> autoscaler;  // none: `replicas` for good
  StartOptions start;
  FaultOptions faults;
  PlaceOptions places;
  Upgrade upgrade;
  AdmissionOptions admission;
  Duration drain_limit{};  // a replica that is to go loses what it still has then; zero: no limit
  int gpus = 1;            // of a replica
};

// Which requests a pool takes; of several pools the first that does.
struct PoolRule {
  std::int32_t min_prompt = 0;
  std::int32_t max_prompt = std::numeric_limits<std::int32_t>::max();
  std::vector<std::string> classes;  // empty: all
  double spill_above =
      0;  // requests per ready replica from which on the next pool is asked; 0: never
};

// Nodes that are filled by placement (models/topology/placement.h); they take the place of
// PlaceOptions. A node that fails, or one of whose GPUs does, gives no GPU until its repair.
struct MachineOptions {
  int nodes = 1, gpus_per_node = 8, nodes_per_rack = 4;
  int zones = 1;  // nodes are in them in turn
  models::PlacementRule rule;
};

struct FurtherPool {
  PoolConfig pool;
  PoolRule rule;
};

// Separate prefill and decode workers: the further pool 0 computes prompts, the first pool the
// rest.
struct Disaggregation {
  // Pull: the decode worker reads the KV when the prompt is complete (vLLM's NIXL connector). Push:
  // the prefill worker sends it chunk by chunk while it computes (SGLang).
  enum class Flow { pull, push } flow = Flow::pull;
  // The first token is the prefill worker's (SGLang), or computed again by the decode worker.
  bool first_from_prefill = false;
  std::int64_t local_prompt = 0;  // prompts up to it are computed where they decode
  // How long a prefill worker keeps KV that nobody has read, from the end of the prompt on; zero:
  // for good. When it has run out the request is treated as one whose worker died.
  Duration kv_lease{};
  // What the decode worker's prefix cache has when the move begins is not moved (vLLM).
  bool spares_cached = false;
  // The decode worker's blocks are taken before the KV moves, where its engine does so and it has
  // one rank; else at admission.
  bool takes_ahead = true;
  models::LlmSpec llm;  // whose KV moves
  models::Precision kv_precision = models::Precision::bf16;
  models::Parallelism decode_layout;
  std::shared_ptr<const models::Cluster> cluster;  // its links carry it; never null
  // NVIDIA Dynamo's planner sets the numbers of both kinds of workers; then neither pool has an
  // autoscaler of its own.
  std::optional<DynamoOptions> planner;
  int prefill_gpu = 0;  // where the prefill workers begin: decode workers stand on GPU 0 and on
};

// One pool, and what concerns the run.
struct SimulationConfig : PoolConfig {
  PoolRule rule;  // of the first pool
  std::vector<FurtherPool> further;
  std::vector<std::uint32_t> pool_order;   // in which pools are asked; empty: as they stand here
  std::optional<MachineOptions> machines;  // that all pools' replicas stand on; none: any number
  std::optional<Disaggregation> disaggregation;   // requires one further pool
  std::optional<models::NetworkProfile> network;  // none: clients sit beside the replicas
  std::uint64_t seed = 1;
  std::uint64_t run = 0;                   // replication number: same seed, other draws
  SimTime horizon = SimTime::never();      // stop here; what has not ended is counted as unfinished
  SimTime measure_from = SimTime::zero();  // requests sent earlier are simulated but not summarised
  Duration series_interval = Duration::zero();  // zero: no time series
  bool exact_steps = false;  // one event per iteration; the results are the same, and later
  Duration client_timeout = Duration::zero();  // of requests without their own; zero: none
  TimeoutOn timeout_on = TimeoutOn::e2e;
};

}  // namespace eph::sim
