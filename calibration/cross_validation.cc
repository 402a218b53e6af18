#include "calibration/cross_validation.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

#include "calibration/engine_fit.h"
#include "calibration/host_from_run.h"
#include "calibration/parallel.h"
#include "calibration/predict_rows.h"

namespace eph::calibration {
namespace {

constexpr std::size_t kWorstRows = 20;

// One refit to do, and what came of it.
struct Job {
  models::EngineKind engine = models::EngineKind::vllm;
  const std::vector<DataRow>* data = nullptr;
  const EngineFitter* fitter = nullptr;  // of its engine
  const Fold* fold = nullptr;
  std::vector<std::size_t> counted;  // of fold->held, those asked for
  FoldResult result;
  std::vector<HeldOutRow> rows;
  std::vector<std::string> notes;
  std::optional<Error> error;
};

RowFacts facts_of(const DataRow& row, models::EngineKind engine) {
  const models::StepContext& context = row.plan.deployment.context;
  RowFacts out;
  out.id = row.id;
  out.file = row.file;
  out.line = row.line;
  out.engine = models::name(engine);
  out.engine_version = row.engine_version;
  out.gpu = row.plan.deployment.gpu_name;
  out.model = row.model;
  out.weights = models::name(context.llm.weights);
  out.tensor_parallel = row.tensor_parallel;
  out.isl = row.isl;
  out.osl = row.osl;
  out.concurrency = row.concurrency;
  out.protocol = name(row.plan.protocol);
  out.host = row.host;
  out.workload = row.workload;
  out.load_fraction = row.load_fraction;
  out.parameters = static_cast<double>(models::count_parameters(context.llm).total);
  return out;
}

bool asked_for(const std::vector<std::string>& wanted, std::string_view text) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), text) != wanted.end();
}

// Learns the speeds of hosts that the fit has not seen; what was looked at, and its repetitions on
// identical machines, are not counted any more.
void learn_hosts(std::uint64_t seed, Job& job, EngineFit& fit) {
  const std::vector<DataRow>& data = *job.data;
  const auto found = hosts_from_one_run(data, job.fold->held, fit, seed);
  fit = with_hosts(std::move(fit), found);
  for (const HostFromRun& host : found) {
    const DataRow& seen = data[host.row];
    job.notes.push_back(
        fmt::format("{}: host speed {:.2f} from {} {} synchronous, {}:{}, not counted", host.host,
                    host.speed, seen.model, seen.workload, seen.file, seen.line));
    std::erase_if(job.counted, [&](std::size_t i) {
      return data[i].curve == seen.curve && data[i].plan.protocol == Protocol::synchronous;
    });
  }
}

void run_job(const CrossOptions& options, int threads, Job& job) {
  const std::vector<DataRow>& data = *job.data;
  auto fit = job.fitter->fit(job.fold->skip);
  if (!fit) {
    job.error = fit.error();
    return;
  }
  if (options.host_from_run) learn_hosts(options.seed, job, *fit);
  job.result.engine = models::name(job.engine);
  job.result.name = job.fold->name;
  job.result.simulations = fit->simulations;
  job.result.held_rows = job.counted.size();
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i].fitted && !job.fold->skip[i]) ++job.result.fitted_rows;
  }
  std::vector<FigureSet> deviations(data.size());
  const auto& observations = job.fitter->observations();
  for (std::size_t o = 0; o < observations.size(); ++o) {
    deviations[observations[o].row][observations[o].figure] = fit->log_sd[o];
  }
  auto predicted = predict_rows(data, job.counted, *fit, job.engine, {options.seed, threads});
  for (std::size_t k = 0; k < predicted.size(); ++k) {
    const DataRow& row = data[job.counted[k]];
    HeldOutRow out;
    out.facts = facts_of(row, job.engine);
    out.fold = job.fold->name;
    out.unit = options.folds.scheme == Scheme::random ? row.curve : job.fold->name;
    out.score = std::move(predicted[k]);
    out.log_sd = deviations[job.counted[k]];
    std::erase_if(out.score.scored, [&](Figure f) { return !counts(options.folds.scheme, f); });
    job.rows.push_back(std::move(out));
  }
}

std::vector<Job> jobs_of(const CrossOptions& options, models::EngineKind engine,
                         const std::vector<DataRow>& rows, const EngineFitter& fitter,
                         const FoldPlan& plan) {
  std::vector<Job> jobs;
  for (const Fold& fold : plan.folds) {
    Job job;
    job.engine = engine;
    job.data = &rows;
    job.fitter = &fitter;
    job.fold = &fold;
    for (const std::size_t i : fold.held) {
      const bool counted = asked_for(options.protocols, name(rows[i].plan.protocol)) &&
                           asked_for(options.models, rows[i].model);
      bool any_figure = false;
      for (std::size_t f = 0; f < kFigureCount; ++f) {
        any_figure = any_figure || (rows[i].plan.scored.test(f) &&
                                    counts(options.folds.scheme, static_cast<Figure>(f)));
      }
      if (counted && any_figure) job.counted.push_back(i);
    }
    if (!job.counted.empty()) jobs.push_back(std::move(job));
  }
  return jobs;
}

// Folds side by side, and what threads remain to each fit.
void run_jobs(const CrossOptions& options, std::vector<Job>& jobs, const CrossProgress& progress) {
  const int machine = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int threads = options.threads > 0 ? options.threads : machine;
  const int side_by_side = std::min(threads, static_cast<int>(jobs.size()));
  const int inner = std::max(1, threads / std::max(1, side_by_side));
  std::mutex lock;
  std::size_t done = 0;
  const auto tell = [&](const Job& job, std::size_t more) {
    const std::lock_guard guard(lock);
    done += more;
    if (!progress) return;
    progress(fmt::format("{} without {}", models::display(job.engine), job.fold->name), done,
             jobs.size());
  };
  parallel_for(jobs.size(), side_by_side, [&](std::size_t j) {
    tell(jobs[j], 0);
    run_job(options, inner, jobs[j]);
    tell(jobs[j], 1);
  });
}

void note_unpredicted(const std::vector<HeldOutRow>& rows, std::vector<std::string>& notes) {
  for (const HeldOutRow& row : rows) {
    if (row.score.problem.empty()) continue;
    notes.push_back(
        fmt::format("{}:{}: not predicted: {}", row.facts.file, row.facts.line, row.score.problem));
  }
}

}  // namespace

Result<CrossReport> cross_validate(const CrossOptions& options, const models::Catalog& catalog,
                                   const CrossProgress& progress) {
  CrossReport report;
  std::vector<Dataset> data;
  std::vector<FoldPlan> plans;
  for (const models::EngineKind engine : options.engines) {
    auto loaded = load_dataset(options.data_folder, engine, options.gpu, catalog);
    if (!loaded) return loaded.error();
    auto plan = make_folds(loaded->rows, options.folds);
    if (!plan) return plan.error();
    for (const std::string& note : plan->notes) {
      report.notes.push_back(fmt::format("{}: {}", models::display(engine), note));
    }
    data.push_back(std::move(*loaded));
    plans.push_back(std::move(*plan));
  }
  FitOptions fit_options = options.fit;
  fit_options.seed = options.seed;
  fit_options.threads = options.threads;
  std::vector<EngineFitter> fitters;
  for (std::size_t e = 0; e < data.size(); ++e) {
    if (progress)
      progress(fmt::format("{}: derivatives", models::display(options.engines[e])), 0, data.size());
    auto fitter = EngineFitter::create(data[e].rows, options.engines[e], fit_options);
    if (!fitter) return fitter.error();
    fitters.push_back(std::move(*fitter));
  }
  std::vector<Job> jobs;
  for (std::size_t e = 0; e < data.size(); ++e) {
    for (Job& job : jobs_of(options, options.engines[e], data[e].rows, fitters[e], plans[e])) {
      jobs.push_back(std::move(job));
    }
  }
  if (jobs.empty()) {
    return usage_error(fmt::format("{} holds out no row{}{}", name(options.folds.scheme),
                                   report.notes.empty() ? "" : ": ", fmt::join(report.notes, "; ")),
                       "choose another scheme, engine or rows");
  }
  run_jobs(options, jobs, progress);
  for (Job& job : jobs) {
    if (job.error) return *job.error;
    report.folds.push_back(job.result);
    for (const std::string& note : job.notes) report.notes.push_back(note);
    for (HeldOutRow& row : job.rows) report.rows.push_back(std::move(row));
  }
  const auto widths = interval_half_widths(report.rows);
  for (std::size_t i = 0; i < widths.size(); ++i) report.rows[i].half_width = widths[i];
  note_unpredicted(report.rows, report.notes);
  report.tables = cross_tables(report.rows);
  report.worst = worst_rows(report.rows, kWorstRows);
  return report;
}

}  // namespace eph::calibration
