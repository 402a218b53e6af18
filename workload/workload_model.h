#pragma once
// Traffic as a small model fitted on a trace, from which any amount of like traffic can be drawn.
//
// Arrivals are a Poisson process whose rate is random. Each window of the rate profile (60 s) has a
// fixed expected number of requests; it is split among its sub-windows (10 s), theirs among 1 s,
// and these among 0.1 s, by symmetric Dirichlet weights whose concentration is solved from the
// trace's variance-to-mean ratio at that length:
//   E[child^2] = E[parent^2] / n^2 (1 + (n - 1) / (A + 1)),  variance/mean = 1 + Var[child] / mean,
// with n children a parent and A the sum of the Dirichlet parameters. So the ratio at each length
// comes out as fitted, and the profile stays. Ratios below 1 (evenly spaced requests) become 1.
//
// Lengths: the bin of the prompt is drawn with the shares of the current segment of the trace
// (300 s), then the prompt and, given the bin, the output from their quantile curves.
//
// Sharing (traces with block hashes): the first `root_blocks` blocks are common to all. A request
// continues an earlier one with a probability that depends on its prompt bin; then it shares a
// drawn part of its blocks with a request about as old as the trace's reuse ages.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "workload/arrival.h"
#include "workload/quantile_curve.h"
#include "workload/trace_stats.h"

namespace eph::workload {

struct RateWindows {
  double window_s = 60;
  std::vector<double> requests_per_s;  // the last window may be cut by the duration
};

struct BurstLevel {
  double window_s = 0;       // length of a child; divides the parent's
  double concentration = 0;  // A; large: evenly split
};

struct PromptBin {
  double share = 0;  // over the whole trace
  QuantileCurve prompt, output;
};

struct LengthMix {
  std::vector<PromptBin> bins;  // by ascending prompt
  double segment_s = 300;
  std::vector<std::vector<double>> segments;  // shares of the bins, each summing to 1
};

struct SharingModel {
  std::int32_t block_tokens = 512;
  std::int32_t root_blocks = 0;
  std::vector<double> continued;           // probability for each prompt bin
  std::vector<QuantileCurve> shared_part;  // of a continued prompt's blocks, for each bin; in 0..1
  QuantileCurve age_s;                     // since the shared blocks were last used
  double reused_share = 0;                 // measured under a cache that forgets nothing
};

struct WorkloadModel {
  std::string name;
  std::string source;  // what it was fitted on, with its licence
  std::int64_t requests = 0;
  double duration_s = 0;  // first to last request plus one mean gap
  RateWindows rate;
  std::vector<BurstLevel> bursts;      // coarse to fine
  std::vector<Dispersion> dispersion;  // as measured
  LengthMix lengths;
  std::optional<SharingModel> sharing;
};

struct FitOptions {
  std::string name;
  std::string source;
  double window_s = 60;                           // of the rate profile
  std::vector<double> burst_windows{10, 1, 0.1};  // each divides the one before
  double segment_s = 300;  // grows on long traces, so that there are at most 48 segments
  std::size_t prompt_bins = 24;
  std::size_t prompt_knots = 8;  // most of a bin
  std::size_t output_knots = 32;
};

// Reads the source to its end and holds its lengths in memory (about 40 bytes a request, plus
// distinct block hashes). Errors (kind usage): fewer than 100 requests or less than two rate
// windows long.
[[nodiscard]] Result<WorkloadModel> fit_workload(ArrivalSource& source, const FitOptions& options);

// The file format, version 1 (docs: the field names are those above). Reading is strict and reports
// every fault.
[[nodiscard]] Json to_json(const WorkloadModel& model);
[[nodiscard]] Result<WorkloadModel> load_workload_model(const std::string& path);
[[nodiscard]] Result<WorkloadModel> parse_workload_model(const Json& json, const std::string& file);

}  // namespace eph::workload
