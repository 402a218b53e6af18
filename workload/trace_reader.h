#pragma once
// Recorded traffic from files, streamed: memory does not grow with the trace.
//
// The format is told from the first line, plain or gzip:
//   Azure LLM 2023/2024   TIMESTAMP,ContextTokens,GeneratedTokens
//   BurstGPT v1.0, v1.2   Timestamp,[Session ID,Elapsed time,]Model,Request tokens,...,Log Type
//   Mooncake JSONL        {"timestamp": ms, "input_length": n, "output_length": n, "hash_ids":
//   [...]} own CSV               arrival_s,prompt_tokens,output_tokens and optional columns (below)
// Columns may stand in any order. Times of the published traces count from their first row; the own
// CSV keeps its times, which are seconds >= 0 from the start of the run.
//
// Optional columns of the own CSV, each may be empty in a row: prefix_group (any text) and
// prefix_tokens (requests of a group share their first prefix_tokens prompt tokens), session and
// class (any text), max_output_tokens (>= output_tokens; default output_tokens), priority (whole
// number), timeout_s (> 0).
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/line_source.h"
#include "workload/arrival.h"

namespace eph::workload {

enum class TraceFormat { azure, burstgpt, mooncake, plain };
[[nodiscard]] std::string_view name_of(TraceFormat format);  // "Azure LLM", ...

// What to do with a row whose request produced no token: a failure in BurstGPT, a fault elsewhere.
enum class ZeroOutput { by_format, reject, drop, keep_as_one };

struct TraceOptions {
  ZeroOutput zero_output = ZeroOutput::by_format;  // BurstGPT: drop; the others: reject
  // Mooncake: prompt tokens of one hashed block.
  std::int32_t hash_block_tokens = 512;
  // Mooncake's timestamps come in 3 s steps, which makes bursts that did not exist. When set, the
  // rows of one timestamp are spread uniformly over this step (less where the next timestamp is
  // nearer).
  std::optional<Duration> dequantise{};
  std::uint64_t seed = 1;  // of the spreading
  std::uint64_t run = 0;
  std::size_t max_line_bytes = LineSource::kMaxLineBytes;
};

// Kind usage for an unknown or incomplete header, kind io for a file that cannot be read.
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> open_trace(const std::string& path,
                                                                const TraceOptions& options = {});
// The format alone, from the first line of a file.
[[nodiscard]] Result<TraceFormat> detect_trace_format(const std::string& path);
// Whether the header of the own CSV has this optional column; other formats have none of them.
[[nodiscard]] Result<bool> has_column(const std::string& path, std::string_view name);

}  // namespace eph::workload
