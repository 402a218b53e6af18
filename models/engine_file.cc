#include "models/engine_file.h"

#include <fmt/format.h>

#include "core/json_doc.h"
#include "core/reader.h"

namespace eph::models {
namespace {

std::optional<EngineVersion> version(Reader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  const std::string text = reader.string(key);
  auto parsed = parse_version(text);
  if (!parsed)
    reader.fault(key, fmt::format("\"{}\" is no version", text), "write it as in \"0.22.1\"");
  return parsed;
}

std::optional<std::int64_t> integer(Reader& reader, std::string_view key, std::int64_t min) {
  if (!reader.has(key)) return std::nullopt;
  return reader.integer(key, {.min = min});
}

std::optional<int> degree(Reader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return static_cast<int>(reader.integer(key, {.min = 1, .max = 1024}));
}

std::optional<bool> boolean(Reader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.boolean(key);
}

std::optional<Bytes> bytes(Reader& reader, std::string_view key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.bytes(key);
}

void read_conditions(Reader&& when, EngineRule& rule) {
  rule.version_from = version(when, "version_from");
  rule.version_before = version(when, "version_before");
  rule.memory_from = bytes(when, "memory_from");
  rule.memory_below = bytes(when, "memory_below");
  rule.gpu_name_without = when.strings("gpu_name_without", false);
  rule.tensor_from = degree(when, "tensor_from");
  rule.tensor_below = degree(when, "tensor_below");
  rule.mla = boolean(when, "mla");
  when.finish();
}

FractionFormula read_formula(Reader&& from) {
  FractionFormula formula;
  formula.constant = from.number("constant");
  formula.per_chunk_token = from.number("per_chunk_token");
  formula.min_chunk_tokens = from.number("min_chunk_tokens");
  formula.per_graph_token = from.number("per_graph_token");
  formula.per_gpu = from.number("per_gpu");
  formula.per_dp_graph_token = from.number("per_dp_graph_token");
  formula.large_gpu = from.number("large_gpu");
  formula.large_gpu_floor = from.number("large_gpu_floor");
  from.finish();
  return formula;
}

void read_settings(Reader&& from, EngineSettings& set) {
  set.max_num_batched_tokens = integer(from, "max_num_batched_tokens", 1);
  set.max_num_seqs = integer(from, "max_num_seqs", 1);
  set.chunk_tokens = integer(from, "chunk_tokens", 0);
  set.max_graph_tokens = integer(from, "max_graph_tokens", 0);
  set.block_size = integer(from, "block_size", 1);
  set.chunked_prefill = boolean(from, "chunked_prefill");
  set.async_scheduling = boolean(from, "async_scheduling");
  set.prefix_caching = boolean(from, "prefix_caching");
  set.admit_whole_prompt = boolean(from, "admit_whole_prompt");
  set.fp8_kv_with_fp8_weights = boolean(from, "fp8_kv_with_fp8_weights");
  if (from.has("memory_fraction"))
    set.memory_fraction = from.number("memory_fraction", {.min = 0.01, .max = 1});
  set.reserved = bytes(from, "reserved");
  if (from.has("fraction_formula"))
    set.fraction_formula = read_formula(from.object("fraction_formula"));
  from.finish();
}

}  // namespace

Result<EngineSpec> load_engine_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  EngineSpec spec;
  root.integer("version", {.min = 1, .max = 1});
  const std::string name = root.string("name");
  if (const auto kind = parse_engine(name))
    spec.kind = *kind;
  else if (!name.empty())
    root.fault("name", fmt::format("\"{}\" is no engine", name),
               "one of: vllm, sglang, trtllm, llamacpp");
  root.string("about");
  for (Reader& item : root.objects("rules")) {
    EngineRule rule;
    if (item.has("when")) read_conditions(item.object("when"), rule);
    read_settings(item.object("set"), rule.set);
    item.strings("sources");
    item.boolean("verified");
    item.finish();
    spec.rules.push_back(std::move(rule));
  }
  root.finish();
  if (!faults.ok()) return faults.combined();
  return spec;
}

}  // namespace eph::models
