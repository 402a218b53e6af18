#pragma once
// A source held in memory, so that many runs can replay it, on any thread.
#include <memory>
#include <string>
#include <vector>

#include "workload/arrival.h"

namespace eph::workload {

struct Recording {
  std::vector<Arrival> arrivals;  // hash_offset counts in `hashes`
  std::vector<std::uint64_t> hashes;
  std::int32_t hash_block_tokens = 0;
  std::vector<std::string> class_names;
  SourceCounts counts;
};

[[nodiscard]] Result<Recording> record(ArrivalSource& source);
// Gives the recorded requests; `recording` must outlive it and stay unchanged.
[[nodiscard]] std::unique_ptr<ArrivalSource> replay(const Recording& recording);

}  // namespace eph::workload
