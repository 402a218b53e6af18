#pragma once
// The steps of a simulated run and which of them gave a request its first and last token: what a
// fit holds fixed while it changes the steps' times.
#include <array>
#include <span>
#include <vector>

#include "calibration/log_fit.h"
#include "sim/metrics_sink.h"

namespace eph::calibration {

class StepTimes final : public sim::MetricsSink {
 public:
  struct Step {
    models::BatchShape shape;
    SimTime start, end;
  };
  explicit StepTimes(int replicas) : replicas_(static_cast<std::size_t>(replicas)) {}
  void on_request(const sim::RequestRecord&) override {}
  [[nodiscard]] bool wants_steps() const override { return true; }
  void on_step(const sim::StepRecord& step) override {
    replicas_[index(step.replica)].push_back({step.shape, step.start, step.end});
  }
  [[nodiscard]] const std::vector<std::vector<Step>>& replicas() const { return replicas_; }

 private:
  std::vector<std::vector<Step>> replicas_;
};

// One measured time and what the schedule says it is made of: the steps from `from` to before `to`
// of a replica, plus `fixed_s` that does not depend on the model.
struct TimedEvent {
  enum class Kind { decode, first_token, gap };
  Kind kind = Kind::decode;
  std::size_t replica = 0, from = 0, to = 0;
  double fixed_s = 0;
  double measured_s = 0;
  double sd_s = 0;  // of the measured time about the predicted
};

// Events that the training may see, and how the simulated run explains them.
[[nodiscard]] std::vector<TimedEvent> timed_events(const RequestLog& log,
                                                   const LogTraining& training,
                                                   std::span<const sim::RequestRecord> records,
                                                   const StepTimes& steps);

}  // namespace eph::calibration
