#include "scenario/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "scenario/assemble.h"
#include "scenario/class_priorities.h"
#include "scenario/synthetic_lengths.h"
#include "workload/closed_loop.h"
#include "workload/open_load.h"
#include "workload/sessions.h"

namespace eph::scenario {

namespace {

using workload::ArrivalSource;

bool is_closed(const WorkloadSpec& spec) {
  return spec.synthetic && spec.synthetic->arrivals == "closed";
}

Result<std::unique_ptr<workload::Load>> open_closed(const SyntheticSpec& spec,
                                                    std::int32_t max_output_tokens,
                                                    std::uint64_t seed, std::uint64_t run) {
  workload::ClosedLoopConfig config;
  config.pattern = workload::LoadPattern::concurrency;
  config.concurrency = spec.concurrency;
  config.requests = spec.requests;
  if (spec.duration_s > 0) config.stage_end = SimTime::from_seconds(spec.duration_s);
  config.lengths = lengths_of(spec);
  config.max_output_tokens = max_output_tokens;
  config.seed = seed;
  config.run = run;
  return workload::make_closed_loop(config);
}

Result<std::unique_ptr<workload::Load>> open_sessions(const models::Catalog& catalog,
                                                      const WorkloadSpec& workload,
                                                      std::uint64_t seed, std::uint64_t run) {
  const SyntheticSpec& spec = *workload.synthetic;
  SyntheticSpec later = spec;
  later.prompt_tokens = spec.user_tokens.value_or(spec.prompt_tokens);
  workload::SessionConfig config;
  config.turns = static_cast<std::int32_t>(spec.turns);
  config.first = lengths_of(spec);
  config.user = lengths_of(later).prompt;
  config.think_time = Duration::from_seconds(spec.think_time_s);
  config.shared_tokens = static_cast<std::int32_t>(spec.shared_tokens);
  config.groups = static_cast<std::uint32_t>(spec.groups);
  config.max_output_tokens = static_cast<std::int32_t>(workload.max_output_tokens);
  config.requests = spec.requests;
  if (spec.duration_s > 0) config.stage_end = SimTime::from_seconds(spec.duration_s);
  config.seed = seed;
  config.run = run;
  if (is_closed(workload)) {
    config.concurrency = spec.concurrency;
    return workload::make_sessions(config);
  }
  WorkloadSpec single = workload;  // the process that begins conversations
  single.synthetic->turns = 1;
  single.synthetic->shared_tokens = 0;
  auto starts = open_source(catalog, single, seed, run);
  if (!starts) return starts.error();
  return workload::make_sessions(config, std::move(*starts));
}

bool shares(const workload::Arrival& arrival) {
  return arrival.prefix_tokens > 0 || arrival.hash_count > 0 ||
         arrival.stream != workload::kNoStream;
}

class Priorities {
 public:
  void add(std::int32_t priority) {
    vary_ = vary_ || (first_ && *first_ != priority);
    if (!first_) first_ = priority;
  }
  [[nodiscard]] bool vary() const { return vary_; }

 private:
  std::optional<std::int32_t> first_;
  bool vary_ = false;
};

// Hands on an open or closed load and watches what passes through it.
class WatchedLoad final : public ReportingLoad {
 public:
  WatchedLoad(std::unique_ptr<workload::Load> inner, const ArrivalSource* source,
              std::vector<std::string> notes, std::vector<std::string> class_priorities = {})
      : inner_(std::move(inner)),
        source_(source),
        notes_(std::move(notes)),
        class_priorities_(std::move(class_priorities)) {}

  [[nodiscard]] SimTime peek() override { return inner_->peek(); }
  [[nodiscard]] workload::Arrival take() override {
    const workload::Arrival arrival = inner_->take();
    prefixes_ = prefixes_ || shares(arrival);
    priorities_.add(arrival.priority);
    return arrival;
  }
  void on_finished(RequestId id, SimTime now) override { inner_->on_finished(id, now); }
  [[nodiscard]] Result<void> failed() const override { return inner_->failed(); }
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(
      const workload::Arrival& a) const override {
    return inner_->block_hashes(a);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return inner_->hash_block_tokens();
  }
  [[nodiscard]] std::span<const std::string> class_names() const override {
    return inner_->class_names();
  }

  [[nodiscard]] std::vector<std::string> warnings() const override {
    std::vector<std::string> out = notes_;
    if (source_ != nullptr) {
      for (std::string& warning : source_warnings(*source_)) out.push_back(std::move(warning));
    }
    for (std::string& warning : unseen_classes(class_priorities_, class_names()))
      out.push_back(std::move(warning));
    return out;
  }
  [[nodiscard]] bool shares_prefixes() const override { return prefixes_; }
  [[nodiscard]] bool varies_priorities() const override { return priorities_.vary(); }

 private:
  std::unique_ptr<workload::Load> inner_;
  const ArrivalSource* source_;  // inside inner_; null for a closed loop
  std::vector<std::string> notes_, class_priorities_;
  bool prefixes_ = false;
  Priorities priorities_;
};

// Gives the requests of a list that outlives it.
class ListLoad final : public workload::Load {
 public:
  explicit ListLoad(const RequestList& list) : list_(list) {}
  [[nodiscard]] SimTime peek() override {
    return next_ < list_.arrivals.size() ? list_.arrivals[next_].at : SimTime::never();
  }
  [[nodiscard]] workload::Arrival take() override { return list_.arrivals[next_++]; }
  void on_finished(RequestId, SimTime) override {}
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(
      const workload::Arrival& a) const override {
    return std::span(list_.hashes).subspan(a.hash_offset, a.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override { return list_.hash_block_tokens; }
  [[nodiscard]] std::span<const std::string> class_names() const override { return list_.classes; }

 private:
  const RequestList& list_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<std::string> idle_warnings(bool shares_prefixes, bool varies_priorities,
                                       const sim::SimulationConfig& config) {
  std::vector<std::string> out;
  if (shares_prefixes && !config.replica.engine.prefix_caching)
    out.emplace_back(
        "the prefix information of the requests is not used: every prompt is computed in full");
  const bool looks = config.replica.engine.priority_scheduling ||
                     std::any_of(config.further.begin(), config.further.end(),
                                 [](const sim::FurtherPool& further) {
                                   return further.pool.replica.engine.priority_scheduling;
                                 });
  if (looks && !varies_priorities)
    out.emplace_back(
        "all requests have the same priority: the policy priority does what fcfs does");
  return out;
}

void set_clients(const WorkloadSpec& spec, sim::SimulationConfig& config) {
  if (spec.client_timeout_s) config.client_timeout = Duration::from_seconds(*spec.client_timeout_s);
  config.timeout_on = spec.timeout_on;
}

std::unique_ptr<workload::Load> replay(const RequestList& list) {
  return std::make_unique<ListLoad>(list);
}

Result<RequestList> load_requests(const models::Catalog& catalog, const WorkloadSpec& spec,
                                  std::uint64_t seed, std::uint64_t run) {
  auto all = load_requests_up_to(catalog, spec, seed, run, std::numeric_limits<std::size_t>::max());
  if (!all) return all.error();
  return std::move(**all);
}

Result<std::optional<RequestList>> load_requests_up_to(const models::Catalog& catalog,
                                                       const WorkloadSpec& spec, std::uint64_t seed,
                                                       std::uint64_t run, std::size_t most) {
  auto source = open_source(catalog, spec, seed, run);
  if (!source) return source.error();
  RequestList out;
  Priorities priorities;
  std::vector<workload::Arrival> block(1024);
  while (true) {
    const Result<std::size_t> pulled = (*source)->pull(block);
    if (!pulled) return pulled.error();
    if (*pulled == 0) break;
    if (*pulled > most - out.arrivals.size()) return std::optional<RequestList>();
    for (std::size_t i = 0; i < *pulled; ++i) {
      out.shares_prefixes = out.shares_prefixes || shares(block[i]);
      priorities.add(block[i].priority);
      const auto hashes = (*source)->block_hashes(block[i]);
      block[i].hash_offset = out.hashes.size();
      block[i].hash_count = static_cast<std::uint32_t>(hashes.size());
      out.hashes.insert(out.hashes.end(), hashes.begin(), hashes.end());
    }
    out.arrivals.insert(out.arrivals.end(), block.begin(),
                        block.begin() + static_cast<std::ptrdiff_t>(*pulled));
  }
  out.varies_priorities = priorities.vary();
  out.hash_block_tokens = (*source)->hash_block_tokens();
  const auto classes = (*source)->class_names();
  out.classes.assign(classes.begin(), classes.end());
  out.description = describe(spec);
  out.warnings = trace_notes(spec);
  for (std::string& warning : source_warnings(**source)) out.warnings.push_back(std::move(warning));
  for (std::string& warning : unseen_classes(spec.class_priorities, out.classes))
    out.warnings.push_back(std::move(warning));
  return std::optional(std::move(out));
}

double RequestList::duration_s() const {
  return arrivals.empty() ? 0 : (arrivals.back().at - arrivals.front().at).seconds();
}

Result<std::unique_ptr<ReportingLoad>> make_load(const models::Catalog& catalog,
                                                 const WorkloadSpec& spec, std::uint64_t seed,
                                                 std::uint64_t run) {
  const bool sessions = spec.synthetic && spec.synthetic->has_sessions();
  if (sessions || is_closed(spec)) {
    const auto limit = static_cast<std::int32_t>(spec.max_output_tokens);
    Result<std::unique_ptr<workload::Load>> closed =
        sessions ? open_sessions(catalog, spec, seed, run)
                 : open_closed(*spec.synthetic, limit, seed, run);
    if (!closed) return closed.error();
    return std::unique_ptr<ReportingLoad>(
        std::make_unique<WatchedLoad>(std::move(*closed), nullptr, std::vector<std::string>{}));
  }
  auto source = open_source(catalog, spec, seed, run);
  if (!source) return source.error();
  const ArrivalSource* watched = source->get();
  return std::unique_ptr<ReportingLoad>(
      std::make_unique<WatchedLoad>(std::make_unique<workload::OpenLoad>(std::move(*source)),
                                    watched, trace_notes(spec), spec.class_priorities));
}

}  // namespace eph::scenario
