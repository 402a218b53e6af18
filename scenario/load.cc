#include "scenario/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/text.h"
#include "scenario/assemble.h"
#include "workload/closed_loop.h"
#include "workload/open_load.h"
#include "workload/synthetic.h"
#include "workload/trace_reader.h"
#include "workload/transforms.h"

namespace eph::scenario {

namespace {

using workload::ArrivalSource;
using workload::SourcePtr;

// Mooncake's timestamps come in steps of 3 s; its requests are spread over each step.
constexpr std::int64_t kMooncakeStepNs = 3'000'000'000;

constexpr const char* kPrefixesUnused =
    "the prefix information of the requests is not used: every prompt is computed in full";

Result<workload::Length> around(std::int64_t nominal, double spread) {
  const double n = static_cast<double>(nominal);
  const auto low = static_cast<std::int32_t>(std::max(1.0, std::ceil(n * (1 - spread))));
  const auto high = static_cast<std::int32_t>(
      std::clamp(std::floor(n * (1 + spread)), static_cast<double>(low), 1.0 * workload::kMaxTokens));
  if (spread == 0) return workload::Length(workload::FixedLength{static_cast<std::int32_t>(nominal)});
  return workload::Length(workload::UniformLength{low, high});
}

Result<workload::LengthPair> lengths_of(const SyntheticSpec& spec) {
  Result<workload::Length> prompt = around(spec.prompt_tokens, spec.length_spread);
  if (!prompt) return prompt.error();
  Result<workload::Length> output = around(spec.output_tokens, spec.length_spread);
  if (!output) return output.error();
  return workload::LengthPair{*prompt, *output};
}

Result<SourcePtr> open_synthetic(const SyntheticSpec& spec, std::uint64_t seed, std::uint64_t run) {
  const Result<workload::LengthPair> lengths = lengths_of(spec);
  if (!lengths) return lengths.error();
  Result<workload::RateProfile> rate = workload::RateProfile::constant(spec.rate);
  if (!rate) return rate.error();
  workload::SyntheticConfig config{.process = workload::ArrivalProcess::poisson,
                                   .cv = spec.cv,
                                   .rate = std::move(*rate),
                                   .lengths = *lengths,
                                   .requests = spec.requests,
                                   .duration_s = spec.duration_s,
                                   .seed = seed,
                                   .run = run};
  if (spec.arrivals == "gamma") config.process = workload::ArrivalProcess::gamma;
  if (spec.arrivals == "constant") config.process = workload::ArrivalProcess::constant;
  return workload::make_synthetic(config);
}

Result<std::unique_ptr<workload::Load>> open_closed(const SyntheticSpec& spec, std::uint64_t seed,
                                                    std::uint64_t run) {
  const Result<workload::LengthPair> lengths = lengths_of(spec);
  if (!lengths) return lengths.error();
  workload::ClosedLoopConfig config;
  config.pattern = workload::LoadPattern::concurrency;
  config.concurrency = spec.concurrency;
  config.requests = spec.requests;
  if (spec.duration_s > 0) config.stage_end = SimTime::from_seconds(spec.duration_s);
  config.lengths = *lengths;
  config.seed = seed;
  config.run = run;
  return workload::make_closed_loop(config);
}

Result<SourcePtr> open_base(const models::Catalog& catalog, const WorkloadSpec& spec,
                            std::uint64_t seed, std::uint64_t run) {
  if (spec.synthetic) return open_synthetic(*spec.synthetic, seed, run);
  if (!spec.model.empty()) {
    const Result<std::string> file = workload_file(catalog, spec.model);
    if (!file) return file.error();
    return usage_error("x");
  }
  const Result<workload::TraceFormat> format = workload::detect_trace_format(spec.trace);
  if (!format) return format.error();
  workload::TraceOptions options;
  if (*format == workload::TraceFormat::mooncake) options.dequantise = Duration{kMooncakeStepNs};
  options.seed = seed;
  options.run = run;
  return workload::open_trace(spec.trace, options);
}

Result<SourcePtr> open_window(const models::Catalog& catalog, const WorkloadSpec& spec,
                              std::uint64_t seed, std::uint64_t run) {
  Result<SourcePtr> source = open_base(catalog, spec, seed, run);
  if (!source || (!spec.from_s && !spec.to_s)) return source;
  std::optional<SimTime> to;
  if (spec.to_s) to = SimTime::from_seconds(*spec.to_s);
  return workload::window(std::move(*source), SimTime::from_seconds(spec.from_s.value_or(0)), to);
}

Result<SourcePtr> open_repeated(const models::Catalog& catalog, const WorkloadSpec& spec,
                                std::uint64_t seed, std::uint64_t run) {
  if (spec.repeat == 1) return open_window(catalog, spec, seed, run);
  workload::RepeatOptions options;
  options.times = spec.repeat;
  options.seed = seed;
  options.run = run;
  return workload::repeat([&catalog, spec, seed, run] { return open_window(catalog, spec, seed, run); },
                          options);
}

Result<SourcePtr> cap(SourcePtr source, const WorkloadSpec& spec) {
  if (spec.cap_prompt == 0 && spec.cap_output == 0) return source;
  workload::CapOptions options;
  options.prompt = static_cast<std::int32_t>(std::min<std::int64_t>(spec.cap_prompt, workload::kMaxTokens));
  options.output = static_cast<std::int32_t>(std::min<std::int64_t>(spec.cap_output, workload::kMaxTokens));
  return workload::cap_tokens(std::move(source), options);
}

// What the reader does to the recorded times.
std::vector<std::string> trace_notes(const WorkloadSpec& spec) {
  if (spec.trace.empty()) return {};
  const Result<workload::TraceFormat> format = workload::detect_trace_format(spec.trace);
  if (!format || *format != workload::TraceFormat::mooncake) return {};
  return {"Mooncake's timestamps come in steps of 3 s: its requests are spread evenly over each step"};
}

// Hands on an open or closed load and watches what passes through it.
class WatchedLoad final : public ReportingLoad {
 public:
  WatchedLoad(std::unique_ptr<workload::Load> inner, const ArrivalSource* source,
              std::vector<std::string> notes)
      : inner_(std::move(inner)), source_(source), notes_(std::move(notes)) {}

  [[nodiscard]] SimTime peek() override { return inner_->peek(); }
  [[nodiscard]] workload::Arrival take() override {
    const workload::Arrival arrival = inner_->take();
    prefixes_ = prefixes_ || arrival.prefix_tokens > 0 || arrival.hash_count > 0;
    return arrival;
  }
  void on_finished(RequestId id, SimTime now) override { inner_->on_finished(id, now); }
  [[nodiscard]] Result<void> failed() const override { return inner_->failed(); }
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const workload::Arrival& a) const override {
    return inner_->block_hashes(a);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override { return inner_->hash_block_tokens(); }

  [[nodiscard]] std::vector<std::string> warnings() const override {
    std::vector<std::string> out = notes_;
    if (source_ != nullptr) {
      for (std::string& warning : source_warnings(*source_)) out.push_back(std::move(warning));
    }
    if (prefixes_) out.push_back(kPrefixesUnused);
    return out;
  }

 private:
  std::unique_ptr<workload::Load> inner_;
  const ArrivalSource* source_;  // inside inner_; null for a closed loop
  std::vector<std::string> notes_;
  bool prefixes_ = false;
};

// Gives the requests of a list that outlives it.
class ListLoad final : public workload::Load {
 public:
  explicit ListLoad(std::span<const workload::Arrival> arrivals) : arrivals_(arrivals) {}
  [[nodiscard]] SimTime peek() override {
    return next_ < arrivals_.size() ? arrivals_[next_].at : SimTime::never();
  }
  [[nodiscard]] workload::Arrival take() override { return arrivals_[next_++]; }
  void on_finished(RequestId, SimTime) override {}

 private:
  std::span<const workload::Arrival> arrivals_;
  std::size_t next_ = 0;
};

bool is_closed(const WorkloadSpec& spec) {
  return spec.synthetic && spec.synthetic->arrivals == "closed";
}

std::string rows(std::uint64_t n) { return fmt::format("{} request{}", n, n == 1 ? "" : "s"); }

}  // namespace

Result<SourcePtr> open_source(const models::Catalog& catalog, const WorkloadSpec& spec,
                              std::uint64_t seed, std::uint64_t run) {
  if (is_closed(spec)) {
    return usage_error("closed arrivals depend on the replicas and are no stream of requests",
                       "give open arrivals, a trace or a workload model");
  }
  Result<SourcePtr> source = open_repeated(catalog, spec, seed, run);
  if (source && spec.rate_scale != 1) {
    const auto mode = spec.rate_mode == "compress" ? workload::RateMode::compress
                                                   : workload::RateMode::superpose;
    workload::SuperposeOptions options;
    options.seed = seed;
    options.run = run;
    source = workload::scale_rate(std::move(*source), spec.rate_scale, mode, options);
  }
  if (source) source = cap(std::move(*source), spec);
  if (source && spec.max_requests > 0) {
    source = workload::limit_requests(std::move(*source), spec.max_requests);
  }
  return source;
}

std::vector<std::string> source_warnings(const ArrivalSource& source) {
  const workload::SourceCounts counts = source.counts();
  std::vector<std::string> out;
  if (counts.failures_dropped > 0) {
    out.push_back(fmt::format("{} without output tokens left out (failed when recorded)",
                              rows(counts.failures_dropped)));
  }
  if (counts.failures_kept > 0) {
    out.push_back(fmt::format("{} without output tokens taken as 1 token", rows(counts.failures_kept)));
  }
  if (counts.clipped > 0) out.push_back(fmt::format("{} shortened by a cap", rows(counts.clipped)));
  if (counts.over_cap_dropped > 0) {
    out.push_back(fmt::format("{} left out by a cap", rows(counts.over_cap_dropped)));
  }
  return out;
}

std::unique_ptr<workload::Load> replay(const RequestList& list) {
  return std::make_unique<ListLoad>(list.arrivals);
}

Result<RequestList> load_requests(const models::Catalog& catalog, const WorkloadSpec& spec,
                                  std::uint64_t seed, std::uint64_t run) {
  Result<SourcePtr> source = open_source(catalog, spec, seed, run);
  if (!source) return source.error();
  RequestList out;
  std::vector<workload::Arrival> block(1024);
  bool prefixes = false;
  while (true) {
    const Result<std::size_t> pulled = (*source)->pull(block);
    if (!pulled) return pulled.error();
    if (*pulled == 0) break;
    for (std::size_t i = 0; i < *pulled; ++i) {
      prefixes = prefixes || block[i].prefix_tokens > 0 || block[i].hash_count > 0;
      block[i].hash_count = 0;  // the hashes stay behind in the source
    }
    out.arrivals.insert(out.arrivals.end(), block.begin(),
                        block.begin() + static_cast<std::ptrdiff_t>(*pulled));
  }
  out.description = describe(spec);
  out.warnings = trace_notes(spec);
  for (std::string& warning : source_warnings(**source)) out.warnings.push_back(std::move(warning));
  if (prefixes) out.warnings.push_back(kPrefixesUnused);
  return out;
}

double RequestList::duration_s() const {
  return arrivals.empty() ? 0 : (arrivals.back().at - arrivals.front().at).seconds();
}

Result<std::unique_ptr<ReportingLoad>> make_load(const models::Catalog& catalog,
                                                 const WorkloadSpec& spec, std::uint64_t seed,
                                                 std::uint64_t run) {
  if (is_closed(spec)) {
    Result<std::unique_ptr<workload::Load>> closed = open_closed(*spec.synthetic, seed, run);
    if (!closed) return closed.error();
    return std::unique_ptr<ReportingLoad>(
        std::make_unique<WatchedLoad>(std::move(*closed), nullptr, std::vector<std::string>{}));
  }
  Result<SourcePtr> source = open_source(catalog, spec, seed, run);
  if (!source) return source.error();
  const ArrivalSource* watched = source->get();
  return std::unique_ptr<ReportingLoad>(std::make_unique<WatchedLoad>(
      std::make_unique<workload::OpenLoad>(std::move(*source)), watched, trace_notes(spec)));
}

}  // namespace eph::scenario
