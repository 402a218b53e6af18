#pragma once
// One measured operating point of a serving engine, whatever table it came from.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/run_load.h"
#include "core/csv.h"
#include "models/engine_kind.h"
#include "models/parallelism.h"

namespace eph::calibration {

// What was measured. Each is a column of its table; latencies in ms.
enum class Figure : std::uint8_t {
  mean_ttft,
  mean_tpot,  // serving_runs.csv
  ttft_p50,
  ttft_p95,
  ttft_p99,
  ttft_mean,
  tpot_p50,
  tpot_p95,
  tpot_p99,
  tpot_mean,  // end-to-end time over output tokens (GuideLLM)
  itl_p50,
  itl_p95,
  itl_p99,
  itl_mean,
  e2e_p50,
  e2e_p95,
  e2e_p99,
  e2e_mean,
  achieved_rps,
  output_tps,
  mean_concurrency,
  max_output_tps,  // trtllm_max_throughput.csv
  queue,
  ttft,
  tpot,
  e2e,  // of one logged request; tpot is (last - first) / (n - 1)
  ttft_p90,
  itl_p90,
  e2e_p90,      // imported runs
  total_tps,    // prompt and output tokens per second
  prefill_tps,  // prompt tokens per second while one batch is prefilled
  count_
};
inline constexpr std::size_t kFigureCount = static_cast<std::size_t>(Figure::count_);
[[nodiscard]] std::string_view column_name(Figure figure);  // "mean_ttft_ms"

// Value per figure; nullopt where it was not measured or cannot be predicted.
class FigureSet {
 public:
  [[nodiscard]] std::optional<double>& operator[](Figure f) {
    return values_[static_cast<std::size_t>(f)];
  }
  [[nodiscard]] const std::optional<double>& operator[](Figure f) const {
    return values_[static_cast<std::size_t>(f)];
  }

 private:
  std::array<std::optional<double>, kFigureCount> values_{};
};

// How the load was put on the engine (docs/VALIDATION.md, "Protocols").
enum class Protocol : std::uint8_t {
  inferencemax,              // closed loop from a cold burst, 10 C requests, lengths U[0.8, 1]
  burst,                     // C requests at once
  closed_loop_unknown_ramp,  // inferred: cold burst of C, closed loop, 10 C requests
  synchronous,               // GuideLLM: one in flight
  constant,                  // GuideLLM: evenly spaced at achieved_rps
  throughput,                // GuideLLM: inflight_cap in flight
  offline,                   // all requests at once
  // Imported runs (MeasuredRun::load says the rest):
  closed_loop,  // `concurrency` in flight, from a burst or a ramp
  open_loop,    // gamma or evenly spaced gaps at a rate, at most `concurrency` in flight if not 0
  recorded,     // each request at the time it was sent
  one_batch,    // `concurrency` requests in one batch, no scheduler and no server
  unknown,
};
[[nodiscard]] std::string_view name(Protocol protocol);
[[nodiscard]] Protocol parse_protocol(std::string_view text);  // unknown when it names none

struct MeasuredRun {
  std::size_t row = 0;    // in its table, from 0
  std::int64_t line = 0;  // in its file
  std::string id;
  std::string engine_text;  // as written
  std::optional<models::EngineKind> engine;
  std::string engine_version;  // empty: not recorded
  std::string gpu;             // as written
  std::string model;
  std::string dtype;  // as written: bf16, fp8, fp4, float16, ...
  bool disaggregated = false;
  models::Parallelism layout;  // of one worker that decodes, where disaggregated
  // Disaggregated only.
  models::Parallelism prefill_layout;
  int prefill_workers = 1, decode_workers = 1;
  std::int64_t isl = 0, osl = 0;
  std::int64_t concurrency = 0;  // requests in flight at most
  std::string protocol_text;
  Protocol protocol = Protocol::unknown;
  std::string source;
  std::string problem;  // what the row does not say but a simulation needs; empty: nothing

  // GuideLLM sweeps only.
  std::string host;  // "cloud instance": what the client and the API server ran on
  std::string workload;
  std::int64_t max_model_len = 0;
  double stage_s = 0, ramp_s = 0;
  double load_fraction = 0;  // achieved rate over the throughput row's; 0: not given

  // Imported runs only (docs/FORMATS.md).
  std::string tool;  // format the run was read from
  std::optional<RunLoad> load;
  EngineSettings settings;
  // The file hints at these and does not say them: the command line may say otherwise.
  bool engine_is_client = false;      // engine_text is the request format of the client
  bool concurrency_is_guess = false;  // the tool has a cap that it does not record
  std::string note;                   // what of the file was left out, and why

  FigureSet measured;

  [[nodiscard]] bool is_sweep() const {
    return protocol == Protocol::synchronous || protocol == Protocol::constant ||
           protocol == Protocol::throughput;
  }
};

// A table of runs with its text, so that it can be written back unchanged.
struct RunTable {
  CsvTable table;
  std::vector<Figure> figures;    // the measured columns this table has, in the header's order
  std::vector<MeasuredRun> runs;  // one per row
};

}  // namespace eph::calibration
