#include "calibration/log_replay.h"

#include <filesystem>

#include "calibration/replay.h"
#include "calibration/validate.h"
#include "core/text.h"
#include "sim/simulation.h"

namespace eph::calibration {
namespace {

// Sends the logged requests at their logged times.
class LogLoad final : public workload::Load {
 public:
  explicit LogLoad(const RequestLog& log) : log_(log) {}
  [[nodiscard]] SimTime peek() override {
    if (next_ == log_.requests.size()) return SimTime::never();
    return SimTime::from_seconds(log_.requests[next_].arrival_s - log_.requests.front().arrival_s);
  }
  [[nodiscard]] workload::Arrival take() override {
    workload::Arrival arrival;
    arrival.at = peek();
    arrival.prompt_tokens = static_cast<std::int32_t>(log_.requests[next_].prompt_tokens);
    arrival.output_tokens = static_cast<std::int32_t>(log_.requests[next_].output_tokens);
    arrival.max_output_tokens = arrival.output_tokens;
    arrival.prefix_group = log_.requests[next_].prefix_group;
    arrival.prefix_tokens = static_cast<std::int32_t>(log_.requests[next_].prefix_tokens);
    ++next_;
    return arrival;
  }
  void on_finished(RequestId, SimTime) override {}

 private:
  const RequestLog& log_;
  std::size_t next_ = 0;
};

// Keeps the requests by number and hands everything on.
class Tee final : public sim::MetricsSink {
 public:
  Tee(std::size_t requests, sim::MetricsSink* next) : records(requests), next_(next) {}
  void on_request(const sim::RequestRecord& record) override {
    records[index(record.id)] = record;
    if (next_ != nullptr) next_->on_request(record);
  }
  void on_step(const sim::StepRecord& step) override {
    if (next_ != nullptr) next_->on_step(step);
  }
  [[nodiscard]] bool wants_steps() const override {
    return next_ != nullptr && next_->wants_steps();
  }

  std::vector<sim::RequestRecord> records;

 private:
  sim::MetricsSink* next_;
};

std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    if (c != '-' && c != '_' && c != ' ') out += c;
  }
  return out;
}

// Logs without a hardware section name the GPU in the folder's name only.
Result<std::string> gpu_of(const RequestLog& log, const models::Catalog& catalog) {
  const auto names = catalog.gpu_names();
  if (!names) return names.error();
  if (!log.gpu.empty()) return gpu_catalog_name(log.gpu);
  const std::string folder =
      squeezed(std::filesystem::path(log.folder).lexically_normal().string());
  for (const std::string& name : *names) {
    if (folder.find(squeezed(name)) != std::string::npos) return name;
  }
  return usage_error("meta.json names no GPU and the folder's name holds none",
                     "give it with --gpu NAME");
}

Bytes kv_reserve(const Deployment& deployment, const std::vector<models::EngineProfile>& profiles) {
  const auto* profile = find_profile(profiles, deployment.engine, deployment.gpu_name);
  if (profile == nullptr) return Bytes{0};
  const auto family = models::version_family(deployment.engine, deployment.version);
  const models::CoefficientValues& values = *profile->find(deployment.context, family).values;
  const auto reserve = models::Coefficient::kv_reserve;
  return Bytes{static_cast<std::int64_t>(values[static_cast<std::size_t>(reserve)] *
                                         models::coefficient_info(reserve).to_si)};
}

}  // namespace

Result<LogSetup> set_up(const RequestLog& log, const models::Catalog& catalog,
                        const std::vector<models::EngineProfile>& profiles) {
  const auto gpu = gpu_of(log, catalog);
  if (!gpu) return gpu.error();
  MeasuredRun run;
  run.engine = log.engine;
  run.engine_text = models::name(log.engine);
  run.engine_version = log.engine_version;
  run.gpu = *gpu;
  run.model = log.model;
  run.dtype = log.dtype;
  run.layout.tensor = log.tensor_parallel;
  run.layout.attention_data = log.data_parallel;
  if (log.expert_parallel) run.layout.expert = log.tensor_parallel * log.data_parallel;
  SpecCache specs(catalog);
  LogSetup out;
  auto deployment = resolve(run, specs);
  if (!deployment) return deployment.error();
  out.deployment = std::move(*deployment);
  if (auto ok = set_kv_precision(log.kv_cache_dtype, out.deployment); !ok) return ok.error();
  out.replicas = log.data_parallel;
  const models::StepContext& context = out.deployment.context;
  const models::EngineDefaults& defaults = out.deployment.defaults;
  out.engine.kind = out.deployment.engine;
  out.engine.max_num_batched_tokens =
      log.max_num_batched_tokens > 0 ? log.max_num_batched_tokens : defaults.max_num_batched_tokens;
  out.engine.max_num_seqs = log.max_num_seqs > 0 ? log.max_num_seqs : defaults.max_num_seqs;
  out.engine.chunk_tokens =
      defaults.chunk_tokens > 0 ? defaults.chunk_tokens : out.engine.max_num_batched_tokens;
  out.engine.chunked_prefill = defaults.chunked_prefill;
  out.engine.max_model_len = log.max_model_len;
  out.engine.async_scheduling = defaults.async_scheduling;
  out.engine.reserve_full_prompt = defaults.admit_whole_prompt;
  out.engine.prefix_caching = log.prefix_caching;

  models::KvPoolOptions kv = defaults.kv;
  kv.block_size = log.block_size;
  kv.block_count = log.gpu_blocks;
  kv.reserved = kv_reserve(out.deployment, profiles);
  const auto pool =
      models::kv_pool(out.deployment.engine, context.gpu, context.llm, context.layout, kv);
  if (!pool) return pool.error();
  out.kv = *pool;
  return out;
}

Result<std::vector<sim::RequestRecord>> simulate_log(const RequestLog& log, const LogSetup& setup,
                                                     const models::StepModel& step,
                                                     const models::FrontEnd& front_end,
                                                     std::uint64_t seed, sim::MetricsSink* sink) {
  sim::SimulationConfig config;
  config.replica.engine = setup.engine;
  config.replica.kv = setup.kv;
  config.replica.step = &step;
  config.replica.front_end = front_end;
  config.replicas = setup.replicas;
  config.seed = seed;
  LogLoad load(log);
  Tee tee(log.requests.size(), sink);
  sim::RunOptions options;
  options.sink = &tee;
  sim::Simulation simulation(config);
  const auto summary = simulation.run(load, options);
  if (!summary) return summary.error();
  return std::move(tee.records);
}

}  // namespace eph::calibration
