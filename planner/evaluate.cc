#include "planner/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/simulation.h"

namespace eph::planner {
namespace {

// The latency as the summary rounds it; below zero where the request has none.
Duration latency_of(const sim::RequestRecord& record, sim::Latency latency) {
  constexpr Duration kNone{-1};
  if (latency == sim::Latency::itl) return kNone;  // per token: judged at the end only
  if (record.status == sim::RequestStatus::cancelled)
    return Duration{std::numeric_limits<std::int64_t>::max()};
  if (record.status != sim::RequestStatus::finished) return kNone;
  if (latency == sim::Latency::ttft) return record.ttft();
  if (latency == sim::Latency::e2e) return record.e2e();
  return record.output_tokens > 1 ? Duration::from_seconds(record.tpot_s()) : kNone;
}

// What is certainly beyond the limit. Quantiles of more values than a sample keeps come from
// buckets of 0.2 %.
Duration certain_miss(const sim::Slo& slo, double requests) {
  const bool exact = requests <= static_cast<double>(sim::LatencySample::kExactLimit);
  return exact ? slo.limit : Duration::from_seconds(slo.limit.seconds() * 1.004);
}

// Counts requests beyond each percentile limit. Once more than (1 - q) of *all* requests of the
// workload (of the objective's class) are, that percentile cannot come back under its limit,
// whatever the rest does.
class MissCounter final : public sim::MetricsSink {
 public:
  MissCounter(const std::vector<sim::Slo>& slos, const scenario::RequestList& requests)
      : slos_(slos), misses_(slos.size(), 0) {
    std::vector<double> sizes(std::max<std::size_t>(1, requests.classes.size()), 0);
    for (const workload::Arrival& arrival : requests.arrivals)
      if (arrival.request_class < sizes.size()) ++sizes[arrival.request_class];
    for (const sim::Slo& slo : slos_) {
      const auto own =
          std::find(requests.classes.begin(), requests.classes.end(), slo.request_class);
      const bool all = slo.request_class.empty();
      const auto number = static_cast<std::size_t>(own - requests.classes.begin());
      classes_.push_back(all ? kAll : number);
      total_.push_back(all                     ? static_cast<double>(requests.arrivals.size())
                       : number < sizes.size() ? sizes[number]
                                               : 0);
      limits_.push_back(certain_miss(slo, total_.back()));
    }
  }

  void on_request(const sim::RequestRecord& record) override {
    for (std::size_t i = 0; i < slos_.size(); ++i) {
      if (classes_[i] != kAll && classes_[i] != record.request_class) continue;
      if (latency_of(record, slos_[i].latency) > limits_[i]) ++misses_[i];
    }
  }

  // The interpolated quantile lies between the order statistics around q * (n - 1), hence the + 1.
  [[nodiscard]] std::optional<std::string> lost() const {
    for (std::size_t i = 0; i < slos_.size(); ++i) {
      if (slos_[i].mean) continue;
      const double allowed = (1.0 - slos_[i].quantile) * total_[i] + 1.0;
      if (static_cast<double>(misses_[i]) > allowed) {
        return fmt::format("{}: missed by at least {:.1f} % of the requests, {:.3g} % may",
                           slos_[i].text(), 100.0 * static_cast<double>(misses_[i]) / total_[i],
                           100.0 * (1.0 - slos_[i].quantile));
      }
    }
    return std::nullopt;
  }

 private:
  const std::vector<sim::Slo>& slos_;
  std::vector<std::uint64_t> misses_;
  static constexpr std::size_t kAll = ~std::size_t{0};
  std::vector<std::size_t> classes_;  // number of each objective's class
  std::vector<double> total_;         // requests that each objective is about
  std::vector<Duration> limits_;      // what lies above has missed it
};

std::string first_failure(const sim::RunSummary& summary, double max_rejected_share) {
  for (const sim::SloOutcome& outcome : summary.slos) {
    if (!outcome.met) {
      const sim::RunCounts& c = summary.counts;
      std::string rest;  // such requests count as beyond any limit
      if (c.rejected > 0)
        rest += fmt::format(", {} of {} requests rejected", c.rejected, c.arrived);
      if (c.cancelled > 0)
        rest += fmt::format(", {} of {} requests cancelled", c.cancelled, c.arrived);
      return fmt::format("{}: {:.4g} ms{}", outcome.slo.text(), outcome.measured_s * 1e3, rest);
    }
  }
  const auto arrived = static_cast<double>(summary.counts.arrived);
  if (static_cast<double>(summary.counts.rejected) > max_rejected_share * arrived) {
    return fmt::format("{} of {} requests are rejected: too long for the model or the KV cache",
                       summary.counts.rejected, summary.counts.arrived);
  }
  if (summary.counts.unfinished > 0) {
    return fmt::format("{} requests unfinished", summary.counts.unfinished);
  }
  return {};
}

}  // namespace

Result<Evaluation> evaluate(const scenario::Assembly& assembly,
                            const scenario::RequestList& requests, int replicas,
                            const EvaluateOptions& options) {
  sim::SimulationConfig config = assembly.config;
  config.replicas = replicas;
  config.seed = options.seed;
  MissCounter counter(options.slos, requests);
  sim::RunOptions run;
  run.slos = options.slos;
  if (!options.to_the_end) {
    run.sink = &counter;
    run.progress = [&](SimTime, std::uint64_t) { return !counter.lost(); };
  }
  const auto load = scenario::replay(requests);
  Result<sim::RunSummary> summary = sim::Simulation(config).run(*load, run);
  if (!summary) return summary.error();
  Evaluation result;
  if (auto lost = counter.lost()) {
    result.failure = *lost;
    result.stopped_early = summary->counts.unfinished > 0;
  } else {
    result.failure = first_failure(*summary, options.max_rejected_share);
  }
  result.passed = result.failure.empty();
  result.summary = std::move(*summary);
  return result;
}

}  // namespace eph::planner
