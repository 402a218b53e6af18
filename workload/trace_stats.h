#pragma once
// What a stream of requests looks like: counts, rates, lengths, burstiness, sharing.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "workload/arrival.h"

namespace eph::workload {

// Exact; percentiles interpolate between order statistics (numpy's default).
struct LengthSummary {
  double mean = 0;
  double p50 = 0, p90 = 0, p95 = 0, p99 = 0;
  std::int64_t min = 0, max = 0;
};

struct Dispersion {
  double window_s = 0;
  std::optional<double> variance_to_mean;  // nullopt: less than two whole windows
};

// Reuse of prompt blocks under a cache that forgets nothing. A block counts as reused when it and
// all blocks before it in the prompt were seen in an earlier request.
struct BlockSharing {
  std::int32_t block_tokens = 0;
  std::uint64_t requests = 0;  // with hashes
  std::uint64_t blocks = 0;
  std::uint64_t reused_blocks = 0;
  [[nodiscard]] double reused_share() const {
    return blocks == 0 ? 0 : static_cast<double>(reused_blocks) / static_cast<double>(blocks);
  }
};

struct GroupSharing {
  std::uint64_t groups = 0;
  std::uint64_t requests = 0;  // in a group
  double prefix_share = 0;     // of all prompt tokens that stand in a shared prefix
};

struct ClassCount {
  std::string name;
  std::uint64_t requests = 0;
};

struct TraceDescription {
  std::uint64_t requests = 0;
  double duration_s = 0;                       // first to last request
  std::optional<double> mean_rate;             // requests/s; nullopt when the duration is 0
  double peak_rate_1s = 0, peak_rate_60s = 0;  // requests/s in the fullest window
  LengthSummary prompt, output, total;
  std::optional<double> gap_cv;        // standard deviation over mean of the time between requests
  std::vector<Dispersion> dispersion;  // windows of 0.1, 1, 10 and 60 s
  std::optional<double> prompt_output_correlation;
  std::optional<BlockSharing> blocks;
  std::optional<GroupSharing> groups;
  std::optional<std::uint64_t> sessions;  // distinct ones
  std::vector<ClassCount> classes;
  SourceCounts counts;
};

// Reads the source to its end. Memory grows only with distinct lengths, blocks and sessions. A
// source without requests is an error (kind usage).
[[nodiscard]] Result<TraceDescription> describe(ArrivalSource& source);
[[nodiscard]] Json to_json(const TraceDescription& description);

}  // namespace eph::workload
