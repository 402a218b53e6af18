#pragma once
// AIPerf's and genai-perf's summary, in JSON or CSV, as metrics by name.
#include <map>
#include <string>

#include "calibration/readers/format.h"

namespace eph::calibration {

// Statistics ("avg", "p50", ...) of one metric, in the unit it was written in.
struct AiperfMetric {
  std::string unit;  // "ms", "requests/sec", "tokens"
  std::map<std::string, double, std::less<>> statistics;
  std::string place;  // JSON pointer or row, for messages
};
using AiperfMetrics =
    std::map<std::string, AiperfMetric, std::less<>>;  // by tag: "request_latency"

// inter_token_latency is (latency - ttft) / (osl - 1) of each request: our TPOT. `faults` gets one
// for a unit that is not known.
void use_aiperf_metrics(const AiperfMetrics& metrics, const std::string& file, MeasuredRun& run,
                        Diagnostics& faults);

// The CSV form: a block of "Metric,avg,..." and a block of "Metric,Value".
[[nodiscard]] bool is_aiperf_csv(std::string_view text);
void read_aiperf_csv(const std::string& path, std::string_view text, ReadRuns& out);

}  // namespace eph::calibration
