#include "planner/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/simulation.h"

namespace eph::planner {
namespace {

// Seconds of the latency that `slo` limits, or a negative number where the request has none.
double latency_of(const sim::RequestRecord& record, sim::Latency latency) {
  if (record.status == sim::RequestStatus::cancelled)
    return latency == sim::Latency::itl ? -1 : std::numeric_limits<double>::infinity();
  if (record.status != sim::RequestStatus::finished) return -1;
  switch (latency) {
    case sim::Latency::ttft:
      return record.ttft().seconds();
    case sim::Latency::tpot:
      return record.output_tokens > 1 ? record.tpot_s() : -1;
    case sim::Latency::e2e:
      return record.e2e().seconds();
    case sim::Latency::itl:
      return -1;  // per token, not per request: judged at the end only
  }
  return -1;
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
    }
  }

  void on_request(const sim::RequestRecord& record) override {
    for (std::size_t i = 0; i < slos_.size(); ++i) {
      if (classes_[i] != kAll && classes_[i] != record.request_class) continue;
      if (latency_of(record, slos_[i].latency) > slos_[i].limit.seconds()) ++misses_[i];
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
};

std::string first_failure(const sim::RunSummary& summary, double max_rejected_share) {
  for (const sim::SloOutcome& outcome : summary.slos) {
    if (!outcome.met) {
      const sim::RunCounts& c = summary.counts;
      return fmt::format("{}: {:.4g} ms{}", outcome.slo.text(), outcome.measured_s * 1e3,
                         c.cancelled > 0
                             ? fmt::format(", {} of {} requests cancelled", c.cancelled, c.arrived)
                             : "");
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
  run.sink = &counter;
  run.progress = [&](SimTime, std::uint64_t) { return !counter.lost(); };
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

int guess_replicas(const scenario::Assembly& assembly, const scenario::RequestList& requests) {
  if (requests.arrivals.empty()) return 1;
  double prompt = 0, output = 0;
  for (const workload::Arrival& arrival : requests.arrivals) {
    prompt += arrival.prompt_tokens;
    output += arrival.output_tokens;
  }
  const auto count = static_cast<double>(requests.arrivals.size());
  prompt /= count;
  output /= count;
  const double rate = count / std::max(1.0, requests.duration_s());

  const double kv_tokens = static_cast<double>(assembly.config.replica.kv.usable_tokens());
  const double kv_batch = kv_tokens / (prompt + output);
  const double limit =
      std::min(kv_batch, static_cast<double>(assembly.config.replica.engine.max_num_seqs));
  const auto batch = static_cast<std::int32_t>(std::clamp(limit * 0.5, 1.0, 128.0));

  models::BatchShape prefill;
  prefill.add_chunk(std::max<std::int64_t>(1, std::llround(prompt)), 0, true);
  models::BatchShape decode;
  decode.decode_seqs = decode.sampled_seqs = batch;
  decode.decode_context_tokens = static_cast<std::int64_t>(batch * (prompt + output / 2));
  const double per_request = assembly.step->seconds(prefill) +
                             output * assembly.step->seconds(decode) / static_cast<double>(batch);
  return static_cast<int>(std::clamp(std::ceil(rate * per_request / 0.6), 1.0, 1e6));
}

}  // namespace eph::planner
