#include "scenario/load.h"

#include <fmt/format.h>

#include <array>

#include "scenario/assemble.h"
#include "scenario/synthetic_lengths.h"
#include "workload/closed_loop.h"
#include "workload/open_load.h"

namespace eph::scenario {

namespace {

using workload::ArrivalSource;

constexpr const char* kPrefixesUnused =
    "the prefix information of the requests is not used: every prompt is computed in full";

bool is_closed(const WorkloadSpec& spec) {
  return spec.synthetic && spec.synthetic->arrivals == "closed";
}

Result<std::unique_ptr<workload::Load>> open_closed(const SyntheticSpec& spec, std::uint64_t seed,
                                                    std::uint64_t run) {
  workload::ClosedLoopConfig config;
  config.pattern = workload::LoadPattern::concurrency;
  config.concurrency = spec.concurrency;
  config.requests = spec.requests;
  if (spec.duration_s > 0) config.stage_end = SimTime::from_seconds(spec.duration_s);
  config.lengths = lengths_of(spec);
  config.seed = seed;
  config.run = run;
  return workload::make_closed_loop(config);
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
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(
      const workload::Arrival& a) const override {
    return inner_->block_hashes(a);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return inner_->hash_block_tokens();
  }

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

}  // namespace

std::unique_ptr<workload::Load> replay(const RequestList& list) {
  return std::make_unique<ListLoad>(list.arrivals);
}

Result<RequestList> load_requests(const models::Catalog& catalog, const WorkloadSpec& spec,
                                  std::uint64_t seed, std::uint64_t run) {
  auto source = open_source(catalog, spec, seed, run);
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
  auto source = open_source(catalog, spec, seed, run);
  if (!source) return source.error();
  const ArrivalSource* watched = source->get();
  return std::unique_ptr<ReportingLoad>(std::make_unique<WatchedLoad>(
      std::make_unique<workload::OpenLoad>(std::move(*source)), watched, trace_notes(spec)));
}

}  // namespace eph::scenario
