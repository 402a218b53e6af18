#pragma once
// One simulation of a candidate at a replica count, stopped as soon as it is certain to fail.
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "scenario/assemble.h"
#include "sim/metrics.h"

namespace eph::planner {

struct Evaluation {
  bool passed = false;
  bool stopped_early = false;  // so many requests missed an objective that the rest cannot mend it
  std::string failure;         // "p95_ttft=500ms: missed by 8.1 % of the requests (5 % may)"
  sim::RunSummary summary;     // up to the stop
};

struct EvaluateOptions {
  std::vector<sim::Slo> slos;
  std::uint64_t seed = 1;
  double max_rejected_share = 0;
  bool to_the_end = false;  // even when it is certain to fail; the same verdict, later
};

// Passes when every objective is met, nothing is left unfinished, and at most the allowed share was
// rejected. Thread safe: shares `assembly` and `requests` read-only.
[[nodiscard]] Result<Evaluation> evaluate(const scenario::Assembly& assembly,
                                          const scenario::RequestList& requests, int replicas,
                                          const EvaluateOptions& options);

}  // namespace eph::planner
