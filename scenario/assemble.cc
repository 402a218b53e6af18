#include "scenario/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/text.h"
#include "models/engine_defaults.h"
#include "models/fitted_model.h"
#include "models/machine.h"
#include "models/ranked_model.h"
#include "models/topology/collectives.h"
#include "scenario/coverage.h"
#include "scenario/engine_limits.h"
#include "scenario/engine_options.h"
#include "scenario/preset.h"
#include "scenario/profiles.h"
#include "scenario/speculation.h"

namespace eph::scenario {

namespace {

// server_args.py: set aside for a draft model; requests that may run at once beside one.
constexpr double kSglangDraftMib = 2048;
constexpr std::int64_t kSglangDraftedRequests = 48;

constexpr std::array kEngines{models::EngineKind::vllm, models::EngineKind::sglang,
                              models::EngineKind::trtllm, models::EngineKind::llamacpp};

Result<models::EngineKind> engine_kind(const std::string& text) {
  std::vector<std::string> names;
  for (const models::EngineKind kind : kEngines) {
    names.emplace_back(models::name(kind));
    if (names.back() == text) return kind;
  }
  return usage_error(fmt::format("engine \"{}\" cannot be simulated", text), suggest(text, names));
}

// GGUF files belong to llama.cpp, machines without accelerator too; it runs on one device here.
Result<void> check_place(models::EngineKind kind, const models::GpuSpec& gpu,
                         const models::LlmSpec& llm, const DeploymentSpec& spec) {
  const bool llamacpp = kind == models::EngineKind::llamacpp;
  if (gpu.is_cpu() && !llamacpp)
    return usage_error(
        fmt::format("{} has no GPU, which {} needs", gpu.name, models::display(kind)),
        "simulate llamacpp there");
  if (models::is_gguf(llm.weights) && !llamacpp)
    return usage_error(
        fmt::format("weights in {} are simulated with llama.cpp only", models::name(llm.weights)),
        "choose another format, or --engine llamacpp");
  if (llamacpp && spec.chunk_tokens && *spec.chunk_tokens < 1)
    return usage_error("llama.cpp cannot pass 0 tokens at a time", "give n_ubatch of at least 1");
  if (spec.layout.attention_data > 1 && !llamacpp) {
    if (!llm.is_moe())
      return usage_error(fmt::format("{} has no experts, so data-parallel ranks would not wait for "
                                     "each other",
                                     llm.name),
                         "use replicas instead of dp");
    if (spec.layout.pipeline > 1)
      return usage_error("data-parallel attention is not simulated in pipelines", "use pp 1");
  }
  if (llamacpp && spec.layout.gpus() > 1)
    return usage_error(
        fmt::format("llama.cpp is simulated on one device, not on {}", spec.layout.gpus()),
        "use tp 1, dp 1 and pp 1");
  return {};
}

class Assembler {
 public:
  Assembler(const models::Catalog& catalog, DeploymentSpec spec)
      : catalog_(catalog), spec_(std::move(spec)) {}

  Result<Assembly> run();

 private:
  Result<void> find_entries();
  Result<void> find_defaults();
  Result<void> set_engine();
  Result<void> use(const models::StepProfile& profile);
  Result<void> use_fitted(const models::EngineProfile& profile);
  Result<void> use_linear(const models::LinearProfile& profile);
  Result<void> use_compact(const models::CompactProfile& profile);
  Result<void> use_cpu(const models::CpuProfile& profile);
  [[nodiscard]] Result<void> check_times_alone(std::string_view form) const;
  // As given, else as the profile has it; never where the engine's drafting forbids it.
  [[nodiscard]] bool async_or(bool by_profile) const {
    return spec_.async_scheduling.value_or(by_profile) &&
           !(speculation_ && speculation_->synchronous);
  }
  void limit_context(models::KvPool& pool) const;
  void warn_if_pool_is_small();
  void warn_if_version_is_old();
  void warn_of_drafts(std::string_view form);

  const models::Catalog& catalog_;
  DeploymentSpec spec_;  // with its preset, once that is found
  models::EngineKind kind_{};
  models::EngineDefaults defaults_;
  std::optional<Speculation> speculation_;
  models::KvPoolOptions kv_;
  Assembly out_;
};

Result<void> Assembler::find_entries() {
  const Result<models::EngineKind> kind = engine_kind(spec_.engine);
  if (!kind) return kind.error();
  kind_ = *kind;
  Result<models::GpuSpec> gpu = catalog_.gpu(spec_.gpu);
  if (!gpu) return gpu.error();
  out_.gpu = std::move(*gpu);
  Result<models::LlmSpec> llm = catalog_.llm(spec_.model);
  if (!llm) return llm.error();
  out_.llm = std::move(*llm);
  if (spec_.weights) out_.llm = models::with_weights(std::move(out_.llm), *spec_.weights);
  if (const Result<void> ok = check_place(kind_, out_.gpu, out_.llm, spec_); !ok) return ok.error();
  return models::check_parallelism(out_.llm, spec_.layout);
}

Result<void> Assembler::find_defaults() {
  const Result<models::EngineSpec> engine = catalog_.engine(kind_);
  if (!engine) return engine.error();
  Result<std::optional<Speculation>> speculation = speculation_of(kind_, spec_, out_.llm);
  if (!speculation) return speculation.error();
  speculation_ = std::move(*speculation);
  const double draft_mib = speculation_ ? kSglangDraftMib : 0;
  Result<models::EngineDefaults> defaults = models::engine_defaults(
      *engine, spec_.engine_version, out_.gpu, out_.llm, spec_.layout, draft_mib);
  if (!defaults) return defaults.error();
  defaults_ = std::move(*defaults);
  Result<std::vector<EngineSetting>> preset = apply_preset(catalog_, kind_, defaults_, spec_);
  if (!preset) return preset.error();
  out_.preset = std::move(*preset);
  return {};
}

Result<void> Assembler::set_engine() {
  sim::ReplicaConfig& replica = out_.config.replica;
  const bool drafts = speculation_ && speculation_->drafting;
  const Result<models::KvPool> pool = models::kv_pool(
      kind_, out_.gpu, drafts ? models::with_draft_layer(out_.llm) : out_.llm, spec_.layout, kv_);
  if (!pool) return pool.error();
  replica.kv = *pool;
  if (kind_ == models::EngineKind::llamacpp) limit_context(replica.kv);
  // SGLang derives its default from the pool (ENGINES B5).
  if (kind_ == models::EngineKind::sglang && !spec_.max_num_seqs) {
    defaults_.max_num_seqs = drafts ? kSglangDraftedRequests
                                    : models::sglang_max_running_requests(
                                          pool->usable_tokens(), model_limit(spec_, out_.llm));
  }
  const Result<sim::EngineOptions> engine =
      engine_options_of(kind_, defaults_, spec_, out_.llm, speculation_);
  if (!engine) return engine.error();
  replica.engine = *engine;
  replica.ranks = spec_.layout.attention_data;
  return {};
}

// llama.cpp allocates the context that it is told to (-c), by default the model's own, and splits
// it over the slots; max_model_len is what one slot shall hold.
void Assembler::limit_context(models::KvPool& pool) const {
  if (spec_.kv_blocks) return;
  const std::int64_t slots = spec_.max_num_seqs.value_or(defaults_.max_num_seqs);
  const std::int64_t tokens = spec_.tuning.context_tokens ? *spec_.tuning.context_tokens
                              : spec_.max_model_len       ? *spec_.max_model_len * slots
                                                          : out_.llm.max_position;
  if (tokens <= 0) return;
  pool.blocks = std::min(pool.blocks, std::max<std::int64_t>(1, tokens / pool.block_size));
  pool.usable_blocks = pool.blocks;
}

Result<void> Assembler::use_cpu(const models::CpuProfile& profile) {
  if (spec_.host_speed) {
    return usage_error("host speed has no effect on llama.cpp", "its rates are the machine's own");
  }
  if (spec_.isolation != 1)
    return usage_error("isolation has no effect on llama.cpp", "its rates are the machine's own");
  const Result<models::CpuRates> rates = profile.rates(out_.gpu);
  if (!rates) return rates.error();
  const models::CpuModelSize size(out_.llm, kv_.kv_precision);
  out_.step = std::make_unique<models::CpuStepModel>(
      size, *rates, std::max<std::int64_t>(1, spec_.chunk_tokens.value_or(defaults_.chunk_tokens)));
  out_.warnings = cpu_warnings(profile, out_.gpu, out_.llm);
  return {};
}

void Assembler::warn_if_pool_is_small() {
  const sim::ReplicaConfig& replica = out_.config.replica;
  if (kind_ == models::EngineKind::llamacpp) {
    const std::int64_t slot = replica.kv.usable_tokens() / replica.engine.max_num_seqs;
    if (slot >= replica.engine.max_model_len) return;
    out_.warnings.push_back(fmt::format(
        "each of the {} slots holds {} tokens, less than the longest sequence of {}: longer "
        "requests are rejected; more context (max-model-len) or fewer slots (max-num-seqs) help",
        replica.engine.max_num_seqs, slot, replica.engine.max_model_len));
    return;
  }
  if (replica.kv.usable_tokens() >= replica.engine.max_model_len) return;
  out_.warnings.push_back(
      fmt::format("the KV cache holds {} tokens, less than the longest sequence of {}: longer "
                  "requests are rejected here, "
                  "and a real engine may refuse to start without a smaller max-model-len",
                  replica.kv.usable_tokens(), replica.engine.max_model_len));
}

// Such a profile's times are those of whole steps.
void Assembler::warn_of_drafts(std::string_view form) {
  if (!speculation_ || !speculation_->drafting) return;
  out_.warnings.push_back(fmt::format(
      "the draft model costs nothing beside a {} profile: its times must hold the draft's passes",
      form));
}

void Assembler::warn_if_version_is_old() {
  const auto version = models::parse_version(spec_.engine_version);
  if (kind_ != models::EngineKind::vllm || !version || !(*version < models::EngineVersion{{0, 8}}))
    return;
  out_.warnings.push_back(fmt::format(
      "vLLM {} schedules by the V0 engine, whose prefill and decode steps are separate; the rules "
      "simulated here are V1's, the default from 0.8 on",
      spec_.engine_version));
}

Result<void> Assembler::use_fitted(const models::EngineProfile& profile) {
  models::Machine machine = profile.machine_for(out_.gpu.name);
  if (spec_.host_speed) machine.host_speed = *spec_.host_speed;
  machine.host_speed *= spec_.isolation;
  sim::ReplicaConfig& replica = out_.config.replica;
  models::StepContext context;
  context.gpu = models::on_machine(out_.gpu, machine);
  context.llm = out_.llm;
  context.layout = spec_.layout;
  context.kv_precision = kv_.kv_precision;
  context.async_scheduling = replica.engine.async_scheduling;
  context.max_graph_tokens = graph_tokens(defaults_, spec_.tuning, replica.engine);
  context.operators = profile.operators;
  context.pipeline_batches = spec_.layout.pipeline;  // the engines keep as many in flight
  if (!spec_.topology.empty() && spec_.layout.gpus() > 1) {
    const Result<models::ClusterSpec> cluster = catalog_.topology(spec_.topology);
    if (!cluster) return cluster.error();
    if (spec_.layout.gpus() > cluster->gpus_per_node) {
      const Result<models::NodeNetwork> network =
          models::node_network(*cluster, spec_.layout.gpus());
      if (!network) return network.error();
      context.network = *network;
    }
  }
  const auto found =
      profile.find(context, models::version_family(profile.engine, spec_.engine_version));
  const models::CoefficientValues values = models::on_machine(*found.values, machine);
  auto step = std::make_unique<models::FittedStepModel>(context, values);
  if (found.residual != nullptr) step->set_residual(*found.residual);
  out_.step = std::move(step);
  if (replica.ranks > 1)
    out_.step = std::make_unique<models::RankedStepModel>(std::move(out_.step), context, values);
  if (speculation_ && speculation_->drafting)
    out_.step = std::make_unique<models::DraftingStepModel>(std::move(out_.step), context, values,
                                                            *speculation_->drafting);
  replica.front_end = models::front_end_of(values);
  out_.covered = covered_model(catalog_, profile, out_.llm);
  out_.warnings = coverage_warnings(profile, out_.covered, out_.gpu, out_.llm, spec_);
  if (out_.covered && found.familiarity == models::Familiarity::engine) {
    out_.warnings.push_back(fmt::format(
        "predictions for {} in {} extrapolate: the profile of {} covers it in another precision",
        out_.llm.name, models::name(out_.llm.weights), models::display(kind_)));
  }
  if (speculation_)
    out_.warnings.emplace_back(
        "what drafts cost is computed from the architecture: no measured run has them");
  out_.error = stated_error(profile, found.familiarity, profile.gpu != out_.gpu.name,
                            !out_.warnings.empty());
  return {};
}

// Profiles that give a step's time as a whole know neither graphs nor passes through the model.
Result<void> Assembler::check_times_alone(std::string_view form) const {
  if (spec_.host_speed) {
    return usage_error(fmt::format("host speed has no effect on a {} profile", form),
                       form == "linear" ? "put the factor into its times"
                                        : "its times hold for the host of the log that it was "
                                          "fitted on");
  }
  if (spec_.isolation != 1) {
    return usage_error(fmt::format("isolation has no effect on a {} profile", form),
                       "its times hold for the host as it is");
  }
  if (spec_.tuning.max_graph_tokens) {
    return usage_error(fmt::format("the size of CUDA graphs has no effect on a {} profile", form),
                       "its times hold for a step as a whole: leave the option out");
  }
  if (kind_ == models::EngineKind::llamacpp && spec_.chunk_tokens) {
    return usage_error(fmt::format("n_ubatch has no effect on a {} profile", form),
                       "its times hold for a step as a whole: leave n_ubatch (chunk-tokens) out");
  }
  return {};
}

Result<void> Assembler::use_linear(const models::LinearProfile& profile) {
  if (const Result<void> ok = check_times_alone("linear"); !ok) return ok.error();
  sim::ReplicaConfig& replica = out_.config.replica;
  replica.engine.async_scheduling = async_or(profile.async_scheduling);
  out_.step = std::make_unique<models::LinearStepModel>(profile);
  replica.front_end = profile.front_end;
  warn_of_drafts("linear");
  out_.warnings.push_back(
      fmt::format("step times are the linear profile's, not measurements of {} on {}",
                  models::display(kind_), out_.gpu.name));
  return {};
}

// Its times hold for one model on one GPU with one parallelism: anything else is another engine.
Result<void> Assembler::use_compact(const models::CompactProfile& profile) {
  if (const Result<void> ok = check_times_alone("compact"); !ok) return ok.error();
  const bool same = profile.gpu == out_.gpu.name && profile.model == out_.llm.name &&
                    profile.tensor_parallel == spec_.layout.tensor;
  if (!same) {
    return usage_error(
        fmt::format(
            "the compact profile is of {} on {} with tp {}, the deployment is {} on {} with tp {}",
            profile.model, profile.gpu, profile.tensor_parallel, out_.llm.name, out_.gpu.name,
            spec_.layout.tensor),
        "fit one on a log of this deployment, or leave out --profile");
  }
  sim::ReplicaConfig& replica = out_.config.replica;
  replica.engine.async_scheduling = async_or(profile.async_scheduling);
  out_.step = std::make_unique<models::CompactStepModel>(profile);
  warn_of_drafts("compact");
  if (replica.engine.max_num_seqs > profile.batch_max && profile.batch_max > 0) {
    out_.warnings.push_back(fmt::format(
        "the compact profile has seen steps of at most {} sequences, the engine may run {}",
        profile.batch_max, replica.engine.max_num_seqs));
  }
  return {};
}

Result<void> Assembler::use(const models::StepProfile& profile) {
  if (const auto* fitted = std::get_if<models::EngineProfile>(&profile)) return use_fitted(*fitted);
  if (const auto* compact = std::get_if<models::CompactProfile>(&profile)) {
    return use_compact(*compact);
  }
  if (const auto* cpu = std::get_if<models::CpuProfile>(&profile)) return use_cpu(*cpu);
  return use_linear(std::get<models::LinearProfile>(profile));
}

Result<Assembly> Assembler::run() {
  if (const Result<void> ok = find_entries(); !ok) return ok.error();
  if (const Result<void> ok = find_defaults(); !ok) return ok.error();
  Result<FoundProfile> found = find_profile(catalog_, spec_.profile, kind_, out_.gpu);
  if (!found) return found.error();
  out_.profile_path = found->path;
  out_.profile_name = found->name;
  kv_ = kv_options(defaults_, spec_, out_.llm, found->profile);
  if (const Result<void> ok = set_engine(); !ok) return ok.error();
  if (const Result<void> used = use(found->profile); !used) return used.error();
  warn_if_pool_is_small();
  warn_if_version_is_old();
  out_.config.replica.step = out_.step.get();
  out_.kv_precision = kv_.kv_precision;
  out_.config.replicas = spec_.replicas;
  out_.config.router = spec_.router;
  if (!spec_.network.empty()) {
    Result<models::NetworkProfile> network = catalog_.network(spec_.network);
    if (!network) return network.error();
    out_.config.network = std::move(*network);
  }
  return std::move(out_);
}

}  // namespace

Result<Assembly> assemble(const models::Catalog& catalog, const DeploymentSpec& spec) {
  Result<DeploymentSpec> resolved = with_engine_options(spec);
  if (!resolved) return resolved.error();
  return Assembler(catalog, std::move(*resolved)).run();
}

}  // namespace eph::scenario
