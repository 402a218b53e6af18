// InferenceX (InferenceMAX) aggregated results (docs/FORMATS.md).
#include "calibration/readers/format.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("hw") != nullptr && record.find("tput_per_gpu") != nullptr &&
         record.find("infmax_model_prefix") != nullptr;
}

// Latencies are in seconds here: the tool divides the benchmark's milliseconds.
void read_latency(Fields& from, std::string_view name, Figure mean, Figure p50, Figure p90,
                  Figure p95, Figure p99, MeasuredRun& run) {
  const auto read = [&](Figure figure, std::string_view statistic) {
    const auto value = from.positive(fmt::format("{}_{}", statistic, name));
    if (value) run.measured[figure] = 1e3 * *value;
  };
  read(mean, "mean");
  read(p50, "median");
  read(p90, "p90");
  read(p95, "p95");
  read(p99, "p99");
}

void read_layout(Fields& from, MeasuredRun& run) {
  run.disaggregated = from.has("disagg") && from.flag("disagg");
  if (from.has("is_multinode") && from.flag("is_multinode"))
    run.problem = "several nodes are not simulated";
  if (run.disaggregated || !run.problem.empty()) return;
  run.layout.tensor = static_cast<int>(from.required_integer("tp", 1));
  run.layout.pipeline = static_cast<int>(from.integer("pp", 1, 1));
  run.layout.expert = static_cast<int>(from.integer("ep", 1, 1));
  const bool attention_dp = from.has("dp_attention") && from.flag("dp_attention");
  run.layout.attention_data = attention_dp ? run.layout.tensor : 1;
  // Rates are per GPU of the replica.
  const double gpus = static_cast<double>(run.layout.tensor) * run.layout.pipeline *
                      static_cast<double>(from.integer("pcp_size", 1, 1));
  const auto rate = [&](std::string_view key) -> std::optional<double> {
    const auto value = from.positive(key);
    return value ? std::optional(*value * gpus) : std::nullopt;
  };
  run.measured[Figure::output_tps] = rate("output_tput_per_gpu");
  run.measured[Figure::total_tps] = rate("tput_per_gpu");
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "inferencex");
  run.engine_text = from.text("framework");
  run.engine = engine_of(run.engine_text);
  run.gpu = from.text("hw");
  run.model = from.text("model");
  run.dtype = from.text("precision");
  run.isl = from.required_integer("isl", 1);
  run.osl = from.required_integer("osl", 1);
  run.concurrency = from.required_integer("conc", 1);
  run.protocol = Protocol::inferencemax;
  run.protocol_text = name(run.protocol);
  const std::string speculation =
      to_lower(from.has("spec_decoding") ? from.text("spec_decoding") : "");
  if (!speculation.empty() && speculation != "none")
    run.problem = "speculative decoding is not simulated";
  read_layout(from, run);
  using F = Figure;
  read_latency(from, "ttft", F::mean_ttft, F::ttft_p50, F::ttft_p90, F::ttft_p95, F::ttft_p99, run);
  read_latency(from, "tpot", F::mean_tpot, F::itl_p50, F::itl_p90, F::itl_p95, F::itl_p99, run);
  read_latency(from, "e2el", F::e2e_mean, F::e2e_p50, F::e2e_p90, F::e2e_p95, F::e2e_p99, run);
  if (!run.measured[F::mean_ttft] && !run.measured[F::ttft_p50]) {
    from.fault("mean_ttft", "neither mean_ttft nor median_ttft", "the format has seconds there");
  }
  if (from.has("p99_itl")) add_note(run, "itl: gaps between chunks, not read");
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat inferencex_format() {
  return {"inferencex", "hw, tput_per_gpu and infmax_model_prefix", matches, read};
}

}  // namespace eph::calibration
