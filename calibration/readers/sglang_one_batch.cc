// SGLang bench_one_batch result lines: one static batch, no scheduler and no server
// (docs/FORMATS.md).
#include "calibration/readers/format.h"

namespace eph::calibration {
namespace {

bool matches(const Json& record) {
  return record.find("prefill_latency") != nullptr && record.find("batch_size") != nullptr &&
         record.find("input_len") != nullptr && record.find("total_latency") != nullptr;
}

void read_one(const RecordFile& file, const Json& record, ReadRuns& out) {
  Fields from(record, file.path, out.faults);
  MeasuredRun run = blank_run(file, record.line(), "sglang bench_one_batch");
  run.engine = models::EngineKind::sglang;
  run.engine_text = models::name(*run.engine);
  run.protocol = Protocol::one_batch;
  run.concurrency = from.required_integer("batch_size", 1);
  run.isl = from.required_integer("input_len", 1);
  run.osl = from.required_integer("output_len", 1);
  run.load.emplace();
  run.load->requests = run.concurrency;
  run.load->in_process = true;
  const double prefill_s = from.required_positive("prefill_latency");
  const double total_s = from.required_positive("total_latency");
  if (out.faults.ok() && total_s < prefill_s) {
    from.fault("total_latency",
               fmt::format("{} s is below prefill_latency, {} s", total_s, prefill_s),
               "it holds the prefill");
  }
  run.measured[Figure::mean_ttft] = 1e3 * prefill_s;
  run.measured[Figure::prefill_tps] = static_cast<double>(run.concurrency * run.isl) / prefill_s;
  run.measured[Figure::e2e_mean] = 1e3 * total_s;
  if (run.osl > 1 && total_s > prefill_s) {
    run.measured[Figure::mean_tpot] =
        1e3 * (total_s - prefill_s) / static_cast<double>(run.osl - 1);
    add_note(run, "median_decode_latency: of steps, not read");
  }
  out.runs.push_back(std::move(run));
}

void read(const RecordFile& file, ReadRuns& out) {
  for (const Json& record : file.records) read_one(file, record, out);
}

}  // namespace

RunFormat sglang_one_batch_format() {
  return {"sglang bench_one_batch", "batch_size, input_len, prefill_latency and total_latency",
          matches, read};
}

}  // namespace eph::calibration
