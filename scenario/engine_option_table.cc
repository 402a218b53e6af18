#include <algorithm>
#include <initializer_list>
#include <type_traits>

#include "scenario/engine_options.h"

namespace eph::scenario {

namespace {

using models::EngineKind;
using D = DeploymentSpec;
using T = EngineTuning;
using enum FieldKind;

constexpr double kMaxTokens = 1 << 30;

template <class M>
bool put_once(std::optional<M>& member, const M& value) {
  if (member && *member != value) return false;
  member = value;
  return true;
}
template <class M>
M value_of(const FieldValue& value) {
  if constexpr (std::is_same_v<M, double>) {
    return std::holds_alternative<double>(value)
               ? std::get<double>(value)
               : static_cast<double>(std::get<std::int64_t>(value));
  } else {
    return std::get<M>(value);
  }
}
template <auto Member>
bool field(D& d, const FieldValue& value) {
  using M = typename std::remove_reference_t<decltype(d.*Member)>::value_type;
  return put_once(d.*Member, value_of<M>(value));
}
template <auto Member>
bool tuning(D& d, const FieldValue& value) {
  using M = typename std::remove_reference_t<decltype(d.tuning.*Member)>::value_type;
  return put_once(d.tuning.*Member, value_of<M>(value));
}
// What the engine turns off by name.
bool no_async(D& d, const FieldValue& value) {
  return put_once(d.async_scheduling, !std::get<bool>(value));
}
bool no_reuse(D& d, const FieldValue& value) {
  return put_once(d.prefix_caching, !std::get<bool>(value));
}
// The field has a default of its own, so only another order than that can contradict.
bool sglang_policy(D& d, const FieldValue& value) {
  const auto& policy = std::get<std::string>(value);
  if (d.schedule_policy != "fcfs" && d.schedule_policy != policy) return false;
  d.schedule_policy = policy;
  return true;
}
// -1 is the engine's way to say none.
bool sglang_chunk(D& d, const FieldValue& value) {
  return put_once(d.chunk_tokens, std::max<std::int64_t>(0, std::get<std::int64_t>(value)));
}
bool eager(D& d, const FieldValue& value) {
  return !std::get<bool>(value) || put_once<std::int64_t>(d.tuning.max_graph_tokens, 0);
}

using Put = bool (*)(D&, const FieldValue&);

EngineOption option(EngineKind engine, std::string_view name, FieldKind kind,
                    std::string_view argument, std::string_view help, Put put,
                    std::string_view stands_for) {
  EngineOption out;
  out.engine = engine;
  out.field.key = name;
  out.field.kind = kind;
  out.field.argument = argument;
  out.field.help = help;
  out.put = put;
  out.stands_for = stands_for;
  return out;
}
EngineOption whole(EngineKind engine, std::string_view name, double min, double max,
                   std::string_view help, Put put, std::string_view stands_for = {}) {
  EngineOption out = option(engine, name, integer, "N", help, put, stands_for);
  out.field.min = min;
  out.field.max = max;
  return out;
}
EngineOption real(EngineKind engine, std::string_view name, double min, double max, bool above,
                  std::string_view help, Put put, std::string_view stands_for = {}) {
  EngineOption out = option(engine, name, number, "X", help, put, stands_for);
  out.field.min = min;
  out.field.max = max;
  out.field.above_min = above;
  return out;
}
EngineOption toggle(EngineKind engine, std::string_view name, std::string_view help, Put put,
                    std::string_view stands_for = {}) {
  return option(engine, name, boolean, "true|false", help, put, stands_for);
}
EngineOption one_of(EngineKind engine, std::string_view name,
                    std::initializer_list<std::string_view> choices, std::string_view help,
                    Put put) {
  EngineOption out = option(engine, name, choice, "NAME", help, put, {});
  out.field.choices = choices;
  return out;
}
EngineOption but_not(EngineOption one, std::string_view value, std::string_view reason) {
  one.refused_values.emplace_back(value, reason);
  return one;
}
EngineOption refused(EngineKind engine, std::string_view name, std::string_view reason,
                     std::string_view instead = {}) {
  EngineOption out = option(engine, name, text, {}, {}, nullptr, instead);
  out.refusal = reason;
  return out;
}

constexpr std::string_view kOwnField = "the scenario has a field of its own";
constexpr std::string_view kRanksField =
    "the scenario has a field of its own; ranks that do not wait for each other are replicas";
constexpr std::string_view kAcceptanceGiven =
    "how much is accepted is given by speculative_acceptance";
constexpr std::string_view kDraftAlike = "the draft model's cost follows from the target's layers";
constexpr double kMostDrafts = 64;

EngineOption acceptance(EngineKind e) {
  return option(e, "speculative_acceptance", text, "P1,P2,...",
                "probability that the draft token of each position is accepted after those before "
                "it; one number: of every position",
                tuning<&T::draft_acceptance>, {});
}

std::vector<EngineOption> vllm_options() {
  constexpr EngineKind e = EngineKind::vllm;
  return {
      whole(e, "max_num_batched_tokens", 1, kMaxTokens, "token budget of one step",
            field<&D::max_num_batched_tokens>, "deployment/max_num_batched_tokens"),
      whole(e, "max_num_seqs", 1, 1e6, "sequences that may run at once", field<&D::max_num_seqs>,
            "deployment/max_num_seqs"),
      toggle(e, "enable_chunked_prefill", "split long prompts over several steps",
             field<&D::chunked_prefill>, "deployment/chunked_prefill"),
      whole(e, "block_size", 1, 65536, "tokens in a KV-cache block", field<&D::block_size>,
            "deployment/block_size"),
      real(e, "gpu_memory_utilization", 0, 1, true, "share of GPU memory that may be used",
           field<&D::memory_fraction>, "deployment/memory_fraction"),
      whole(e, "num_gpu_blocks_override", 1, 1e12, "KV-cache blocks, the null block included",
            field<&D::kv_blocks>, "deployment/kv_blocks"),
      whole(e, "max_model_len", 1, kMaxTokens, "longest prompt plus output",
            field<&D::max_model_len>, "deployment/max_model_len"),
      toggle(e, "async_scheduling", "compose the next step while this one runs",
             field<&D::async_scheduling>, "deployment/async_scheduling"),
      one_of(e, "scheduling_policy", {"fcfs", "priority"},
             "order of admission and victim of a preemption; priority takes the trace's priority "
             "column, lower first",
             tuning<&T::scheduling_policy>),
      whole(e, "long_prefill_token_threshold", 0, kMaxTokens,
            "most prompt tokens of one request in a step; 0: no limit",
            tuning<&T::long_prefill_tokens>),
      whole(e, "max_num_partial_prefills", 1, 1e6,
            "above 1 it sets long_prefill_token_threshold to 4 % of max_model_len, its only effect "
            "in V1",
            tuning<&T::partial_prefills>),
      real(e, "watermark", 0, 0.999999, false, "share of blocks kept free when admitting",
           tuning<&T::watermark>),
      toggle(e, "scheduler_reserve_full_isl",
             "admit a prompt only when all of it fits, not its first chunk alone",
             tuning<&T::reserve_full_prompt>),
      whole(e, "max_cudagraph_capture_size", 1, kMaxTokens,
            "largest step in tokens that replays a CUDA graph", tuning<&T::max_graph_tokens>),
      toggle(e, "enforce_eager", "no CUDA graphs", eager),
      toggle(e, "enable_prefix_caching", "reuse the KV of equal prompt beginnings",
             field<&D::prefix_caching>, "deployment/prefix_caching"),
      refused(e, "max_long_partial_prefills", "V1's scheduler does not look at it"),
      refused(e, "num_scheduler_steps", "V1 has no multi-step scheduling"),
      refused(e, "swap_space", "V1 preempts by recomputation and never swaps"),
      refused(e, "preemption_mode", "V1 preempts by recomputation only"),
      refused(e, "scheduler_delay_factor", "V1's scheduler does not delay prompts"),
      refused(e, "cpu_offload_gb", "weights stay on the GPU here"),
      refused(e, "kv_cache_memory_bytes", "the size of the cache is given in blocks",
              "deployment/kv_blocks"),
      but_not(but_not(but_not(one_of(e, "speculative_method", {"ngram", "eagle", "eagle3", "mtp"},
                                     "how draft tokens are made", tuning<&T::draft_method>),
                              "draft_model", "another model's steps are not priced"),
                      "medusa", "its heads are not priced"),
              "suffix", "the length of its drafts varies"),
      whole(e, "num_speculative_tokens", 1, kMostDrafts, "draft tokens for each decode of a step",
            tuning<&T::draft_positions>),
      acceptance(e),
      refused(e, "speculative_config",
              "its members are options here: speculative_method, num_speculative_tokens"),
      refused(e, "speculative_draft_tensor_parallel_size",
              "the draft model runs on the tensor ranks of the target"),
      refused(e, "prompt_lookup_max", kAcceptanceGiven),
      refused(e, "prompt_lookup_min", kAcceptanceGiven),
      refused(e, "enable_lora", "adapters have no cost model"),
      refused(e, "kv_transfer_config",
              "prefill workers are a pool of their own: --prefill-replicas, --kv-flow, --kv-lease"),
      refused(e, "stream_interval", "tokens leave with the step that samples them"),
      refused(e, "performance_mode", "its effect on other defaults was not verified"),
      refused(e, "disable_hybrid_kv_cache_manager", "sliding-window layers count in full"),
      refused(e, "data_parallel_size", kRanksField, "deployment/dp"),
      refused(e, "tensor_parallel_size", kOwnField, "deployment/tp"),
      refused(e, "pipeline_parallel_size", kOwnField, "deployment/pp"),
      refused(e, "enable_expert_parallel", kOwnField, "deployment/ep"),
      refused(e, "kv_cache_dtype", kOwnField, "deployment/kv_dtype"),
      refused(e, "dtype", kOwnField, "deployment/dtype"),
      refused(e, "quantization", kOwnField, "deployment/dtype"),
  };
}

EngineOption schedule_policy() {
  EngineOption out =
      one_of(EngineKind::sglang, "schedule_policy", {"fcfs", "lpm"},
             "order of the waiting queue: first come, or longest cached prefix", sglang_policy);
  out.stands_for = "deployment/schedule_policy";
  for (const std::string_view value :
       {"dfs-weight", "lof", "random", "routing-key", "hrrn", "shortest-prefill-first"})
    out = but_not(std::move(out), value, "the queue is in the order of arrival or of prefixes");
  return out;
}

std::vector<EngineOption> sglang_options() {
  constexpr EngineKind e = EngineKind::sglang;
  return {
      whole(e, "chunked_prefill_size", -1, kMaxTokens,
            "most prompt tokens of a prefill step; 0 or -1: prompts are not split", sglang_chunk,
            "deployment/chunk_tokens"),
      whole(e, "max_prefill_tokens", 1, kMaxTokens,
            "prompt tokens after which a batch takes no more", field<&D::max_num_batched_tokens>,
            "deployment/max_num_batched_tokens"),
      whole(e, "max_running_requests", 1, 1e6, "requests that may run at once",
            field<&D::max_num_seqs>, "deployment/max_num_seqs"),
      whole(e, "max_total_tokens", 1, 1e12, "tokens of the KV cache", tuning<&T::kv_tokens>),
      real(e, "mem_fraction_static", 0, 1, true, "share of GPU memory for weights and KV cache",
           field<&D::memory_fraction>, "deployment/memory_fraction"),
      whole(e, "page_size", 1, 65536, "tokens in a KV-cache page", field<&D::block_size>,
            "deployment/block_size"),
      whole(e, "context_length", 1, kMaxTokens, "longest prompt plus output",
            field<&D::max_model_len>, "deployment/max_model_len"),
      schedule_policy(),
      real(e, "schedule_conservativeness", 0, 100, true,
           "factor on the share of permitted output that running requests reserve",
           tuning<&T::conservativeness>),
      toggle(e, "enable_mixed_chunk", "prefill steps take the decoding requests along",
             tuning<&T::mixed_chunk>),
      toggle(e, "disable_overlap_schedule", "compose a step when the one before has ended",
             no_async, "deployment/async_scheduling"),
      whole(e, "cuda_graph_max_bs", 1, kMaxTokens, "largest decode batch that replays a CUDA graph",
            tuning<&T::max_graph_tokens>),
      toggle(e, "disable_cuda_graph", "no CUDA graphs", eager),
      real(e, "SGLANG_INIT_NEW_TOKEN_RATIO", 0, 1, true,
           "reserved share of permitted output at the start, before the conservativeness [0.7]",
           tuning<&T::new_token_ratio>),
      real(e, "SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR", 0, 1, false,
           "its least value as a share of the first [0.14]", tuning<&T::new_token_ratio_floor>),
      whole(e, "SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS", 1, 1e9,
            "decode steps until it is reached [600]", tuning<&T::new_token_decay_steps>),
      whole(e, "SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION", 1, kMaxTokens,
            "most output tokens that a request reserves [4096]", tuning<&T::clip_new_tokens>),
      whole(e, "SGLANG_RETRACT_DECODE_STEPS", 1, kMaxTokens,
            "output tokens per remaining request that the share counts on top after a retraction "
            "[20]",
            tuning<&T::retract_steps>),
      toggle(e, "disable_radix_cache", "do not reuse the KV of equal prompt beginnings", no_reuse,
             "deployment/prefix_caching"),
      one_of(
          e, "radix_insert", {"prefill", "finish"},
          "a reading of the source: a prompt enters the radix tree after its prefill, or with the "
          "request's end (chunks at once in both)",
          tuning<&T::radix_insert>),
      one_of(e, "full_batch_reopens", {"finish", "decode"},
             "a reading of the source: a full batch takes requests again when one has finished, or "
             "after the decode step that follows",
             tuning<&T::full_batch_reopens>),
      one_of(e, "retract_until", {"one_step", "headroom"},
             "a reading of the source: retraction goes on until one decode step fits, or until "
             "SGLANG_RETRACT_DECODE_STEPS tokens per remaining request are free (older versions)",
             tuning<&T::retract_until>),
      refused(e, "radix_eviction_policy", "what was used last is kept longest"),
      refused(e, "enable_hierarchical_cache", "KV stays on the GPU here"),
      refused(e, "num_continuous_decode_steps", "a new batch is considered after every step"),
      refused(e, "stream_interval", "tokens leave with the step that samples them"),
      refused(e, "enable_priority_scheduling", "the queue is first come first served"),
      refused(e, "retraction_policy", "the victim has the fewest outputs"),
      refused(e, "prefill_max_requests", "a batch is bounded by tokens and running requests"),
      but_not(but_not(one_of(e, "speculative_algorithm", {"EAGLE", "EAGLE3", "NEXTN"},
                             "how draft tokens are made", tuning<&T::draft_method>),
                      "STANDALONE", "another model's steps are not priced"),
              "NGRAM", "SGLang's trees of n-grams are not simulated"),
      whole(e, "speculative_num_steps", 1, kMostDrafts, "positions of a draft",
            tuning<&T::draft_positions>),
      whole(e, "speculative_eagle_topk", 1, kMostDrafts, "tokens of each position [1]",
            tuning<&T::draft_width>),
      whole(e, "speculative_num_draft_tokens", 2, 1024,
            "tokens that a decode verifies, the newest included [speculative_num_steps + 1]",
            tuning<&T::verified_tokens>),
      acceptance(e),
      refused(e, "speculative_draft_model_path", kDraftAlike),
      refused(e, "speculative_accept_threshold_single", kAcceptanceGiven),
      refused(e, "speculative_accept_threshold_acc", kAcceptanceGiven),
      refused(e, "enable_dp_attention", kRanksField, "deployment/dp"),
      refused(e, "load_balance_method", "ranks take requests in turn"),
      refused(e, "enable_two_batch_overlap", "one batch runs at a time"),
      refused(e, "disaggregation_mode",
              "prefill workers are a pool of their own: --prefill-replicas"),
      refused(e, "num_reserved_decode_tokens", "decode workers reserve 512 tokens a request"),
      refused(e, "dp_size", kRanksField, "deployment/dp"),
      refused(e, "tp_size", kOwnField, "deployment/tp"),
      refused(e, "pp_size", kOwnField, "deployment/pp"),
      refused(e, "ep_size", kOwnField, "deployment/ep"),
      refused(e, "kv_cache_dtype", kOwnField, "deployment/kv_dtype"),
      refused(e, "dtype", kOwnField, "deployment/dtype"),
      refused(e, "quantization", kOwnField, "deployment/dtype"),
  };
}

std::vector<EngineOption> trtllm_options() {
  constexpr EngineKind e = EngineKind::trtllm;
  return {
      whole(e, "max_batch_size", 1, 1e6, "requests in a step", field<&D::max_num_seqs>,
            "deployment/max_num_seqs"),
      whole(e, "max_num_tokens", 1, kMaxTokens, "tokens in a step",
            field<&D::max_num_batched_tokens>, "deployment/max_num_batched_tokens"),
      whole(e, "max_seq_len", 1, kMaxTokens, "longest prompt plus output", field<&D::max_model_len>,
            "deployment/max_model_len"),
      toggle(e, "enable_chunked_prefill", "split long contexts over several steps",
             field<&D::chunked_prefill>, "deployment/chunked_prefill"),
      toggle(e, "enable_chunked_context", "the same by its older name", field<&D::chunked_prefill>,
             "deployment/chunked_prefill"),
      one_of(e, "capacity_scheduler_policy",
             {"GUARANTEED_NO_EVICT", "MAX_UTILIZATION", "STATIC_BATCH"},
             "which requests may hold KV", tuning<&T::capacity_policy>),
      whole(e, "tokens_per_block", 1, 65536, "tokens in a KV-cache block", field<&D::block_size>,
            "deployment/block_size"),
      whole(e, "max_tokens", 1, 1e12, "tokens of the KV cache (kv_cache_config)",
            tuning<&T::kv_tokens>),
      real(e, "free_gpu_memory_fraction", 0, 1, true,
           "share for the KV cache of what weights and activations leave free",
           field<&D::memory_fraction>, "deployment/memory_fraction"),
      toggle(e, "disable_overlap_scheduler", "compose a step when the one before has ended",
             no_async, "deployment/async_scheduling"),
      toggle(e, "enable_block_reuse", "reuse the KV of equal prompt beginnings, in whole blocks",
             field<&D::prefix_caching>, "deployment/prefix_caching"),
      refused(e, "enable_partial_reuse", "only whole blocks are found again"),
      refused(e, "host_cache_size", "KV stays on the GPU here"),
      refused(e, "context_chunking_policy", "chunks are given first come first served"),
      refused(e, "enable_prefix_aware_scheduling", "it is on wherever blocks are reused"),
      whole(e, "cuda_graph_max_batch_size", 1, kMaxTokens,
            "largest batch that replays a CUDA graph (max_batch_size of cuda_graph_config)",
            tuning<&T::max_graph_tokens>),
      refused(e, "cuda_graph_enable_padding",
              "batches are padded up to the next size, as the measured runs behave"),
      refused(e, "cuda_graph_config", "its members are options: cuda_graph_max_batch_size"),
      refused(e, "max_beam_width", "every request has one beam"),
      refused(e, "enable_attention_dp", kRanksField, "deployment/dp"),
      refused(e, "attention_dp_config", "contexts do not wait until all ranks have one"),
      but_not(but_not(but_not(one_of(e, "decoding_type", {"MTP", "Eagle", "Eagle3", "NGram"},
                                     "how draft tokens are made (speculative_config)",
                                     tuning<&T::draft_method>),
                              "Medusa", "its heads are not priced"),
                      "Draft_Target", "another model's steps are not priced"),
              "Lookahead", "its n-grams are not simulated"),
      whole(e, "max_draft_len", 1, kMostDrafts, "draft tokens for each generation of a step",
            tuning<&T::draft_positions>),
      whole(e, "num_nextn_predict_layers", 1, kMostDrafts, "the same with decoding_type MTP",
            tuning<&T::draft_layers>),
      acceptance(e),
      refused(e, "speculative_config",
              "its members are options here: decoding_type, max_draft_len, "
              "num_nextn_predict_layers"),
      refused(e, "max_matching_ngram_size", kAcceptanceGiven),
      refused(e, "speculative_model_dir", kDraftAlike),
      refused(e, "max_input_len", "limits are on prompt plus output", "deployment/max_model_len"),
      refused(e, "tensor_parallel_size", kOwnField, "deployment/tp"),
      refused(e, "tp_size", kOwnField, "deployment/tp"),
      refused(e, "pp_size", kOwnField, "deployment/pp"),
      refused(e, "ep_size", kOwnField, "deployment/ep"),
      refused(e, "kv_cache_dtype", kOwnField, "deployment/kv_dtype"),
      refused(e, "dtype", kOwnField, "deployment/dtype"),
  };
}

std::vector<EngineOption> llamacpp_options() {
  constexpr EngineKind e = EngineKind::llamacpp;
  return {
      whole(e, "n_parallel", 1, 1e6, "slots (--parallel)", field<&D::max_num_seqs>,
            "deployment/max_num_seqs"),
      whole(e, "n_batch", 1, kMaxTokens, "tokens that are put together (--batch-size)",
            field<&D::max_num_batched_tokens>, "deployment/max_num_batched_tokens"),
      whole(e, "n_ubatch", 1, kMaxTokens, "tokens that pass the model at a time (--ubatch-size)",
            field<&D::chunk_tokens>, "deployment/chunk_tokens"),
      whole(e, "n_ctx", 1, 1e12, "context of all slots together (--ctx-size)",
            tuning<&T::context_tokens>),
      toggle(e, "cont_batching", "prompts join steps that generate (--cont-batching)",
             tuning<&T::continuous_batching>),
      refused(e, "n_gpu_layers", "all layers are on the device"),
      refused(e, "flash_attn", "the profile's rates hold for its measurements' setting"),
      toggle(e, "cache_prompt", "do not compute again what the slot holds of the prompt",
             field<&D::prefix_caching>, "deployment/prefix_caching"),
      real(
          e, "slot_prompt_similarity", 0, 1, false,
          "share of the prompt of which a free slot must hold more to be preferred to the one that "
          "was used longest ago; 0: never [0.1]",
          tuning<&T::slot_similarity>),
      refused(e, "n_cache_reuse",
              "only the beginning of a prompt is found again, nothing is shifted"),
      refused(e, "kv_unified", "the context is split evenly over the slots"),
      refused(e, "n_threads", "the profile's rates hold for one thread a core"),
      refused(e, "type_k", kOwnField, "deployment/kv_dtype"),
      refused(e, "type_v", kOwnField, "deployment/kv_dtype"),
  };
}

std::vector<EngineOption> make_table() {
  std::vector<EngineOption> all;
  for (auto part : {vllm_options(), sglang_options(), trtllm_options(), llamacpp_options()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

std::span<const EngineOption> engine_options() {
  static const std::vector<EngineOption> table = make_table();
  return table;
}

}  // namespace eph::scenario
