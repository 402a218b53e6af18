#include "workload/trace_stats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "workload/decorator.h"
#include "workload/window_counts.h"

namespace eph::workload {
namespace {

// Running means, variances and covariance of pairs (Welford).
class Pairs {
 public:
  void add(double x, double y) {
    ++n_;
    const double dx = x - mean_x_;
    mean_x_ += dx / n_;
    const double dy = y - mean_y_;
    mean_y_ += dy / n_;
    xx_ += dx * (x - mean_x_);
    yy_ += dy * (y - mean_y_);
    xy_ += dx * (y - mean_y_);
  }
  [[nodiscard]] std::optional<double> correlation() const {
    if (!(xx_ > 0 && yy_ > 0)) return std::nullopt;
    return xy_ / std::sqrt(xx_ * yy_);
  }
  [[nodiscard]] std::optional<double> cv_of_x() const {
    if (!(mean_x_ > 0)) return std::nullopt;
    return std::sqrt(xx_ / n_) / mean_x_;
  }

 private:
  double n_ = 0, mean_x_ = 0, mean_y_ = 0, xx_ = 0, yy_ = 0, xy_ = 0;
};

// Every token count that occurs, with its number.
class LengthCounts {
 public:
  void add(std::int64_t tokens) {
    ++counts_[tokens];
    ++n_;
    sum_ += tokens;
  }
  [[nodiscard]] std::uint64_t n() const { return n_; }
  [[nodiscard]] std::int64_t sum() const { return sum_; }

  [[nodiscard]] LengthSummary summary() const {
    std::vector<std::pair<std::int64_t, std::uint64_t>> sorted(counts_.begin(), counts_.end());
    std::sort(sorted.begin(), sorted.end());
    std::uint64_t upto = 0;
    for (auto& [tokens, count] : sorted) count = upto += count;
    const auto value = [&](std::uint64_t rank) {  // of order statistic `rank`, from 0
      const auto at =
          std::upper_bound(sorted.begin(), sorted.end(), rank,
                           [](std::uint64_t r, const auto& entry) { return r < entry.second; });
      return static_cast<double>(at->first);
    };
    const auto quantile = [&](double p) {
      const double place = p * static_cast<double>(n_ - 1);
      const auto low = static_cast<std::uint64_t>(place);
      const double below = value(low);
      return below +
             (place - static_cast<double>(low)) * (value(std::min(low + 1, n_ - 1)) - below);
    };
    return {.mean = static_cast<double>(sum_) / static_cast<double>(n_),
            .p50 = quantile(0.50),
            .p90 = quantile(0.90),
            .p95 = quantile(0.95),
            .p99 = quantile(0.99),
            .min = sorted.front().first,
            .max = sorted.back().first};
  }

 private:
  std::unordered_map<std::int64_t, std::uint64_t> counts_;
  std::uint64_t n_ = 0;
  std::int64_t sum_ = 0;
};

double in_seconds(Duration d) { return static_cast<double>(d.ns) / 1e9; }

constexpr Duration seconds(std::int64_t tenths) { return Duration{tenths * 100'000'000}; }

class Describer {
 public:
  void add(const Arrival& a, std::span<const std::uint64_t> hashes) {
    if (prompt_.n() == 0) first_ = a.at;
    if (prompt_.n() > 0) gaps_.add((a.at - last_).seconds(), 0);
    last_ = a.at;
    prompt_.add(a.prompt_tokens);
    output_.add(a.output_tokens);
    total_.add(std::int64_t{a.prompt_tokens} + a.output_tokens);
    lengths_.add(a.prompt_tokens, a.output_tokens);
    for (WindowCounts& window : windows_) window.add(a.at);
    if (!hashes.empty()) add_blocks(hashes);
    if (a.prefix_group != kNoPrefixGroup) {
      groups_.insert(a.prefix_group);
      ++in_group_;
      prefix_tokens_ += a.prefix_tokens;
    }
    if (a.session != kNoSession) sessions_.insert(a.session);
    if (classes_.size() <= a.request_class) classes_.resize(a.request_class + std::size_t{1}, 0);
    ++classes_[a.request_class];
  }

  TraceDescription finish(const ArrivalSource& source) const {
    TraceDescription d;
    d.requests = prompt_.n();
    d.duration_s = in_seconds(last_ - first_);
    if (d.duration_s > 0) d.mean_rate = static_cast<double>(d.requests) / d.duration_s;
    d.peak_rate_1s = windows_[1].peak_rate();
    d.peak_rate_60s = windows_[3].peak_rate();
    d.prompt = prompt_.summary();
    d.output = output_.summary();
    d.total = total_.summary();
    if (d.requests > 2) d.gap_cv = gaps_.cv_of_x();
    for (const WindowCounts& window : windows_)
      d.dispersion.push_back({in_seconds(window.window()), window.dispersion()});
    d.prompt_output_correlation = lengths_.correlation();
    if (blocks_.requests > 0) {
      d.blocks = blocks_;
      d.blocks->block_tokens = source.hash_block_tokens();
    }
    if (in_group_ > 0)
      d.groups =
          GroupSharing{groups_.size(), in_group_,
                       static_cast<double>(prefix_tokens_) / static_cast<double>(prompt_.sum())};
    if (!sessions_.empty()) d.sessions = sessions_.size();
    const auto names = source.class_names();
    for (std::size_t i = 0; i < names.size() && i < classes_.size(); ++i)
      d.classes.push_back({names[i], classes_[i]});
    d.counts = source.counts();
    return d;
  }

  [[nodiscard]] bool empty() const { return prompt_.n() == 0; }

 private:
  void add_blocks(std::span<const std::uint64_t> hashes) {
    ++blocks_.requests;
    blocks_.blocks += hashes.size();
    std::size_t reused = 0;
    while (reused < hashes.size() && seen_.contains(hashes[reused])) ++reused;
    blocks_.reused_blocks += reused;
    seen_.insert(hashes.begin() + static_cast<std::ptrdiff_t>(reused), hashes.end());
  }

  SimTime first_{};
  SimTime last_{};
  LengthCounts prompt_, output_, total_;
  Pairs gaps_, lengths_;
  std::array<WindowCounts, 4> windows_{WindowCounts(seconds(1)), WindowCounts(seconds(10)),
                                       WindowCounts(seconds(100)), WindowCounts(seconds(600))};
  BlockSharing blocks_;
  std::unordered_set<std::uint64_t> seen_;
  std::unordered_set<std::uint32_t> groups_;
  std::uint64_t in_group_ = 0;
  std::int64_t prefix_tokens_ = 0;
  std::unordered_set<std::uint64_t> sessions_;
  std::vector<std::uint64_t> classes_;
};

Json to_json(const LengthSummary& s) {
  Json json = Json::object();
  json.set("mean", s.mean).set("p50", s.p50).set("p90", s.p90).set("p95", s.p95);
  json.set("p99", s.p99).set("min", s.min).set("max", s.max);
  return json;
}

Json optional(const std::optional<double>& value) { return value ? Json::number(*value) : Json(); }

}  // namespace

Result<TraceDescription> describe(ArrivalSource& source) {
  Describer describer;
  OneByOne reader(source);
  while (true) {
    const Result<const Arrival*> read = reader.next();
    if (!read) return read.error();
    if (*read == nullptr) break;
    describer.add(**read, source.block_hashes(**read));
  }
  if (describer.empty())
    return usage_error("no requests to describe", "widen the window or the caps");
  return describer.finish(source);
}

Json to_json(const TraceDescription& d) {
  Json json = Json::object();
  json.set("requests", static_cast<std::size_t>(d.requests)).set("duration_s", d.duration_s);
  json.set("mean_requests_per_s", optional(d.mean_rate));
  json.set("peak_requests_per_s_1s", d.peak_rate_1s)
      .set("peak_requests_per_s_60s", d.peak_rate_60s);
  json.set("prompt_tokens", to_json(d.prompt)).set("output_tokens", to_json(d.output));
  json.set("total_tokens", to_json(d.total)).set("gap_cv", optional(d.gap_cv));
  Json dispersion = Json::array();
  for (const Dispersion& x : d.dispersion) {
    Json item = Json::object();
    item.set("window_s", x.window_s).set("variance_to_mean", optional(x.variance_to_mean));
    dispersion.push(std::move(item));
  }
  json.set("dispersion", std::move(dispersion));
  json.set("prompt_output_correlation", optional(d.prompt_output_correlation));
  if (d.blocks) {
    Json blocks = Json::object();
    blocks.set("block_tokens", d.blocks->block_tokens);
    blocks.set("requests", static_cast<std::size_t>(d.blocks->requests));
    blocks.set("blocks", static_cast<std::size_t>(d.blocks->blocks));
    blocks.set("reused_share", d.blocks->reused_share());
    json.set("block_sharing", std::move(blocks));
  }
  if (d.groups) {
    Json groups = Json::object();
    groups.set("groups", static_cast<std::size_t>(d.groups->groups));
    groups.set("requests", static_cast<std::size_t>(d.groups->requests));
    groups.set("prefix_share", d.groups->prefix_share);
    json.set("prefix_groups", std::move(groups));
  }
  if (d.sessions) json.set("sessions", static_cast<std::size_t>(*d.sessions));
  if (!d.classes.empty()) {
    Json classes = Json::object();
    for (const ClassCount& c : d.classes) classes.set(c.name, static_cast<std::size_t>(c.requests));
    json.set("classes", std::move(classes));
  }
  if (d.counts.failures_dropped > 0)
    json.set("failures_dropped", static_cast<std::size_t>(d.counts.failures_dropped));
  if (d.counts.failures_kept > 0)
    json.set("failures_kept", static_cast<std::size_t>(d.counts.failures_kept));
  if (d.counts.clipped > 0) json.set("clipped", static_cast<std::size_t>(d.counts.clipped));
  if (d.counts.over_cap_dropped > 0)
    json.set("over_cap_dropped", static_cast<std::size_t>(d.counts.over_cap_dropped));
  return json;
}

}  // namespace eph::workload
