#include "calibration/request_log.h"

#include <algorithm>
#include <filesystem>

#include "core/json_doc.h"
#include "core/line_source.h"

namespace eph::calibration {
namespace {

const Json* find_number(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->is_number() ? value : nullptr;
}

std::int64_t integer_or(const Json& object, std::string_view path, std::int64_t fallback) {
  const Json* value = object.at_path(path);
  return value != nullptr && value->type() == Json::Type::integer ? value->as_int() : fallback;
}

std::string text_or(const Json& object, std::string_view path, std::string fallback) {
  const Json* value = object.at_path(path);
  return value != nullptr && value->is_string() ? value->as_string() : fallback;
}

bool flag_or(const Json& object, std::string_view path, bool fallback) {
  const Json* value = object.at_path(path);
  return value != nullptr && value->type() == Json::Type::boolean ? value->as_bool() : fallback;
}

Result<void> read_meta(RequestLog& log) {
  const std::string path = log.folder + "/meta.json";
  const auto json = load_json(path, {.allow_special_numbers = true});
  if (!json) return json.error();
  log.model = text_or(*json, "model", "");
  if (log.model.empty()) return row_error(path, json->line(), "no \"model\"", "name the model that was served");
  log.engine_version = text_or(*json, "vllm_version", "");
  log.gpu = text_or(*json, "hardware/device_name", "");
  log.max_num_seqs = integer_or(*json, "engine/max_num_seqs", 0);
  log.max_num_batched_tokens = integer_or(*json, "engine/max_num_batched_tokens", 0);
  log.max_model_len = integer_or(*json, "engine/max_model_len", 0);
  log.tensor_parallel = static_cast<int>(integer_or(*json, "engine/tensor_parallel_size", 1));
  log.data_parallel = static_cast<int>(integer_or(*json, "engine/data_parallel_size", 1));
  log.expert_parallel = flag_or(*json, "engine/enable_expert_parallel", false);
  log.dtype = text_or(*json, "engine/dtype", "bfloat16");
  log.kv_cache_dtype = text_or(*json, "engine/kv_cache_dtype", "auto");
  const std::int64_t blocks = integer_or(*json, "kv_cache/num_gpu_blocks", 0);
  if (blocks > 0) log.gpu_blocks = blocks;
  log.block_size = integer_or(*json, "kv_cache/block_size", 16);
  log.prefix_caching = flag_or(*json, "kv_cache/enable_prefix_caching", true);
  if (log.max_num_seqs < 1 || log.max_num_batched_tokens < 1) {
    return row_error(path, json->line(), "engine/max_num_seqs and engine/max_num_batched_tokens are needed",
                     "give the engine's settings of the run");
  }
  return {};
}

Result<LoggedRequest> read_request(std::string_view line, const std::string& path, std::int64_t number) {
  const auto json = parse_json(line, path, {.allow_special_numbers = true});
  if (!json) {
    Error error = json.error();
    error.place.line = number;
    return error;
  }
  LoggedRequest request;
  request.line = number;
  request.id = text_or(*json, "request_id", std::to_string(number));
  request.prompt_tokens = integer_or(*json, "input_toks", 0);
  request.output_tokens = integer_or(*json, "output_toks", 0);
  if (request.prompt_tokens < 1 || request.output_tokens < 1) {
    return row_error(path, number, "input_toks and output_toks must be at least 1");
  }
  const auto time = [&](std::string_view key, double& out) {
    const Json* value = find_number(*json, key);
    if (value != nullptr) out = value->as_double();
    return value != nullptr;
  };
  if (!time("arrival_time", request.arrival_s) || !time("queued_ts", request.queued_s) ||
      !time("scheduled_ts", request.scheduled_s) || !time("first_token_ts", request.first_token_s) ||
      !time("last_token_ts", request.last_token_s)) {
    return row_error(path, number, "a request needs arrival_time, queued_ts, scheduled_ts, first_token_ts "
                                   "and last_token_ts as numbers");
  }
  return request;
}

double clock_offset(const std::vector<LoggedRequest>& requests) {
  double offset = requests.front().queued_s - requests.front().arrival_s;
  for (const LoggedRequest& r : requests) offset = std::min(offset, r.queued_s - r.arrival_s);
  return offset;
}

}  // namespace

bool is_request_log(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) &&
         std::filesystem::exists(path + "/requests.jsonl", ignored);
}

Result<RequestLog> load_request_log(const std::string& folder) {
  RequestLog log;
  log.folder = folder;
  if (auto ok = read_meta(log); !ok) return ok.error();
  const std::string path = folder + "/requests.jsonl";
  auto source = LineSource::open(path);
  if (!source) return source.error();
  std::string_view line;
  while (true) {
    const auto more = source->next(line);
    if (!more) return more.error();
    if (!*more) break;
    if (line.empty()) continue;
    auto request = read_request(line, path, source->line_number());
    if (!request) return request.error();
    log.requests.push_back(std::move(*request));
  }
  if (log.requests.empty()) return io_error(path, "no requests");
  log.clock_offset_s = clock_offset(log.requests);
  std::stable_sort(log.requests.begin(), log.requests.end(),
                   [](const auto& a, const auto& b) { return a.arrival_s < b.arrival_s; });
  return log;
}

}  // namespace eph::calibration
