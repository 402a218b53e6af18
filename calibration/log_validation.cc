#include "calibration/log_validation.h"

#include <algorithm>
#include <filesystem>

#include "calibration/deployment.h"
#include "calibration/layer_profile.h"
#include "calibration/replay.h"
#include "core/csv.h"
#include "core/line_source.h"
#include "core/text.h"
#include "models/machine.h"
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
    ++next_;
    return arrival;
  }
  void on_finished(RequestId, SimTime) override {}

 private:
  const RequestLog& log_;
  std::size_t next_ = 0;
};

// Everything needed to simulate a log.
struct LogPlan {
  Deployment deployment;
  sim::EngineOptions engine;
  models::KvPool kv;
  std::unique_ptr<models::StepModel> step;
  models::FrontEnd front_end;
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
  if (!log.gpu.empty()) return gpu_catalog_name(log.gpu);
  const auto names = catalog.gpu_names();
  if (!names) return names.error();
  const std::string folder = squeezed(std::filesystem::path(log.folder).lexically_normal().string());
  for (const std::string& name : *names) {
    if (folder.find(squeezed(name)) != std::string::npos) return name;
  }
  return usage_error("meta.json names no GPU and the folder's name holds none",
                     "add hardware/device_name to meta.json");
}

Result<Deployment> resolve_log(const RequestLog& log, const models::Catalog& catalog) {
  if (log.data_parallel > 1 || log.expert_parallel) {
    return usage_error("logs of data-parallel or expert-parallel engines are not replayed by this version");
  }
  const auto gpu = gpu_of(log, catalog);
  if (!gpu) return gpu.error();
  MeasuredRun run;
  run.engine = models::EngineKind::vllm;
  run.engine_version = log.engine_version;
  run.gpu = *gpu;
  run.model = log.model;
  run.dtype = log.dtype;
  run.layout.tensor = log.tensor_parallel;
  SpecCache specs(catalog);
  return resolve(run, specs);
}

Result<LogPlan> plan_log(const RequestLog& log, const ValidateOptions& options, const models::Catalog& catalog) {
  auto deployment = resolve_log(log, catalog);
  if (!deployment) return deployment.error();
  LogPlan plan;
  plan.deployment = std::move(*deployment);
  const models::StepContext& context = plan.deployment.context;
  const models::EngineDefaults& defaults = plan.deployment.defaults;
  plan.engine.kind = plan.deployment.engine;
  plan.engine.max_num_batched_tokens = log.max_num_batched_tokens;
  plan.engine.max_num_seqs = log.max_num_seqs;
  plan.engine.max_model_len = log.max_model_len;
  plan.engine.async_scheduling = defaults.async_scheduling;
  plan.engine.reserve_full_prompt = defaults.admit_whole_prompt;

  const auto profiles = load_profiles(options.profiles, catalog);
  if (!profiles) return profiles.error();
  const auto* profile = find_profile(*profiles, plan.deployment.engine, plan.deployment.gpu_name);
  if (profile == nullptr) return usage_error("no profile of vllm", "calibrate one first");
  const auto found = profile->find(context, models::version_family(plan.deployment.engine, plan.deployment.version));
  const models::CoefficientValues& values = *found.values;

  models::KvPoolOptions kv = defaults.kv;
  kv.block_size = log.block_size;
  kv.memory_fraction = 0.9;
  kv.block_count = log.gpu_blocks;
  const auto reserve = models::Coefficient::kv_reserve;
  kv.reserved = Bytes{static_cast<std::int64_t>(values[static_cast<std::size_t>(reserve)] *
                                                models::coefficient_info(reserve).to_si)};
  const auto pool = models::kv_pool(plan.deployment.engine, context.gpu, context.llm, context.layout, kv);
  if (!pool) return pool.error();
  plan.kv = *pool;

  const std::string layers = log.folder + "/layer_profile";
  if (std::filesystem::is_directory(layers)) {
    auto model = LayerProfileModel::load(layers, context.llm.layers);
    if (!model) return model.error();
    plan.step = std::move(*model);
  } else {
    models::StepContext with_operators = context;
    with_operators.operators = profile->operators;
    auto step = std::make_unique<models::FittedStepModel>(
        with_operators, models::on_machine(values, profile->machine_for(plan.deployment.gpu_name)));
    if (found.residual != nullptr) step->set_residual(*found.residual);
    plan.step = std::move(step);
  }
  return plan;
}

FigureSet measured_figures(const RequestLog& log, const LoggedRequest& r) {
  const double arrival = r.arrival_s + log.clock_offset_s;
  FigureSet out;
  out[Figure::queue] = 1e3 * (r.scheduled_s - arrival);
  out[Figure::ttft] = 1e3 * (r.first_token_s - arrival);
  out[Figure::e2e] = 1e3 * (r.last_token_s - arrival);
  if (r.output_tokens > 1) {
    out[Figure::tpot] =
        1e3 * (r.last_token_s - r.first_token_s) / static_cast<double>(r.output_tokens - 1);
  }
  return out;
}

FigureSet predicted_figures(const sim::RequestRecord& r) {
  FigureSet out;
  if (r.engine_scheduled != SimTime::never()) out[Figure::queue] = r.queued().ms();
  if (r.status != sim::RequestStatus::finished) return out;
  out[Figure::ttft] = r.ttft().ms();
  out[Figure::e2e] = r.e2e().ms();
  if (r.output_tokens > 1) out[Figure::tpot] = r.tpot_s() * 1e3;
  return out;
}

constexpr std::array kLogFigures{Figure::queue, Figure::ttft, Figure::tpot, Figure::e2e};

// Mean and percentiles over all requests, as one row of its own.
FigureSet distribution(const std::vector<FigureSet>& requests) {
  FigureSet out;
  const auto fill = [&](Figure from, Figure p50, Figure p95, Figure p99, Figure average) {
    std::vector<double> values;
    for (const FigureSet& r : requests) {
      if (r[from]) values.push_back(*r[from]);
    }
    if (values.empty()) return;
    out[average] = mean(values);
    std::sort(values.begin(), values.end());
    out[p50] = quantile_sorted(values, 0.50);
    out[p95] = quantile_sorted(values, 0.95);
    out[p99] = quantile_sorted(values, 0.99);
  };
  fill(Figure::ttft, Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99, Figure::ttft_mean);
  fill(Figure::tpot, Figure::itl_p50, Figure::itl_p95, Figure::itl_p99, Figure::itl_mean);
  fill(Figure::e2e, Figure::e2e_p50, Figure::e2e_p95, Figure::e2e_p99, Figure::e2e_mean);
  return out;
}

std::string output_csv(const RequestLog& log, const std::vector<FigureSet>& measured,
                       const std::vector<ValidatedRow>& rows) {
  std::string out = "request_id,input_toks,output_toks,arrival_time,queued_ts,scheduled_ts,first_token_ts,"
                    "last_token_ts";
  for (const Figure f : kLogFigures) out += fmt::format(",{}", column_name(f));
  for (const Figure f : kLogFigures) out += fmt::format(",pred_{}", column_name(f));
  out += ",status\n";
  const auto cell = [](const std::optional<double>& value) {
    return value ? fmt::format(",{:.6g}", *value) : std::string(",");
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LoggedRequest& r = log.requests[i];
    out += fmt::format("{},{},{},{},{},{},{},{}", csv_field(r.id), r.prompt_tokens, r.output_tokens,
                       number(r.arrival_s), number(r.queued_s), number(r.scheduled_s),
                       number(r.first_token_s), number(r.last_token_s));
    for (const Figure f : kLogFigures) out += cell(measured[i][f]);
    for (const Figure f : kLogFigures) out += cell(rows[i].predicted[f]);
    out += fmt::format(",{}\n", rows[i].status);
  }
  return out;
}

std::vector<ScoredRow> log_scores(const RequestLog& log, const std::vector<FigureSet>& measured,
                                  const std::vector<ValidatedRow>& rows) {
  std::vector<ScoredRow> scored;
  std::vector<FigureSet> predicted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    predicted.push_back(rows[i].predicted);
    // A queue time near zero has no meaningful ratio.
    scored.push_back({"vllm", log.model, "request log, each request", rows[i].predicted, measured[i],
                      {Figure::ttft, Figure::tpot, Figure::e2e}});
  }
  ScoredRow whole{"vllm", log.model, "request log, all requests", distribution(predicted),
                  distribution(measured), {}};
  for (const Figure f : {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_mean, Figure::itl_p50,
                         Figure::itl_p95, Figure::itl_mean, Figure::e2e_p50, Figure::e2e_mean}) {
    whole.scored.push_back(f);
  }
  scored.push_back(std::move(whole));
  return scored;
}

}  // namespace

Result<ValidateReport> validate_log(const ValidateOptions& options, const models::Catalog& catalog) {
  const auto log = load_request_log(options.runs);
  if (!log) return log.error();
  const auto plan = plan_log(*log, options, catalog);
  if (!plan) return plan.error();

  sim::SimulationConfig config;
  config.replica.engine = plan->engine;
  config.replica.kv = plan->kv;
  config.replica.step = plan->step.get();
  config.replica.front_end = plan->front_end;
  config.seed = options.seed;
  LogLoad load(*log);
  RecordSink sink;
  sim::RunOptions run_options;
  run_options.sink = &sink;
  sim::Simulation simulation(config);
  const auto summary = simulation.run(load, run_options);
  if (!summary) return summary.error();

  ValidateReport report;
  report.rows = log->requests.size();
  report.results.resize(report.rows);
  std::vector<FigureSet> measured;
  for (const LoggedRequest& request : log->requests) measured.push_back(measured_figures(*log, request));
  for (const sim::RequestRecord& record : sink.records()) {
    ValidatedRow& row = report.results[index(record.id)];
    row.predicted = predicted_figures(record);
    row.ok = record.status == sim::RequestStatus::finished;
    row.status = row.ok ? "ok" : "not predicted: the request does not fit into the KV cache";
    ++(row.ok ? report.predicted : report.not_predicted);
  }
  report.scored = log_scores(*log, measured, report.results);
  report.errors = error_tables(report.scored);
  if (!options.out.empty()) {
    const std::string csv = output_csv(*log, measured, report.results);
    if (auto ok = write_file(options.out, csv); !ok) return ok.error();
  }
  return report;
}

}  // namespace eph::calibration
