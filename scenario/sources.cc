#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/text.h"
#include "scenario/class_priorities.h"
#include "scenario/load.h"
#include "scenario/synthetic_lengths.h"
#include "workload/model_source.h"
#include "workload/synthetic.h"
#include "workload/trace_reader.h"
#include "workload/transforms.h"

namespace eph::scenario {

namespace {

using workload::ArrivalSource;
using workload::SourcePtr;

// Mooncake's timestamps come in steps of 3 s; its requests are spread over each step.
constexpr std::int64_t kMooncakeStepNs = 3'000'000'000;

// A day in 96 straight pieces, repeated; their mean is the rate itself.
Result<workload::RateProfile> rate_of(const SyntheticSpec& spec) {
  if (spec.swing == 0) return workload::RateProfile::constant(spec.rate);
  constexpr int kPieces = 96;
  const double peak = spec.swing_peak_s.value_or(spec.swing_period_s / 2);
  std::vector<std::pair<double, double>> points;
  for (int i = 0; i <= kPieces; ++i) {
    const double at = spec.swing_period_s * i / kPieces;
    const double phase = 2 * std::numbers::pi * (at - peak) / spec.swing_period_s;
    points.emplace_back(at, std::max(0.0, spec.rate * (1 + spec.swing * std::cos(phase))));
  }
  const Result<workload::RateProfile> day = workload::RateProfile::lines(points);
  if (!day) return day.error();
  return day->repeated();
}

Result<SourcePtr> open_synthetic(const SyntheticSpec& spec, std::uint64_t seed, std::uint64_t run) {
  Result<workload::RateProfile> rate = rate_of(spec);
  if (!rate) return rate.error();
  workload::SyntheticConfig config{.process = workload::ArrivalProcess::poisson,
                                   .cv = spec.cv,
                                   .rate = std::move(*rate),
                                   .lengths = lengths_of(spec),
                                   .requests = spec.requests,
                                   .duration_s = spec.duration_s,
                                   .seed = seed,
                                   .run = run};
  if (spec.arrivals == "gamma") config.process = workload::ArrivalProcess::gamma;
  if (spec.arrivals == "constant") config.process = workload::ArrivalProcess::constant;
  return workload::make_synthetic(config);
}

bool has_window(const WorkloadSpec& spec) { return spec.from_s || spec.to_s; }

workload::RateMode rate_mode(const WorkloadSpec& spec) {
  return spec.rate_mode == "compress" ? workload::RateMode::compress
                                      : workload::RateMode::superpose;
}

// A model scales its own rate, and it can go on beyond its end: up to the end of the window, or one
// pass for each repetition.
Result<SourcePtr> open_model(const models::Catalog& catalog, const WorkloadSpec& spec,
                             std::uint64_t seed, std::uint64_t run) {
  const Result<std::string> file = workload_file(catalog, spec.model);
  if (!file) return file.error();
  const Result<workload::WorkloadModel> model = workload::load_workload_model(*file);
  if (!model) return model.error();
  const double faster = rate_mode(spec) == workload::RateMode::compress ? spec.rate_scale : 1;
  workload::ModelTrafficOptions options;
  options.rate_scale = spec.rate_scale;
  options.mode = rate_mode(spec);
  if (!has_window(spec)) {
    options.duration_s = static_cast<double>(spec.repeat) * model->duration_s / faster;
  }
  if (spec.to_s) options.duration_s = *spec.to_s / faster;
  options.seed = seed;
  options.run = run;
  Result<SourcePtr> source = workload::make_model_traffic(*model, options);
  if (!source || !has_window(spec)) return source;
  std::optional<SimTime> to;
  if (spec.to_s) to = SimTime::from_seconds(*spec.to_s / faster);
  return workload::window(std::move(*source),
                          SimTime::from_seconds(spec.from_s.value_or(0) / faster), to);
}

Result<SourcePtr> open_trace(const WorkloadSpec& spec, std::uint64_t seed, std::uint64_t run) {
  const Result<workload::TraceFormat> format = workload::detect_trace_format(spec.trace);
  if (!format) return format.error();
  workload::TraceOptions options;
  if (*format == workload::TraceFormat::mooncake) options.dequantise = Duration{kMooncakeStepNs};
  options.seed = seed;
  options.run = run;
  Result<SourcePtr> source = workload::open_trace(spec.trace, options);
  if (!source || !has_window(spec)) return source;
  std::optional<SimTime> to;
  if (spec.to_s) to = SimTime::from_seconds(*spec.to_s);
  return workload::window(std::move(*source), SimTime::from_seconds(spec.from_s.value_or(0)), to);
}

Result<SourcePtr> open_repeated(const models::Catalog& catalog, const WorkloadSpec& spec,
                                std::uint64_t seed, std::uint64_t run) {
  const auto open = [catalog, spec, seed, run] {
    return spec.model.empty() ? open_trace(spec, seed, run) : open_model(catalog, spec, seed, run);
  };
  if (spec.repeat == 1 || (!spec.model.empty() && !has_window(spec))) return open();
  workload::RepeatOptions options;
  options.times = spec.repeat;
  options.seed = seed;
  options.run = run;
  return workload::repeat(open, options);
}

Result<SourcePtr> cap(SourcePtr source, const WorkloadSpec& spec) {
  if (spec.cap_prompt == 0 && spec.cap_output == 0) return source;
  workload::CapOptions options;
  options.prompt =
      static_cast<std::int32_t>(std::min<std::int64_t>(spec.cap_prompt, workload::kMaxTokens));
  options.output =
      static_cast<std::int32_t>(std::min<std::int64_t>(spec.cap_output, workload::kMaxTokens));
  return workload::cap_tokens(std::move(source), options);
}

Result<SourcePtr> limited(Result<SourcePtr> source, const WorkloadSpec& spec) {
  if (!source || spec.max_output_tokens == 0) return source;
  return workload::limit_outputs(std::move(*source),
                                 static_cast<std::int32_t>(spec.max_output_tokens));
}

std::string rows(std::uint64_t n) { return fmt::format("{} request{}", n, n == 1 ? "" : "s"); }

}  // namespace

Result<SourcePtr> open_source(const models::Catalog& catalog, const WorkloadSpec& spec,
                              std::uint64_t seed, std::uint64_t run) {
  if (spec.synthetic && spec.synthetic->arrivals == "closed") {
    return usage_error("closed arrivals depend on the replicas and are no stream of requests",
                       "give open arrivals, a trace or a workload model");
  }
  if (spec.synthetic && spec.synthetic->has_sessions()) {
    return usage_error("conversations depend on the replicas and are no stream of requests",
                       "give single requests without a shared prompt, a trace or a workload model");
  }
  if (spec.synthetic) return limited(open_synthetic(*spec.synthetic, seed, run), spec);
  Result<SourcePtr> source = open_repeated(catalog, spec, seed, run);
  if (source && spec.rate_scale != 1 && spec.model.empty()) {
    workload::SuperposeOptions options;
    options.seed = seed;
    options.run = run;
    source = workload::scale_rate(std::move(*source), spec.rate_scale, rate_mode(spec), options);
  }
  if (source) source = cap(std::move(*source), spec);
  if (source && !spec.class_priorities.empty()) {
    Result<ClassPriorities> priorities = read_class_priorities(spec.class_priorities);
    if (!priorities) return priorities.error();
    source = with_class_priorities(std::move(*source), std::move(*priorities));
  }
  if (source && spec.max_requests > 0) {
    source = workload::limit_requests(std::move(*source), spec.max_requests);
  }
  return limited(std::move(source), spec);
}

std::vector<std::string> source_warnings(const ArrivalSource& source) {
  const workload::SourceCounts counts = source.counts();
  std::vector<std::string> out;
  if (counts.failures_dropped > 0) {
    out.push_back(fmt::format("{} without output tokens left out (failed when recorded)",
                              rows(counts.failures_dropped)));
  }
  if (counts.failures_kept > 0) {
    out.push_back(
        fmt::format("{} without output tokens taken as 1 token", rows(counts.failures_kept)));
  }
  if (counts.clipped > 0) out.push_back(fmt::format("{} shortened by a cap", rows(counts.clipped)));
  if (counts.over_cap_dropped > 0) {
    out.push_back(fmt::format("{} left out by a cap", rows(counts.over_cap_dropped)));
  }
  return out;
}

// What the reader does to the recorded times.
std::vector<std::string> trace_notes(const WorkloadSpec& spec) {
  if (spec.trace.empty()) return {};
  const Result<workload::TraceFormat> format = workload::detect_trace_format(spec.trace);
  if (!format || *format != workload::TraceFormat::mooncake) return {};
  return {
      "Mooncake's timestamps come in steps of 3 s: its requests are spread evenly over each step"};
}

}  // namespace eph::scenario
