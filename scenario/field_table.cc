#include "core/assert.h"
#include "models/precision.h"
#include "scenario/field_setters.h"
#include "scenario/fields.h"
#include "scenario/fleet_fields.h"

namespace eph::scenario {

namespace {

template <auto Member>
void root(Scenario& s, const FieldValue& value) {
  assign(s.*Member, value);
}
template <auto Member>
void deployment(Scenario& s, const FieldValue& value) {
  assign(s.deployment.*Member, value);
}
template <auto Member>
void layout(Scenario& s, const FieldValue& value) {
  assign(s.deployment.layout.*Member, value);
}
template <auto Member>
void workload(Scenario& s, const FieldValue& value) {
  assign(s.workload.*Member, value);
}
template <auto Member>
void synthetic(Scenario& s, const FieldValue& value) {
  if (!s.workload.synthetic) s.workload.synthetic.emplace();
  assign((*s.workload.synthetic).*Member, value);
}

void set_router(Scenario& s, const FieldValue& value) {
  const auto kind = sim::parse_router(std::get<std::string>(value));
  EPH_ASSERT(kind.has_value(), "router of the table is one");
  s.deployment.router = *kind;
}
void set_weights(Scenario& s, const FieldValue& value) {
  s.deployment.weights = models::parse_precision(std::get<std::string>(value));
  EPH_ASSERT(s.deployment.weights.has_value(), "dtype of the table is a precision");
}
void set_kv_precision(Scenario& s, const FieldValue& value) {
  s.deployment.kv_precision = models::parse_precision(std::get<std::string>(value));
  EPH_ASSERT(s.deployment.kv_precision.has_value(), "kv_dtype of the table is a precision");
}

void set_timeout_on(Scenario& s, const FieldValue& value) {
  s.workload.timeout_on =
      std::get<std::string>(value) == "ttft" ? sim::TimeoutOn::ttft : sim::TimeoutOn::e2e;
}

constexpr double kMaxTokens = 1 << 30;  // token counts are 32 bit in the simulator
constexpr double kMaxSeconds = 1e9;     // 31 years: well inside integer nanoseconds
using D = DeploymentSpec;
using W = WorkloadSpec;
using S = SyntheticSpec;
using enum FieldKind;

std::vector<Field> deployment_fields() {
  constexpr std::string_view d = "deployment";
  return {
      {d, "model", "model", text, "NAME", "",
       "language model: a catalogue name or the path of a config.json", deployment<&D::model>},
      {.section = d,
       .key = "engine",
       .flag = "engine",
       .kind = choice,
       .argument = "ENGINE",
       .fallback = "vllm",
       .help = "inference engine whose rules are simulated",
       .set = deployment<&D::engine>,
       .choices = {"vllm", "sglang", "trtllm", "llamacpp"}},
      {.section = d,
       .key = "dtype",
       .flag = "dtype",
       .kind = choice,
       .argument = "TYPE",
       .fallback = "the model's own",
       .help = "number format of the weights; the q ones are GGUF files of llama.cpp",
       .set = set_weights,
       .choices = {"bf16", "fp16", "fp8", "int8", "int4", "mxfp4", "nvfp4", "q8_0", "q6_k",
                   "q5_k_m", "q4_k_m", "q4_0"}},
      {d, "engine_version", "engine-version", text, "X.Y.Z", "the newest known rules",
       "engine version, where its defaults differ", deployment<&D::engine_version>},
      {d, "preset", "preset", text, "NAME", "default",
       "named set of the engine's options (data/presets): default, tuned; what is given besides "
       "goes "
       "first; of several engines those that have it, trtllm:tuned for one alone",
       deployment<&D::preset>},
      {d, "gpu", "gpu", text, "NAME", "h100-sxm",
       "GPU: a catalogue name; for llama.cpp also a machine without one", deployment<&D::gpu>},
      {d, "tp", "tp", integer, "N", "1", "tensor-parallel GPUs in a replica",
       layout<&models::Parallelism::tensor>, 1, 1024},
      {d, "pp", "pp", integer, "N", "1", "pipeline-parallel stages in a replica",
       layout<&models::Parallelism::pipeline>, 1, 1024},
      {d, "ep", "ep", integer, "N", "1", "ranks that the experts of a mixture are spread over",
       layout<&models::Parallelism::expert>, 1, 1024},
      {d, "dp", "dp", integer, "N", "1",
       "data-parallel attention ranks in a replica of a mixture of experts, of tp GPUs each: a "
       "scheduler and a KV cache of its own for each, steps together",
       layout<&models::Parallelism::attention_data>, 1, 1024},
      {d, "replicas", "replicas", integer, "N", "1",
       "identical replicas behind the router; with an autoscaler those at the start",
       deployment<&D::replicas>, 0, 65536},
      {.section = d,
       .key = "router",
       .flag = "router",
       .kind = choice,
       .argument = "KIND",
       .fallback = "least-outstanding",
       .help = "which replica gets a request",
       .set = set_router,
       .choices = sim::router_names()},
      {.section = d,
       .key = "network",
       .flag = "network",
       .kind = text,
       .argument = "NAME",
       .fallback = "clients beside the replicas",
       .help =
           "what lies between clients, gateway and replicas: a catalogue name (serverless-cloud, "
           "same-region, internet, direct, ...) or a file",
       .set = deployment<&D::network>},
      {.section = d,
       .key = "topology",
       .flag = "topology",
       .kind = text,
       .argument = "NAME",
       .fallback = "constants between nodes; dgx-h100 for KV that moves",
       .help = "machines and the network between them, for replicas of several nodes and for KV "
               "that moves: a catalogue name or a file",
       .set = deployment<&D::topology>},
      {.section = d,
       .key = "isolation",
       .flag = "isolation",
       .kind = number,
       .argument = "FACTOR",
       .fallback = "1",
       .help = "factor on all times of the host's CPU from the isolation of containers (gVisor: "
               "above 1)",
       .set = deployment<&D::isolation>,
       .min = 1,
       .max = 100},
      {.section = d,
       .key = "profile",
       .flag = "profile",
       .kind = text,
       .argument = "FILE",
       .fallback = "the shipped profile of engine and GPU",
       .help = "profile with the fitted step times",
       .set = deployment<&D::profile>,
       .path = true},
      {.section = d,
       .key = "host_speed",
       .flag = "host-speed",
       .kind = number,
       .argument = "FACTOR",
       .fallback = "the profile's",
       .help = "factor on all times of the host's CPU (2: half as fast)",
       .set = deployment<&D::host_speed>,
       .min = 0,
       .max = 1000,
       .above_min = true},
      {d, "max_num_seqs", "max-num-seqs", integer, "N", "the engine's default",
       "sequences that may run at once in a replica", deployment<&D::max_num_seqs>, 1, 1e6},
      {d, "max_num_batched_tokens", "max-num-batched-tokens", integer, "N", "the engine's default",
       "token budget of one step", deployment<&D::max_num_batched_tokens>, 1, kMaxTokens},
      {d, "chunk_tokens", "chunk-tokens", integer, "N", "the engine's default",
       "SGLang's chunked_prefill_size, 0 turns chunking off; llama.cpp's n_ubatch",
       deployment<&D::chunk_tokens>, 0, kMaxTokens},
      {d, "max_model_len", "max-model-len", integer, "N", "the model's own limit",
       "longest prompt plus output in tokens; longer requests are rejected",
       deployment<&D::max_model_len>, 1, kMaxTokens},
      {d, "kv_blocks", "kv-blocks", integer, "N", "what the engine would allocate",
       "KV-cache blocks of a replica, as in the engine's log", deployment<&D::kv_blocks>, 1, 1e12},
      {d, "block_size", "block-size", integer, "TOKENS", "the engine's default",
       "tokens in a KV-cache block", deployment<&D::block_size>, 1, 65536},
      {.section = d,
       .key = "memory_fraction",
       .flag = "memory-fraction",
       .kind = number,
       .argument = "SHARE",
       .fallback = "the engine's default",
       .help = "share of GPU memory the engine may use (vLLM gpu_memory_utilization, SGLang "
               "mem_fraction_static, TensorRT-LLM free_gpu_memory_fraction)",
       .set = deployment<&D::memory_fraction>,
       .min = 0,
       .max = 1,
       .above_min = true},
      {.section = d,
       .key = "kv_dtype",
       .flag = "kv-dtype",
       .kind = choice,
       .argument = "TYPE",
       .fallback = "the engine's default",
       .help = "number format of the KV cache",
       .set = set_kv_precision,
       .choices = {"bf16", "fp16", "fp8"}},
      {d, "async_scheduling", "async-scheduling", boolean, "on|off", "the engine's default",
       "prepare the next step while the GPU works on this one", deployment<&D::async_scheduling>},
      {d, "chunked_prefill", "chunked-prefill", boolean, "on|off", "the engine's default",
       "split long prompts over several steps (vLLM, TensorRT-LLM)",
       deployment<&D::chunked_prefill>},
      {d, "prefix_caching", "prefix-caching", boolean, "on|off", "the engine's default",
       "reuse the KV cache of equal prompt beginnings (llama.cpp: of what a slot holds)",
       deployment<&D::prefix_caching>},
      {.section = d,
       .key = "schedule_policy",
       .flag = "schedule-policy",
       .kind = choice,
       .argument = "KIND",
       .fallback = "fcfs",
       .help = "SGLang's order of waiting requests: first come, or longest cached prefix first",
       .set = deployment<&D::schedule_policy>,
       .choices = {"fcfs", "lpm"}},
  };
}

std::vector<Field> workload_fields() {
  constexpr std::string_view w = "workload";
  return {
      {.section = w,
       .key = "trace",
       .flag = "trace",
       .kind = text,
       .argument = "FILE",
       .help = "recorded requests to replay: Azure 2023 or 2024 CSV, BurstGPT CSV, Mooncake "
               "JSONL or own CSV, plain or gzip",
       .set = workload<&W::trace>,
       .path = true},
      {.section = w,
       .key = "model",
       .flag = "workload",
       .kind = text,
       .argument = "NAME",
       .help = "workload model to draw from: a catalogue name or a file",
       .set = workload<&W::model>},
      {.section = w,
       .key = "rate_scale",
       .flag = "rate-scale",
       .kind = number,
       .argument = "K",
       .fallback = "1",
       .help = "factor on the request rate",
       .set = workload<&W::rate_scale>,
       .min = 0,
       .max = 1e6,
       .above_min = true},
      {.section = w,
       .key = "rate_mode",
       .flag = "rate-mode",
       .kind = choice,
       .argument = "MODE",
       .fallback = "superpose",
       .help = "how rate_scale is reached: superpose shifted copies, or compress time",
       .set = workload<&W::rate_mode>,
       .choices = {"superpose", "compress"}},
      {w, "from", "", duration, "TIME", "0 s", "start of the window that is used",
       workload<&W::from_s>, 0, kMaxSeconds},
      {w, "to", "", duration, "TIME", "the end", "end of the window that is used",
       workload<&W::to_s>, 0, kMaxSeconds},
      {w, "repeat", "repeat", integer, "N", "1", "how often the requests come one after another",
       workload<&W::repeat>, 1, 1e6},
      {w, "class_priorities", "class-priority", texts, "CLASS=N", "the trace's priority column",
       "priority of all requests of a class, lower first; for vLLM's scheduling_policy=priority",
       workload<&W::class_priorities>},
      {w, "max_requests", "max-requests", integer, "N", "all", "stop after so many requests",
       workload<&W::max_requests>, 1, 1e15},
      {w, "cap_prompt", "cap-prompt", integer, "TOKENS", "none", "longer prompts are cut to this",
       workload<&W::cap_prompt>, 1, kMaxTokens},
      {w, "cap_output", "cap-output", integer, "TOKENS", "none", "longer outputs are cut to this",
       workload<&W::cap_output>, 1, kMaxTokens},
      {w, "max_output_tokens", "max-output-tokens", integer, "N", "the output, or the trace's own",
       "limit sent with every request (max_tokens): engines may reserve by it, and longer outputs "
       "end there",
       workload<&W::max_output_tokens>, 1, kMaxTokens},
      {w, "client_timeout", "client-timeout", duration, "TIME", "none, or the trace's own",
       "a client gives up so long after sending; its request is cancelled",
       workload<&W::client_timeout_s>, 0, kMaxSeconds, true},
      {.section = w,
       .key = "timeout_on",
       .flag = "timeout-on",
       .kind = choice,
       .argument = "WHAT",
       .fallback = "e2e",
       .help = "what the timeout is for: the last token, or the first",
       .set = set_timeout_on,
       .choices = {"e2e", "ttft"}},
  };
}

std::vector<Field> synthetic_fields() {
  constexpr std::string_view y = "workload/synthetic";
  return {
      {.section = y,
       .key = "arrivals",
       .flag = "arrivals",
       .kind = choice,
       .argument = "KIND",
       .fallback = "poisson",
       .help = "process that sends made-up requests",
       .set = synthetic<&S::arrivals>,
       .choices = {"poisson", "gamma", "constant", "closed"}},
      {.section = y,
       .key = "rate",
       .flag = "rate",
       .kind = number,
       .argument = "R",
       .fallback = "1",
       .help = "requests per second (poisson, gamma, constant)",
       .set = synthetic<&S::rate>,
       .min = 0,
       .max = 1e9,
       .above_min = true},
      {.section = y,
       .key = "cv",
       .flag = "cv",
       .kind = number,
       .argument = "CV",
       .fallback = "1",
       .help = "coefficient of variation of gamma inter-arrival times",
       .set = synthetic<&S::cv>,
       .min = 0,
       .max = 1000,
       .above_min = true},
      {y, "swing", "swing", number, "SHARE", "0",
       "the rate swings over a day by this share of itself, up and down (poisson, gamma, constant)",
       synthetic<&S::swing>, 0, 1},
      {y, "swing_period", "swing-period", duration, "TIME", "24 h", "how long a day is",
       synthetic<&S::swing_period_s>, 0, kMaxSeconds, true},
      {y, "swing_peak", "swing-peak", duration, "TIME", "half a day", "when the rate is highest",
       synthetic<&S::swing_peak_s>, 0, kMaxSeconds},
      {y, "concurrency", "concurrency", integer, "N", "",
       "requests kept in flight by closed arrivals", synthetic<&S::concurrency>, 1, 1e6},
      {y, "prompt_tokens", "prompt-tokens", integer, "N", "512", "nominal prompt length",
       synthetic<&S::prompt_tokens>, 1, kMaxTokens},
      {y, "output_tokens", "output-tokens", integer, "N", "128", "nominal output length",
       synthetic<&S::output_tokens>, 1, kMaxTokens},
      {y, "length_spread", "length-spread", number, "SHARE", "0",
       "lengths are uniform in nominal * [1 - share, 1 + share]", synthetic<&S::length_spread>, 0,
       1},
      {y, "requests", "requests", integer, "N", "", "how many requests are sent",
       synthetic<&S::requests>, 1, 1e12},
      {y, "duration", "duration", duration, "TIME", "", "how long requests are sent",
       synthetic<&S::duration_s>, 0, kMaxSeconds, true},
      {y, "turns", "turns", integer, "N", "1",
       "requests of a conversation, each with all that was said before; rate and concurrency then "
       "count conversations",
       synthetic<&S::turns>, 1, 1e6},
      {y, "user_tokens", "user-tokens", integer, "N", "prompt_tokens",
       "nominal length of what each later turn adds", synthetic<&S::user_tokens>, 1, kMaxTokens},
      {y, "think_time", "think-time", duration, "TIME", "10 s",
       "mean time from an answer to the next turn, exponential", synthetic<&S::think_time_s>, 0,
       kMaxSeconds},
      {y, "shared_tokens", "shared-tokens", integer, "N", "0",
       "tokens of a shared prompt in front of the own one", synthetic<&S::shared_tokens>, 0,
       kMaxTokens / 4},
      {y, "groups", "groups", integer, "N", "1",
       "different shared prompts, each as likely for a conversation", synthetic<&S::groups>, 1,
       1e9},
  };
}

std::vector<Field> root_fields() {
  return {
      {"", "slos", "slo", slos, "OBJECTIVE", "none",
       "service-level objectives such as \"p95_ttft=500ms\": a percentile or mean of ttft, tpot, "
       "itl or e2e and its limit; of one class of a trace's requests \"chat:p95_ttft=200ms\"",
       root<&Scenario::slos>},
      {"", "seed", "seed", integer, "N", "1", "seed of all random draws", root<&Scenario::seed>, 0,
       9007199254740992.0},
      {"", "runs", "runs", integer, "N", "1", "replications with other draws, run 0 to N-1",
       root<&Scenario::runs>, 1, 10000},
      {"", "horizon", "horizon", duration, "TIME", "until every request has ended",
       "simulated time at which the run is cut off", root<&Scenario::horizon_s>, 0, kMaxSeconds,
       true},
  };
}

std::vector<Field> make_table() {
  std::vector<Field> all;
  for (auto part : {root_fields(), deployment_fields(), fleet_fields(), workload_fields(),
                    synthetic_fields()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::span<const Field> fields() {
  static const std::vector<Field> table = make_table();
  return table;
}

}  // namespace eph::scenario
