#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "workload/burst_process.h"
#include "workload/decorator.h"
#include "workload/sharing.h"
#include "workload/window_counts.h"
#include "workload/workload_model.h"

namespace eph::workload {
namespace {

constexpr std::size_t kLeastRequests = 100;
constexpr double kMostSegments = 48;

struct Observed {
  std::vector<double> at_s;  // from the first request
  std::vector<std::int32_t> prompt, output;
  std::vector<WindowCounts> windows;  // the burst windows, coarse to fine, then the rate window
  SharingObserver sharing;
};

Result<Observed> observe(ArrivalSource& source, const FitOptions& options) {
  Observed all;
  for (const double s : options.burst_windows) all.windows.emplace_back(Duration::from_seconds(s));
  all.windows.emplace_back(Duration::from_seconds(options.window_s));
  OneByOne reader(source);
  std::optional<SimTime> first;
  while (true) {
    const Result<const Arrival*> read = reader.next();
    if (!read) return read.error();
    if (*read == nullptr) break;
    const Arrival& a = **read;
    if (!first) first = a.at;
    all.at_s.push_back((a.at - *first).seconds());
    all.prompt.push_back(a.prompt_tokens);
    all.output.push_back(a.output_tokens);
    for (WindowCounts& window : all.windows) window.add(a.at);
    all.sharing.add(all.at_s.back(), source.block_hashes(a));
  }
  return all;
}

Result<void> check_options(const FitOptions& options) {
  double parent_s = options.window_s;
  if (!(parent_s >= 1e-3 && parent_s <= 1e6)) {
    return usage_error(fmt::format("rate window is {} s, must be 0.001 to 1e6", number(parent_s)),
                       "60 s is the default");
  }
  for (const double s : options.burst_windows) {
    const double n = parent_s / s;
    if (!(s >= 1e-3) || !(n >= 1.5) || std::abs(n - std::round(n)) > 1e-6 * n) {
      return usage_error(
          fmt::format("burst window of {} s does not divide {} s", number(s), number(parent_s)),
          "10, 1 and 0.1 s below 60 s are the default");
    }
    parent_s = s;
  }
  if (options.prompt_bins < 1 || options.prompt_knots < 2 || options.output_knots < 2) {
    return usage_error("too few bins or knots for the lengths", "give at least 1 bin and 2 knots");
  }
  if (!(options.segment_s > 0)) {
    return usage_error(fmt::format("segment is {} s, must be above 0", number(options.segment_s)),
                       "300 s is the default");
  }
  return {};
}

// Requests/s in each window. The counts contain Poisson noise, which the generator adds again:
// their deviations from the mean are shrunk by sqrt(1 - 1 / (variance/mean)), so that generated
// counts have the measured variance.
RateWindows fit_rate(const Observed& all, double window_s, double duration_s) {
  RateWindows rate;
  rate.window_s = window_s;
  const auto whole = static_cast<std::size_t>(duration_s / window_s);
  const auto windows = static_cast<std::size_t>(std::ceil(duration_s / window_s));
  rate.requests_per_s.assign(windows, 0);
  for (const double t : all.at_s)
    rate.requests_per_s[std::min(windows - 1, static_cast<std::size_t>(t / window_s))] += 1;
  double mean = 0;
  double square = 0;
  for (std::size_t i = 0; i < whole; ++i) {
    mean += rate.requests_per_s[i] / static_cast<double>(whole);
    square += rate.requests_per_s[i] * rate.requests_per_s[i] / static_cast<double>(whole);
  }
  const double dispersion = mean > 0 ? (square - mean * mean) / mean : 0;
  const double kept = dispersion > 1 ? std::sqrt(1 - 1 / dispersion) : 0;
  for (std::size_t i = 0; i < windows; ++i) {
    double& count = rate.requests_per_s[i];
    if (count == 0) continue;
    const double length = std::min(window_s, duration_s - window_s * static_cast<double>(i));
    const double usual = mean * length / window_s;
    count = (usual + kept * (count - usual)) / length;
  }
  return rate;
}

std::vector<BurstLevel> fit_bursts(const RateWindows& rate, double duration_s,
                                   const std::vector<Dispersion>& measured) {
  const auto whole = static_cast<std::size_t>(duration_s / rate.window_s);
  double mean = 0;
  double square = 0;
  for (std::size_t i = 0; i < whole; ++i) {
    const double count = rate.requests_per_s[i] * rate.window_s;
    mean += count / static_cast<double>(whole);
    square += count * count / static_cast<double>(whole);
  }
  return solve_bursts(rate.window_s, mean, square, measured);
}

// Upper prompt lengths of the bins: even shares, the top one split once more, cut only between
// different values.
std::vector<std::int32_t> bin_edges(const std::vector<std::int32_t>& prompts, std::size_t bins) {
  constexpr double kTail = 0.99;
  std::vector<std::int32_t> sorted = prompts;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int32_t> edges;
  const auto cut = [&](double share) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    const std::int32_t value = sorted[std::min(rank, sorted.size() - 1)];
    if (value < sorted.back() && (edges.empty() || value > edges.back())) edges.push_back(value);
  };
  for (std::size_t i = 1; i < bins; ++i) cut(static_cast<double>(i) / static_cast<double>(bins));
  if (bins > 1 && sorted.size() >= 2000) cut(kTail);
  edges.push_back(sorted.back());
  return edges;
}

LengthMix fit_lengths(const Observed& all, const std::vector<std::size_t>& bin_of, std::size_t bins,
                      double duration_s, const FitOptions& options) {
  LengthMix mix;
  const double most = std::ceil(duration_s / kMostSegments / options.window_s) * options.window_s;
  mix.segment_s = std::max(options.segment_s, most);
  const auto segments = static_cast<std::size_t>(std::ceil(duration_s / mix.segment_s));
  mix.segments.assign(segments, std::vector<double>(bins, 0));
  std::vector<std::vector<std::int32_t>> prompts(bins);
  std::vector<std::vector<std::int32_t>> outputs(bins);
  for (std::size_t i = 0; i < bin_of.size(); ++i) {
    prompts[bin_of[i]].push_back(all.prompt[i]);
    outputs[bin_of[i]].push_back(all.output[i]);
    const auto segment = static_cast<std::size_t>(all.at_s[i] / mix.segment_s);
    mix.segments[std::min(segment, segments - 1)][bin_of[i]] += 1;
  }
  for (std::size_t b = 0; b < bins; ++b) {
    std::sort(prompts[b].begin(), prompts[b].end());
    std::sort(outputs[b].begin(), outputs[b].end());
    mix.bins.push_back({static_cast<double>(prompts[b].size()) / static_cast<double>(bin_of.size()),
                        fit_curve(prompts[b], options.prompt_knots),
                        fit_curve(outputs[b], options.output_knots)});
  }
  // A segment with few requests leans on the whole trace: kPrior requests of it are added.
  constexpr double kPrior = 10;
  for (std::vector<double>& shares : mix.segments) {
    double sum = 0;
    for (const double n : shares) sum += n;
    for (std::size_t b = 0; b < bins; ++b)
      shares[b] = (shares[b] + kPrior * mix.bins[b].share) / (sum + kPrior);
  }
  return mix;
}

}  // namespace

Result<WorkloadModel> fit_workload(ArrivalSource& source, const FitOptions& options) {
  if (Result<void> ok = check_options(options); !ok) return ok.error();
  const Result<Observed> observed = observe(source, options);
  if (!observed) return observed.error();
  const Observed& all = *observed;
  if (all.at_s.size() < kLeastRequests) {
    return usage_error(
        fmt::format("{} requests are too few to fit a workload model", all.at_s.size()),
        fmt::format("give at least {}", kLeastRequests));
  }
  WorkloadModel model;
  model.name = options.name;
  model.source = options.source;
  model.requests = static_cast<std::int64_t>(all.at_s.size());
  const auto n = static_cast<double>(all.at_s.size());
  model.duration_s = all.at_s.back() * n / (n - 1);
  if (model.duration_s < 2 * options.window_s) {
    return usage_error(fmt::format("a trace of {} s is shorter than two rate windows of {} s",
                                   number(model.duration_s), number(options.window_s)),
                       "give a longer trace or a shorter window");
  }
  std::vector<Dispersion> measured;
  for (const WindowCounts& w : all.windows)
    measured.push_back({static_cast<double>(w.window().ns) / 1e9, w.dispersion()});
  model.rate = fit_rate(all, options.window_s, model.duration_s);
  const std::vector<Dispersion> inner(measured.begin(), measured.end() - 1);
  model.bursts = fit_bursts(model.rate, model.duration_s, inner);
  model.dispersion = std::move(measured);

  const std::vector<std::int32_t> edges = bin_edges(all.prompt, options.prompt_bins);
  std::vector<std::size_t> bin_of;
  for (const std::int32_t prompt : all.prompt) {
    const auto edge = std::lower_bound(edges.begin(), edges.end(), prompt);
    bin_of.push_back(static_cast<std::size_t>(edge - edges.begin()));
  }
  model.lengths = fit_lengths(all, bin_of, edges.size(), model.duration_s, options);
  model.sharing = all.sharing.fit(bin_of, edges.size(), source.hash_block_tokens());
  return model;
}

}  // namespace eph::workload
