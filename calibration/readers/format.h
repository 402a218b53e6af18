#pragma once
// A format of measured runs: how it is recognised and how it is read.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/measured_run.h"
#include "calibration/readers/fields.h"
#include "calibration/readers/record_file.h"

namespace eph::calibration {

// What a reader fills: runs in the file's order, and every fault it finds.
struct ReadRuns {
  Diagnostics faults;
  std::vector<MeasuredRun> runs;
};

// Contract of `read`:
//  - all records matched `matches`, or follow one that did
//  - one MeasuredRun for each operating point; what the file does not say stays empty or 0 (also
//    layout.*: 0 is "not said"), what it says and we leave out is told in MeasuredRun::note
//  - latencies in ms; mean_tpot and itl_* are (last - first) / (n - 1) of each request
struct RunFormat {
  std::string_view name;
  std::string_view signature;  // for people: what it is recognised by
  bool (*matches)(const Json& record);
  void (*read)(const RecordFile& file, ReadRuns& out);
};

// In the order in which they are tried.
[[nodiscard]] std::span<const RunFormat> run_formats();

// A run that nothing is known of but where it stands and what wrote it.
[[nodiscard]] MeasuredRun blank_run(const RecordFile& file, std::int64_t line,
                                    std::string_view tool);
// Adds to the run's note, separated by "; ".
void add_note(MeasuredRun& run, std::string_view text);
// nullopt for names that are no engine of ours; takes the tools' spellings ("tensorrt-llm", "trt").
[[nodiscard]] std::optional<models::EngineKind> engine_of(std::string_view text);
// Rounded to whole tokens; 0 when there is nothing to divide by.
[[nodiscard]] std::int64_t mean_tokens(double total, double requests);

[[nodiscard]] RunFormat vllm_bench_format();
[[nodiscard]] RunFormat sglang_serving_format();
[[nodiscard]] RunFormat sglang_one_batch_format();
[[nodiscard]] RunFormat guidellm_format();      // 0.3 and later
[[nodiscard]] RunFormat guidellm_old_format();  // before, and Modal stopwatch
[[nodiscard]] RunFormat aiperf_format();
[[nodiscard]] RunFormat aiperf_records_format();
[[nodiscard]] RunFormat trtllm_bench_format();
[[nodiscard]] RunFormat llama_bench_format();
[[nodiscard]] RunFormat inferencex_format();
[[nodiscard]] RunFormat request_rows_format();

}  // namespace eph::calibration
