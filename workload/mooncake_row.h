#pragma once
// One line of a Mooncake trace, scanned without building a JSON tree.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eph::workload {

// The numbers are left as text, so that the reader can show them; empty when the key is absent.
struct MooncakeRow {
  std::string_view timestamp, input_length, output_length;
  bool has_hashes = false;
};

struct RowProblem {
  std::string what, remedy;
};

// Scans `{"timestamp": .., "input_length": .., "output_length": .., "hash_ids": [..]}` (keys in any
// order) and appends the hash ids to `hashes`. Returns what is wrong with the line, if anything:
// bad JSON, another key, a repeated key, a hash that is no whole number of 0..2^64-1.
[[nodiscard]] std::optional<RowProblem> scan_mooncake_row(std::string_view line, MooncakeRow& row,
                                                          std::vector<std::uint64_t>& hashes);

}  // namespace eph::workload
