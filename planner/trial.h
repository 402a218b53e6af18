#pragma once
// What a plan keeps of one simulation of a candidate: little enough to be stored and sent.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "planner/count_search.h"
#include "planner/evaluate.h"

namespace eph::planner {

struct LatencyFigures {  // seconds
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;
};

struct TrialFigures {
  Trial verdict = Trial::fail;
  std::string failure;  // Evaluation::failure
  std::uint64_t arrived = 0, rejected = 0, preemptions = 0;
  LatencyFigures ttft, tpot, e2e;
  std::vector<double> measured_s;  // by objective
  double requests_per_s = 0, output_tokens_per_s = 0, busy_share = 0, peak_kv_used = 0;
};

// Below 0.02 running requests per replica a request is alone nearly always, so that more replicas
// cannot shorten anything: such a failure is final, as is one by rejections alone.
[[nodiscard]] TrialFigures figures_of(const Evaluation& evaluation, int replicas);

[[nodiscard]] Json to_json(const TrialFigures& figures);
// Nothing when it was not made by to_json.
[[nodiscard]] std::optional<TrialFigures> read_figures(const Json& json);

}  // namespace eph::planner
