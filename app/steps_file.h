#pragma once
// simulate --steps-out: one CSV row a step, in the order in which the engines learn the results of
// their steps (a step's end, and what the host needs after it), at equal instants in the replicas'
// order. The steps of one replica are thus in their own order.
#include "app/requests_file.h"
#include "sim/metrics_sink.h"

namespace eph::app {

// Columns: start_s, end_s (on the GPU), replica, prefill_tokens, decode_sequences, kv_tokens (KV
// of all decoding sequences at the step's start), then lists with blanks between their items:
// scheduled `request:tokens` in scheduling order, preempted `request`, cached `request:tokens` of
// the requests admitted in this step (0 for those that found nothing). Requests are numbered as in
// --requests-out.
class StepsFile final : public sim::MetricsSink {
 public:
  explicit StepsFile(OutputFile file);
  void on_request(const sim::RequestRecord&) override {}
  [[nodiscard]] bool wants_steps() const override { return true; }
  void on_step(const sim::StepRecord& record) override;
  [[nodiscard]] Result<void> close() { return file_.close(); }

 private:
  OutputFile file_;
  std::string row_;
};

[[nodiscard]] std::string steps_header();

}  // namespace eph::app
