#include "calibration/request_log.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "core/csv.h"
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
  if (log.block_size < 1 || log.tensor_parallel < 1 || log.data_parallel < 1) {
    return row_error(path, json->line(),
                     "block_size, tensor_parallel_size and data_parallel_size must be "
                     "at least 1");
  }
  return {};
}

template <class From, class To>
void override_with(const std::optional<From>& fact, To& value) {
  if (fact) value = static_cast<To>(*fact);
}

void apply(const LogFacts& facts, RequestLog& log) {
  override_with(facts.engine, log.engine);
  override_with(facts.engine_version, log.engine_version);
  override_with(facts.gpu, log.gpu);
  override_with(facts.model, log.model);
  override_with(facts.dtype, log.dtype);
  override_with(facts.tensor_parallel, log.tensor_parallel);
  override_with(facts.data_parallel, log.data_parallel);
  override_with(facts.max_num_seqs, log.max_num_seqs);
  override_with(facts.max_num_batched_tokens, log.max_num_batched_tokens);
  override_with(facts.max_model_len, log.max_model_len);
  override_with(facts.block_size, log.block_size);
  if (facts.kv_blocks) log.gpu_blocks = facts.kv_blocks;
}

Result<LoggedRequest> read_request(std::string_view line, const std::string& path,
                                   std::int64_t number) {
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
    out = value != nullptr ? value->as_double() : std::numeric_limits<double>::quiet_NaN();
    return value != nullptr;
  };
  const bool complete = time("arrival_time", request.arrival_s) &&
                        time("first_token_ts", request.first_token_s) &&
                        time("last_token_ts", request.last_token_s);
  if (!complete) {
    return row_error(path, number,
                     "a request needs arrival_time, first_token_ts and last_token_ts as numbers");
  }
  (void)time("queued_ts", request.queued_s);
  (void)time("scheduled_ts", request.scheduled_s);
  if (request.last_token_s < request.first_token_s) {
    return row_error(path, number, "last_token_ts lies before first_token_ts");
  }
  return request;
}

// Either every request has queued_ts or none has: else arrivals would be on two clocks.
Result<double> clock_offset(const std::vector<LoggedRequest>& requests, const std::string& path) {
  double offset = std::numeric_limits<double>::infinity();
  const bool logged = !std::isnan(requests.front().queued_s);
  for (const LoggedRequest& r : requests) {
    if (std::isnan(r.queued_s) == logged) {
      return row_error(path, r.line, "queued_ts is there for some requests and not for others");
    }
    if (logged) offset = std::min(offset, r.queued_s - r.arrival_s);
  }
  return logged ? offset : 0.0;
}

Result<void> check_order(const RequestLog& log, const std::string& path) {
  for (const LoggedRequest& r : log.requests) {
    if (r.first_token_s < log.arrival_on_engine_clock(r)) {
      return row_error(path, r.line, "first_token_ts lies before the arrival",
                       "give all times on one clock, or queued_ts on the clock of first_token_ts");
    }
  }
  return {};
}

// What a log of lengths cannot show: which prompts begin alike.
Result<void> add_prefixes(const std::string& path, RequestLog& log) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  std::map<std::string, std::size_t, std::less<>> by_id;
  for (std::size_t i = 0; i < log.requests.size(); ++i) by_id.emplace(log.requests[i].id, i);
  std::map<std::string, std::uint32_t, std::less<>> groups;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const auto found = by_id.find(table->text(row, "request_id"));
    if (found == by_id.end()) {
      return row_error(
          path, table->line(row),
          fmt::format("no request of the log is called \"{}\"", table->text(row, "request_id")),
          "give request_id as requests.jsonl has it");
    }
    LoggedRequest& request = log.requests[found->second];
    const auto tokens = table->integer(row, "prefix_tokens");
    if (!tokens) return tokens.error();
    const std::string group(table->text(row, "prefix_group"));
    if (group.empty() || tokens->value_or(0) < 1 || **tokens > request.prompt_tokens) {
      return row_error(
          path, table->line(row),
          fmt::format("a row needs prefix_group and prefix_tokens of 1 to the {} of the prompt",
                      request.prompt_tokens));
    }
    if (request.prefix_tokens > 0)
      return row_error(path, table->line(row), fmt::format("{} stands twice", request.id));
    request.prefix_group =
        groups.emplace(group, static_cast<std::uint32_t>(groups.size())).first->second;
    request.prefix_tokens = **tokens;
  }
  return {};
}

}  // namespace

bool is_request_log(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) &&
         std::filesystem::exists(path + "/requests.jsonl", ignored);
}

Result<RequestLog> load_request_log(const std::string& folder, const LogFacts& facts) {
  RequestLog log;
  log.folder = folder;
  // What the command line says may replace the file altogether.
  if (std::filesystem::exists(folder + "/meta.json") || !facts.model) {
    if (auto ok = read_meta(log); !ok) return ok.error();
  } else {
    log.dtype = "bfloat16";
    log.kv_cache_dtype = "auto";
  }
  apply(facts, log);
  if (log.model.empty()) {
    return usage_error(folder + "/meta.json names no model", "give it with --model NAME");
  }
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
  if (log.requests.empty()) {
    return row_error(path, 1, "the log holds no requests",
                     "give a line for each request that finished");
  }
  const auto offset = clock_offset(log.requests, path);
  if (!offset) return offset.error();
  log.clock_offset_s = *offset;
  std::stable_sort(log.requests.begin(), log.requests.end(),
                   [](const auto& a, const auto& b) { return a.arrival_s < b.arrival_s; });
  if (auto ok = check_order(log, path); !ok) return ok.error();
  if (!facts.prefixes.empty()) {
    if (auto ok = add_prefixes(facts.prefixes, log); !ok) return ok.error();
  }
  return log;
}

}  // namespace eph::calibration
