#include "calibration/log_validation.h"

#include <filesystem>
#include <variant>

#include "calibration/layer_profile.h"
#include "calibration/log_figures.h"
#include "calibration/log_fit.h"
#include "core/line_source.h"
#include "models/fitted_model.h"
#include "models/machine.h"
#include "models/step_profile.h"

namespace eph::calibration {
namespace {

// What predicts a step, and where it came from.
struct LogModel {
  std::unique_ptr<models::StepModel> step;
  models::FrontEnd front_end;
  std::string note;
};

Result<LogModel> from_layers(const RequestLog& log, const LogSetup& setup) {
  auto model = LayerProfileModel::load(log.folder + "/layer_profile", setup.deployment.context);
  if (!model) return model.error();
  return LogModel{std::move(*model), {}, "steps are composed of the log's layer_profile"};
}

Result<LogModel> from_engine_profile(const LogSetup& setup, const std::vector<std::string>& files,
                                     const models::Catalog& catalog) {
  const auto profiles = load_profiles(files, catalog);
  if (!profiles) return profiles.error();
  const auto* profile = find_profile(*profiles, setup.deployment.engine, setup.deployment.gpu_name);
  if (profile == nullptr) {
    return usage_error(fmt::format("no profile of {}", models::name(setup.deployment.engine)),
                       "calibrate one first");
  }
  models::StepContext context = setup.deployment.context;
  context.operators = profile->operators;
  const auto found = profile->find(
      context, models::version_family(setup.deployment.engine, setup.deployment.version));
  const models::Machine machine = profile->machine_for(setup.deployment.gpu_name);
  context.gpu = models::on_machine(context.gpu, machine);
  auto step = std::make_unique<models::FittedStepModel>(context,
                                                        models::on_machine(*found.values, machine));
  if (found.residual != nullptr) step->set_residual(*found.residual);
  LogModel out;
  out.step = std::move(step);
  out.note = fmt::format("steps are those of the profile of {} on {}",
                         models::name(profile->engine), profile->gpu);
  return out;
}

Result<LogModel> from_file(const LogSetup& setup, const std::string& path,
                           const models::Catalog& catalog) {
  const auto profile = models::load_step_profile(path);
  if (!profile) return profile.error();
  if (std::holds_alternative<models::EngineProfile>(*profile)) {
    return from_engine_profile(setup, {path}, catalog);
  }
  LogModel out;
  out.note = "steps are those of " + path;
  if (const auto* compact = std::get_if<models::CompactProfile>(&*profile)) {
    const bool same = compact->model == setup.deployment.context.llm.name &&
                      compact->gpu == setup.deployment.gpu_name &&
                      compact->tensor_parallel == setup.deployment.context.layout.tensor;
    if (!same) {
      return usage_error(
          fmt::format("{} is of {} on {} with tp {}, the log is of {} on {} with tp {}", path,
                      compact->model, compact->gpu, compact->tensor_parallel,
                      setup.deployment.context.llm.name, setup.deployment.gpu_name,
                      setup.deployment.context.layout.tensor),
          "give a profile of the same deployment");
    }
    out.step = std::make_unique<models::CompactStepModel>(*compact);
    return out;
  }
  if (const auto* linear = std::get_if<models::LinearProfile>(&*profile)) {
    out.step = std::make_unique<models::LinearStepModel>(*linear);
    out.front_end = linear->front_end;
    return out;
  }
  return usage_error(path + " is a profile of llama.cpp on processors, which writes no request log",
                     "give a profile of the engine of the log");
}

Result<LogModel> from_first_half(const RequestLog& log, const LogSetup& setup) {
  const auto fit = fit_log(log, setup, first_half(log));
  if (!fit) return fit.error();
  LogModel out;
  out.step = std::make_unique<models::CompactStepModel>(fit->profile);
  out.note =
      fmt::format("steps are fitted on the first {} requests and {} events of this log alone",
                  fit->profile.requests, fit->profile.events);
  return out;
}

Result<LogModel> choose_model(const RequestLog& log, const LogSetup& setup,
                              const ValidateOptions& options, const models::Catalog& catalog) {
  if (options.profiles.size() == 1) return from_file(setup, options.profiles.front(), catalog);
  if (!options.profiles.empty()) return from_engine_profile(setup, options.profiles, catalog);
  if (options.second_half) return from_first_half(log, setup);
  if (std::filesystem::is_directory(log.folder + "/layer_profile")) return from_layers(log, setup);
  return from_engine_profile(setup, options.profiles, catalog);
}

Result<void> add_timeline(const RequestLog& log, const LevelSink& levels,
                          const ValidateOptions& options, ValidateReport& report) {
  auto measured = read_levels(log);
  if (!measured) return measured.error();
  LogTimeline& timeline = report.timeline;
  timeline.measured = std::move(*measured);
  timeline.predicted = levels.at(timeline.measured);
  for (const Level& level : timeline.measured) timeline.kv = timeline.kv || level.kv_percent > 0;
  if (options.series.empty()) return {};
  if (timeline.measured.empty()) {
    return usage_error(log.folder + " holds no timeseries.csv, so there is nothing to compare with",
                       "leave out --series");
  }
  return write_file(options.series, timeline_csv(timeline));
}

}  // namespace

Result<ValidateReport> validate_log(const ValidateOptions& options,
                                    const models::Catalog& catalog) {
  const auto log = load_request_log(options.runs, options.log_facts);
  if (!log) return log.error();
  const auto shipped = load_profiles({}, catalog);
  if (!shipped) return shipped.error();
  const auto setup = set_up(*log, catalog, *shipped);
  if (!setup) return setup.error();
  const auto model = choose_model(*log, *setup, options, catalog);
  if (!model) return model.error();
  LevelSink levels(setup->replicas, setup->kv.usable_blocks);
  const auto records =
      simulate_log(*log, *setup, *model->step, model->front_end, options.seed, &levels);
  if (!records) return records.error();

  ValidateReport report;
  if (auto ok = add_timeline(*log, levels, options, report); !ok) return ok.error();
  report.notes.push_back(model->note);
  report.rows = log->requests.size();
  report.results.resize(report.rows);
  std::vector<FigureSet> measured, predicted;
  for (std::size_t i = 0; i < report.rows; ++i) {
    measured.push_back(measured_figures(*log, log->requests[i]));
    predicted.push_back(predicted_figures((*records)[i]));
    ValidatedRow& row = report.results[i];
    row.predicted = predicted.back();
    row.ok = (*records)[i].status == sim::RequestStatus::finished;
    row.status = row.ok ? "ok" : "not predicted: the request does not fit into the KV cache";
    ++(row.ok ? report.predicted : report.not_predicted);
  }
  const LogComparison comparison{&*log, measured, predicted, *records,
                                 options.second_half ? report.rows / 2 : 0};
  report.scored = log_scores(comparison);
  report.errors = error_tables(report.scored);
  report.compared = compared_figures(comparison);
  if (!options.out.empty()) {
    if (auto ok = write_file(options.out, log_csv(comparison, report.results)); !ok)
      return ok.error();
  }
  return report;
}

}  // namespace eph::calibration
