// llama-bench results: JSON, JSON-lines and CSV share one schema (docs/FORMATS.md).
#include <algorithm>

#include "calibration/readers/format.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("build_commit") != nullptr && record.find("n_prompt") != nullptr &&
         record.find("avg_ts") != nullptr;
}

// "pp N": one prompt of N tokens. The engine samples once at its end, which the tool does not.
void set_prompt_test(std::int64_t n_prompt, double total_ms, MeasuredRun& run) {
  run.isl = n_prompt;
  run.osl = 1;
  run.measured[Figure::prefill_tps] = 1e3 * static_cast<double>(n_prompt) / total_ms;
}

// "tg N": N steps of one token on top of `depth` tokens, so N + 1 tokens with the one that starts
// it.
void set_generation_test(std::int64_t n_gen, std::int64_t depth, double total_ms,
                         MeasuredRun& run) {
  run.isl = std::max<std::int64_t>(1, depth);
  run.osl = n_gen + 1;
  run.measured[Figure::mean_tpot] = total_ms / static_cast<double>(n_gen);
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "llama-bench");
  run.engine = models::EngineKind::llamacpp;
  run.engine_text = models::name(*run.engine);
  if (from.has("build_number")) {
    run.engine_version = fmt::format("{}", from.integer("build_number", 0, 0));
  }
  if (from.has("gpu_info")) run.gpu = from.text("gpu_info");
  if (from.has("model_type")) run.model = from.text("model_type");
  if (from.has("type_k")) run.settings.kv_dtype = from.text("type_k");
  run.layout = {};
  run.protocol = Protocol::one_batch;
  run.concurrency = 1;
  run.load.emplace();
  run.load->requests = 1;
  run.load->in_process = true;
  run.settings.max_num_batched_tokens = from.integer("n_batch", 1, 0);
  const std::int64_t n_prompt = from.required_integer("n_prompt", 0);
  const std::int64_t n_gen = from.required_integer("n_gen", 0);
  const std::int64_t depth = from.integer("n_depth", 0, 0);
  const double total_ms = 1e-6 * from.required_positive("avg_ns");
  if (n_prompt > 0 && n_gen == 0) {
    set_prompt_test(n_prompt, total_ms, run);
  } else if (n_prompt == 0 && n_gen > 0) {
    set_generation_test(n_gen, depth, total_ms, run);
  } else if (n_prompt > 0) {
    run.isl = n_prompt;
    run.osl = n_gen + 1;
    run.measured[Figure::e2e_mean] = total_ms;
  } else {
    from.fault("n_prompt", "neither prompt nor generated tokens",
               "one of n_prompt and n_gen is above 0");
  }
  if (n_prompt > 0 && depth > 0) run.problem = "a prompt behind cached tokens is not simulated";
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat llama_bench_format() {
  return {"llama-bench", "build_commit, n_prompt and avg_ts", matches, read};
}

}  // namespace eph::calibration
