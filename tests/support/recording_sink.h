#pragma once
// Keeps every record of a run.
#include <vector>

#include "sim/metrics_sink.h"

namespace eph::test {

struct RecordedStep {
  sim::StepRecord record;  // its spans are dangling; use the copies
  std::vector<sim::ScheduledTokens> scheduled;
  std::vector<RequestId> preempted;
  std::vector<sim::Admission> admitted;
};

class RecordingSink final : public sim::MetricsSink {
 public:
  explicit RecordingSink(bool wants_steps = true) : wants_steps_(wants_steps) {}
  void on_request(const sim::RequestRecord& record) override { requests.push_back(record); }
  [[nodiscard]] bool wants_steps() const override { return wants_steps_; }
  void on_step(const sim::StepRecord& record) override {
    RecordedStep step;
    step.record = record;
    step.record.scheduled = {};
    step.record.preempted = {};
    step.scheduled.assign(record.scheduled.begin(), record.scheduled.end());
    step.preempted.assign(record.preempted.begin(), record.preempted.end());
    step.record.admitted = {};
    step.admitted.assign(record.admitted.begin(), record.admitted.end());
    steps.push_back(std::move(step));
  }

  std::vector<sim::RequestRecord> requests;
  std::vector<RecordedStep> steps;

 private:
  bool wants_steps_;
};

}  // namespace eph::test
