#include "calibration/readers/log_folder.h"

#include "calibration/readers/format.h"
#include "calibration/readers/per_request.h"
#include "calibration/request_log.h"

namespace eph::calibration {

Result<MeasuredRun> read_log_folder(const std::string& folder) {
  const auto log = load_request_log(folder);
  if (!log) return log.error();
  MeasuredRun run = blank_run(RecordFile{folder, {}}, 1, "request log folder");
  run.engine = log->engine;
  run.engine_text = models::name(*run.engine);
  run.engine_version = log->engine_version;
  run.gpu = log->gpu;
  run.model = log->model;
  run.dtype = log->dtype;
  run.layout = {.tensor = log->tensor_parallel,
                .pipeline = 1,
                .expert = 1,
                .attention_data = log->data_parallel};
  if (log->expert_parallel) run.layout.expert = log->tensor_parallel * log->data_parallel;
  run.settings.kv_dtype = log->kv_cache_dtype;
  run.settings.max_num_seqs = log->max_num_seqs;
  run.settings.max_num_batched_tokens = log->max_num_batched_tokens;
  // The pool is counted in blocks of 16 tokens, vLLM's default.
  if (log->gpu_blocks) run.settings.kv_blocks = *log->gpu_blocks * log->block_size / 16;
  run.max_model_len = log->max_model_len;
  std::vector<RequestTimes> requests;
  for (const LoggedRequest& r : log->requests) {
    RequestTimes times;
    times.sent_s = r.arrival_s;
    const double arrival = log->arrival_on_engine_clock(r);
    times.ttft_s = r.first_token_s - arrival;
    times.e2e_s = r.last_token_s - arrival;
    times.prompt_tokens = static_cast<std::int32_t>(r.prompt_tokens);
    times.output_tokens = static_cast<std::int32_t>(r.output_tokens);
    requests.push_back(times);
  }
  start_at_zero(requests);
  set_request_figures(requests, run);
  set_rates(requests, span_s(requests), run);
  run.protocol = Protocol::recorded;
  run.load->in_process = true;  // times are the engine's own
  return run;
}

}  // namespace eph::calibration
