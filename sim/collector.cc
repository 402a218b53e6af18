#include "sim/collector.h"

#include <algorithm>

#include "core/text.h"

namespace eph::sim {

Collector::Collector(const SimulationConfig& config, const RunOptions& options)
    : config_(config), options_(options) {}

void Collector::set_classes(std::span<const std::string> names) {
  for (std::size_t i = summary_.classes.size(); i < names.size(); ++i)
    summary_.classes.emplace_back().name = names[i];
}

Result<void> Collector::check_slos() const {
  for (const Slo& slo : options_.slos) {
    if (slo.request_class.empty()) continue;
    std::vector<std::string> names;
    for (const ClassSummary& one : summary_.classes) names.push_back(one.name);
    if (std::find(names.begin(), names.end(), slo.request_class) != names.end()) continue;
    return usage_error(fmt::format("SLO \"{}\": no request of class \"{}\" was sent", slo.text(),
                                   slo.request_class),
                       names.empty()
                           ? "the requests have no classes: give a trace with a class column"
                           : suggest(slo.request_class, names));
  }
  return {};
}

void Collector::on_sent(SimTime now, const RequestRow& row) {
  ++summary_.counts.arrived;
  backlog_.on_sent(now);
  if (config_.series_interval > Duration::zero() && summary_.counts.arrived == 1)
    series_next_ = SimTime{now.ns - now.ns % config_.series_interval.ns};
  if (!row.measured) return;
  ++measured_arrived_;
  if (ClassSummary* own = class_of(row.record)) ++own->arrived;
  if (started_) return;
  started_ = true;
  window_start_ = now;
  summary_.first_sent = now;
  backlog_.restart_mean(now);
  on_levels(now, 0, 0, 0);
  on_capacity(now, capacity_);
  waiting_ns_ = running_ns_ = capacity_ns_ = 0;
}

void Collector::on_ended(SimTime now, const RequestRow& row) {
  backlog_.on_ended(now);
  const RequestRecord& record = row.record;
  if (record.status != RequestStatus::finished) {
    count_refused(row);
  } else {
    ++summary_.counts.finished;
    summary_.counts.prompt_tokens += static_cast<std::uint64_t>(record.prompt_tokens);
    summary_.counts.output_tokens += static_cast<std::uint64_t>(record.output_tokens);
    summary_.counts.cached_tokens += static_cast<std::uint64_t>(record.cached_tokens);
    EPH_ASSERT(record.output_tokens == row.output_tokens, "INV-10: {} of {} tokens produced",
               record.output_tokens, row.output_tokens);
    if (row.measured) add_latencies(record);
  }
  emit(row);
}

// Ended without an output.
void Collector::count_refused(const RequestRow& row) {
  ClassSummary* own = row.measured ? class_of(row.record) : nullptr;
  switch (row.record.status) {
    case RequestStatus::rejected:
      ++summary_.counts.rejected;
      if (own != nullptr) ++own->rejected;
      return;
    case RequestStatus::shed:
      ++summary_.counts.shed;
      if (own != nullptr) ++own->shed;
      return;
    case RequestStatus::lost:
      ++summary_.counts.lost;
      if (own != nullptr) ++own->lost;
      return;
    default:
      EPH_ASSERT(false, "a request ends with status {}", static_cast<int>(row.record.status));
  }
}

void Collector::on_gave_up(SimTime now, const RequestRow& row) {
  backlog_.on_ended(now);
  ++summary_.counts.cancelled;
  if (!row.measured) return;
  ++measured_cancelled_;
  if (ClassSummary* own = class_of(row.record)) ++own->cancelled;
}

// What the client would have seen later, it has not seen.
void Collector::on_cancelled(RequestRow& row) {
  RequestRecord& record = row.record;
  record.status = RequestStatus::cancelled;
  record.finish = row.gave_up;
  record.last_left = SimTime::never();
  if (record.first_token > row.gave_up) record.first_token = record.first_left = SimTime::never();
  summary_.counts.wasted_output_tokens += static_cast<std::uint64_t>(record.output_tokens);
  emit(row);
}

void Collector::on_unfinished(SimTime now, const RequestRow& row) {
  ++summary_.counts.unfinished;
  // It has waited this long at least: what a horizon cuts must not look short.
  const RequestRecord& record = row.record;
  if (row.measured && record.first_token == SimTime::never() && now > record.sent)
    horizon_.add(index(record.id), record.sent, now - record.sent);
  emit(row);
}

void Collector::add_latencies(const RequestRecord& record) {
  EPH_ASSERT(
      record.sent <= record.engine_queued && record.engine_queued <= record.engine_scheduled &&
          record.engine_scheduled < record.engine_first_token &&
          record.engine_first_token <= record.engine_finish &&
          record.engine_first_token <= record.first_token && record.first_token <= record.finish,
      "INV-4: request {} sent {} queued {} scheduled {} first token {} finish {}", index(record.id),
      record.sent.ns, record.engine_queued.ns, record.engine_scheduled.ns, record.first_token.ns,
      record.finish.ns);
  ++measured_finished_;
  measured_prompt_tokens_ += static_cast<std::uint64_t>(record.prompt_tokens);
  measured_output_tokens_ += static_cast<std::uint64_t>(record.output_tokens);
  summary_.last_finish = std::max(summary_.last_finish, record.finish);
  summary_.ttft.add(record.ttft());
  if (config_.network) summary_.engine_ttft.add(record.first_left - record.ingress);
  summary_.e2e.add(record.e2e());
  summary_.queued.add(record.queued());
  if (record.output_tokens > 1) summary_.tpot.add(Duration::from_seconds(record.tpot_s()));
  horizon_.add(index(record.id), record.sent, record.ttft());
  const bool within = good(record);
  if (within) ++good_;
  ClassSummary* own = class_of(record);
  if (own == nullptr) return;
  ++own->finished;
  own->good += within ? 1 : 0;
  own->ttft.add(record.ttft());
  own->e2e.add(record.e2e());
  if (record.output_tokens > 1) own->tpot.add(Duration::from_seconds(record.tpot_s()));
}

bool Collector::good(const RequestRecord& record) const {
  return std::all_of(options_.slos.begin(), options_.slos.end(), [&](const Slo& slo) {
    if (!concerns(slo, record)) return true;
    switch (slo.latency) {
      case Latency::ttft:
        return record.ttft() <= slo.limit;
      case Latency::e2e:
        return record.e2e() <= slo.limit;
      case Latency::tpot:
      case Latency::itl:
        return record.tpot_s() <= slo.limit.seconds();
    }
    return false;
  });
}

void Collector::emit(const RequestRow& row) {
  const RequestRecord& r = row.record;
  digest_.add(index(r.id));
  digest_.add(std::uint64_t{index(r.replica)} << 8 | static_cast<std::uint64_t>(r.status));
  digest_.add(static_cast<std::uint64_t>(r.prompt_tokens) << 32 |
              static_cast<std::uint64_t>(r.output_tokens));
  digest_.add(static_cast<std::uint64_t>(r.preemptions) << 32 |
              static_cast<std::uint64_t>(r.cached_tokens));
  for (const SimTime t : {r.sent, r.engine_queued, r.engine_scheduled, r.engine_first_token,
                          r.engine_finish, r.first_token, r.finish})
    digest_.add(t.ns);
  if (r.retries > 0) digest_.add(static_cast<std::uint64_t>(r.retries));
  if (!tallies_.empty()) tallies_[row.pool].add(row);
  if (options_.sink != nullptr) options_.sink->on_request(r);
}

void Collector::on_step_end(const BatchPlan& plan) {
  ++summary_.counts.steps;
  summary_.counts.scheduled_tokens += static_cast<std::uint64_t>(plan.shape.tokens());
  on_step_cut(plan.start, plan.end);
}

void Collector::on_step_cut(SimTime start, SimTime now) {
  if (started_) busy_ns_ += std::max<std::int64_t>(0, (now - std::max(start, window_start_)).ns);
}

void Collector::on_levels(SimTime now, std::int64_t waiting, std::int64_t running,
                          std::int64_t kv_blocks) {
  const Wide span = (now - levels_at_).ns;
  waiting_ns_ += span * waiting_;
  running_ns_ += span * running_;
  levels_at_ = now;
  waiting_ += waiting;
  running_ += running;
  kv_blocks_ += kv_blocks;
}

void Collector::on_capacity(SimTime now, const Capacity& capacity) {
  capacity_ns_ += Wide{(now - capacity_at_).ns} * capacity_.ready;
  capacity_at_ = now;
  capacity_ = capacity;
}

void Collector::on_left_gateway(const RequestRow& row, Duration waited) {
  ++fleet_.queued;
  fleet_.gateway_wait.add(waited);
  if (!tallies_.empty()) tallies_[row.pool].gateway_wait.add(waited);
}

void Collector::on_pool(PoolSummary&& pool) {
  if (!tallies_.empty()) {
    PoolTally& tally = tallies_[fleet_.pools.size()];
    tally.series = std::move(pool.requests.series);
    pool.requests = std::move(tally);
  }
  fleet_.pools.push_back(std::move(pool));
}

void Collector::emit_series(SimTime now) {
  const auto usable = static_cast<double>(std::max<std::int64_t>(1, capacity_.blocks));
  while (series_next_ <= now) {
    summary_.series.push_back({series_next_, waiting_, running_,
                               static_cast<double>(kv_blocks_) / usable,
                               summary_.counts.preemptions, summary_.counts.finished,
                               capacity_.ready, capacity_.held, gateway_});
    series_next_ = series_next_ + config_.series_interval;
  }
}

SloOutcome Collector::outcome_of(const Slo& slo) const {
  const auto own =
      std::find_if(summary_.classes.begin(), summary_.classes.end(),
                   [&slo](const ClassSummary& one) { return one.name == slo.request_class; });
  const bool all = slo.request_class.empty();
  const LatencySample& sample = all ? summary_.sample(slo.latency) : own->sample(slo.latency);
  const auto arrived = static_cast<double>(all ? measured_arrived_ : own->arrived);
  const auto finished = static_cast<double>(all ? measured_finished_ : own->finished);
  const auto cancelled = static_cast<double>(all ? measured_cancelled_ : own->cancelled);
  SloOutcome out{slo, sample.mean_s(), finished > 0 && sample.mean_s() <= slo.limit.seconds(),
                 all ? measured_arrived_ : own->arrived, all ? measured_finished_ : own->finished};
  if (slo.mean) return out;
  // Where the quantile of finished and cancelled requests lies among the finished ones.
  double quantile = slo.quantile;
  const auto most = static_cast<double>(sample.count()) - 1;
  if (cancelled > 0 && slo.latency != Latency::itl && most >= 0)
    quantile = most > 0 ? quantile * (most + cancelled) / most : 2;
  out.measured_s = sample.quantile_s(std::min(quantile, 1.0));
  out.met = finished > 0 && finished >= slo.quantile * arrived && quantile <= 1 &&
            out.measured_s <= slo.limit.seconds();
  return out;
}

void Collector::fill_slos() {
  for (const Slo& slo : options_.slos) summary_.slos.push_back(outcome_of(slo));
}

void Collector::fill_overload() {
  if (!summary_.saturated && summary_.counts.unfinished == 0) return;
  const auto p95 = horizon_.p95(summary_.first_sent, backlog_.last_send());
  summary_.overload =
      Overload{backlog_.growth_per_s(), backlog_.at_last_send(), p95.half_s, p95.all_s};
}

RunSummary Collector::finish(SimTime now) {
  const RunCounts& counts = summary_.counts;
  EPH_ASSERT(counts.arrived == counts.finished + counts.rejected + counts.cancelled +
                                   counts.unfinished + counts.shed + counts.lost,
             "INV-1: {} requests arrived, {} finished, {} rejected, {} cancelled, {} unfinished, "
             "{} shed, {} lost",
             counts.arrived, counts.finished, counts.rejected, counts.cancelled, counts.unfinished,
             counts.shed, counts.lost);
  on_levels(now, 0, 0, 0);
  if (const double span = (summary_.last_finish - summary_.first_sent).seconds(); span > 0) {
    summary_.requests_per_s = static_cast<double>(measured_finished_) / span;
    summary_.output_tokens_per_s = static_cast<double>(measured_output_tokens_) / span;
    summary_.total_tokens_per_s =
        static_cast<double>(measured_prompt_tokens_ + measured_output_tokens_) / span;
    summary_.goodput_per_s = static_cast<double>(good_) / span;
  }
  if (measured_arrived_ > 0)
    summary_.goodput_share = static_cast<double>(good_) / static_cast<double>(measured_arrived_);
  if (const auto window = static_cast<double>((now - window_start_).ns); started_ && window > 0) {
    on_capacity(now, capacity_);
    const auto capacity = static_cast<double>(capacity_ns_);
    if (capacity > 0) summary_.busy_share = static_cast<double>(busy_ns_) / capacity;
    summary_.mean_waiting = static_cast<double>(waiting_ns_) / window;
    summary_.mean_running = static_cast<double>(running_ns_) / window;
    summary_.mean_in_system = backlog_.mean_in_system(now);
  }
  summary_.tokens_per_verification = summary_.counts.tokens_per_verification();
  summary_.draft_acceptance = summary_.counts.acceptance_rate();
  summary_.peak_kv_used = static_cast<double>(peak_blocks_) / static_cast<double>(peak_usable_);
  summary_.saturated = backlog_.saturated();
  fill_slos();
  fill_overload();
  if (!fleet_.pools.empty()) summary_.fleet = std::move(fleet_);
  summary_.end = now;
  summary_.digest = digest_.value();
  return std::move(summary_);
}

}  // namespace eph::sim
