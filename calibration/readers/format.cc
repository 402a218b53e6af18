#include "calibration/readers/format.h"

#include <array>
#include <cmath>

#include "core/text.h"

namespace eph::calibration {

std::span<const RunFormat> run_formats() {
  static const std::array all{
      vllm_bench_format(),     sglang_serving_format(), sglang_one_batch_format(),
      guidellm_format(),       guidellm_old_format(),   aiperf_format(),
      aiperf_records_format(), trtllm_bench_format(),   llama_bench_format(),
      inferencex_format(),     request_rows_format()};
  return all;
}

MeasuredRun blank_run(const RecordFile& file, std::int64_t line, std::string_view tool) {
  MeasuredRun run;
  run.line = line;
  run.tool = std::string(tool);
  const std::string& path = file.path;
  run.source = path.substr(path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1);
  run.id = fmt::format("{}:{}", run.source, line);
  run.layout = {.tensor = 0, .pipeline = 0, .expert = 0, .attention_data = 0};
  return run;
}

void add_note(MeasuredRun& run, std::string_view text) {
  if (!run.note.empty()) run.note += "; ";
  run.note += text;
}

std::optional<models::EngineKind> engine_of(std::string_view text) {
  const std::string word = to_lower(text);
  if (const auto engine = models::parse_engine(word)) return engine;
  if (word.starts_with("sglang")) return models::EngineKind::sglang;
  if (word == "trt" || word == "tensorrt-llm" || word == "tensorrt_llm" || word == "dynamo-trt") {
    return models::EngineKind::trtllm;
  }
  if (word == "dynamo-vllm") return models::EngineKind::vllm;
  if (word == "dynamo-sglang") return models::EngineKind::sglang;
  return std::nullopt;
}

std::int64_t mean_tokens(double total, double requests) {
  return requests > 0 ? std::llround(total / requests) : 0;
}

}  // namespace eph::calibration
