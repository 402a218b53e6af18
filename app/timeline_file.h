#pragma once
// simulate --timeline: the steps of a window as a trace for Perfetto or chrome://tracing.
#include <set>

#include "app/requests_file.h"
#include "sim/metrics_sink.h"

namespace eph::app {

// Trace Event Format, JSON object form, times in microseconds: a replica is a process, each step a
// complete event ("X") named prefill, decode or mixed, with its tokens and KV; counters ("C") of
// running and waiting requests and used KV blocks change where a step starts. Steps that overlap
// the window are written as they end; nothing is kept.
class TimelineFile final : public sim::MetricsSink {
 public:
  TimelineFile(OutputFile file, SimTime from, SimTime to);
  void on_request(const sim::RequestRecord&) override {}
  [[nodiscard]] bool wants_steps() const override { return true; }
  void on_step(const sim::StepRecord& record) override;
  // A usage error when no step fell into the window.
  [[nodiscard]] Result<void> close();

 private:
  void event(const std::string& text);

  OutputFile file_;
  SimTime from_, to_;
  std::set<std::uint32_t> named_;  // replicas whose process has its name
  std::uint64_t written_ = 0;
  SimTime first_start_ = SimTime::never(), last_end_{};  // of all steps
};

}  // namespace eph::app
