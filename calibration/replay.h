#pragma once
// Simulates one measured row under its own protocol and computes what the measuring tool would
// print.
#include <cstdint>
#include <vector>

#include "calibration/protocol.h"
#include "models/front_end.h"
#include "models/profile.h"
#include "models/step_model.h"
#include "models/step_residual.h"
#include "sim/metrics_sink.h"
#include "sim/records.h"

namespace eph::calibration {

struct Replayed {
  FigureSet figures;
  std::size_t counted = 0;  // requests that entered the figures
  std::uint64_t rejected = 0, unfinished = 0, preemptions = 0;
  std::uint64_t steps = 0;
  std::int64_t kv_tokens = 0;
};

struct ReplayOptions {
  std::uint64_t seed = 1;
  models::Machine machine;  // that the row was measured on, against the coefficients' own
  const models::StepResidual* residual = nullptr;  // null: none
  // A model of the same deployment whose tables are copied instead of built; may be null.
  const models::FittedStepModel* prototype = nullptr;
};

// With fitted coefficients: step model, front end and KV reserve all come from `values`.
[[nodiscard]] Result<Replayed> replay(const RunPlan& plan, const models::CoefficientValues& values,
                                      const ReplayOptions& options);
// The same for an offline batch, without a simulation of each request
// (calibration/offline_batch.h): the rate alone.
[[nodiscard]] Result<Replayed> replay_offline(const RunPlan& plan,
                                              const models::CoefficientValues& values,
                                              const ReplayOptions& options);
// With what a profile holds for the plan's deployment, on `machine`.
[[nodiscard]] Result<Replayed> replay(const RunPlan& plan, const models::EngineProfile& profile,
                                      const models::Machine& machine, std::uint64_t seed);
// With any step model and an explicit KV pool.
[[nodiscard]] Result<Replayed> replay(const RunPlan& plan, const models::StepModel& step,
                                      const models::FrontEnd& front_end, const models::KvPool& kv,
                                      std::uint64_t seed);

// Keeps the record of every request of a run.
class RecordSink final : public sim::MetricsSink {
 public:
  void on_request(const sim::RequestRecord& record) override { records_.push_back(record); }
  [[nodiscard]] const std::vector<sim::RequestRecord>& records() const { return records_; }

 private:
  std::vector<sim::RequestRecord> records_;
};

// The figures of the requests that `plan` counts.
[[nodiscard]] FigureSet figures_of(const RunPlan& plan,
                                   const std::vector<sim::RequestRecord>& records,
                                   std::size_t& counted);

}  // namespace eph::calibration
