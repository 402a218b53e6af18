#include "models/engine_defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace eph::models {
namespace {

bool applies(const EngineRule& rule, const std::optional<EngineVersion>& version,
             const GpuSpec& gpu, const LlmSpec& llm, const Parallelism& layout) {
  // Without a version the newest rules hold: those that are not bounded above.
  if (rule.version_from && version && *version < *rule.version_from) return false;
  if (rule.version_before && (!version || !(*version < *rule.version_before))) return false;
  if (rule.memory_from && gpu.memory < *rule.memory_from) return false;
  if (rule.memory_below && gpu.memory >= *rule.memory_below) return false;
  if (rule.tensor_from && layout.tensor < *rule.tensor_from) return false;
  if (rule.tensor_below && layout.tensor >= *rule.tensor_below) return false;
  if (rule.mla && *rule.mla != llm.is_mla()) return false;
  const std::string name = to_lower(gpu.name);
  return std::none_of(
      rule.gpu_name_without.begin(), rule.gpu_name_without.end(),
      [&name](const std::string& part) { return name.find(to_lower(part)) != std::string::npos; });
}

template <class T>
void take(const std::optional<T>& from, T& to) {
  if (from) to = *from;
}

void apply(const EngineSettings& set, EngineDefaults& out) {
  take(set.max_num_batched_tokens, out.max_num_batched_tokens);
  take(set.max_num_seqs, out.max_num_seqs);
  take(set.chunk_tokens, out.chunk_tokens);
  take(set.max_graph_tokens, out.max_graph_tokens);
  take(set.block_size, out.kv.block_size);
  take(set.chunked_prefill, out.chunked_prefill);
  take(set.async_scheduling, out.async_scheduling);
  take(set.prefix_caching, out.prefix_caching);
  take(set.admit_whole_prompt, out.admit_whole_prompt);
  take(set.memory_fraction, out.kv.memory_fraction);
  take(set.reserved, out.kv.reserved);
}

double static_fraction(const FractionFormula& f, const EngineDefaults& out, const GpuSpec& gpu,
                       const Parallelism& layout, double draft_mib) {
  constexpr double kMib = 1024.0 * 1024.0;
  const double total = std::floor(gpu.memory.as_double() / kMib);
  const double graph = static_cast<double>(out.max_graph_tokens);
  const double chunk = static_cast<double>(out.chunk_tokens);
  double reserved = f.constant + f.per_chunk_token * std::max(chunk, f.min_chunk_tokens) +
                    f.per_graph_token * graph + f.per_gpu * layout.tensor * layout.pipeline;
  if (layout.attention_data > 1)
    reserved += f.per_dp_graph_token * graph * layout.attention_data * (graph > 300 ? 1.5 : 1.0);
  if (total > f.large_gpu) reserved = std::max(reserved, f.large_gpu_floor);
  reserved += draft_mib;
  return std::round((total - reserved) / total * 1000) / 1000;
}

Precision kv_precision(const LlmSpec& llm, bool fp8_with_fp8) {
  const bool fp8 = llm.weights == Precision::fp8 || llm.weights == Precision::fp8_block;
  if (fp8 && fp8_with_fp8) return Precision::fp8;
  return llm.embedding_weights == Precision::fp16 ? Precision::fp16 : Precision::bf16;
}

}  // namespace

bool operator<(const EngineVersion& a, const EngineVersion& b) {
  const std::size_t n = std::max(a.parts.size(), b.parts.size());
  for (std::size_t i = 0; i < n; ++i) {
    const int left = i < a.parts.size() ? a.parts[i] : 0;
    const int right = i < b.parts.size() ? b.parts[i] : 0;
    if (left != right) return left < right;
  }
  return false;
}

std::optional<EngineVersion> parse_version(const std::string& text) {
  EngineVersion version;
  std::string_view rest = text;
  if (!rest.empty() && rest.front() == 'v') rest.remove_prefix(1);
  for (std::string_view part : split(rest, '.')) {
    const std::size_t digits = std::min(part.find_first_not_of("0123456789"), part.size());
    const auto value = parse_int(part.substr(0, digits));
    if (!value || *value > 1'000'000) break;
    version.parts.push_back(static_cast<int>(*value));
    if (digits < part.size()) break;  // "0rc3": the release number ends here
  }
  if (version.parts.empty()) return std::nullopt;
  return version;
}

Result<EngineDefaults> engine_defaults(const EngineSpec& engine, const std::string& version,
                                       const GpuSpec& gpu, const LlmSpec& llm,
                                       const Parallelism& layout, double draft_mib) {
  const auto parsed = parse_version(version);
  if (!parsed && !version.empty())
    return usage_error(fmt::format("\"{}\" is no version of {}", version, display(engine.kind)),
                       "write it as in 0.22.1");
  EngineDefaults out;
  std::optional<FractionFormula> formula;
  bool fp8_with_fp8 = false;
  for (const EngineRule& rule : engine.rules) {
    if (!applies(rule, parsed, gpu, llm, layout)) continue;
    apply(rule.set, out);
    if (rule.set.fraction_formula) formula = rule.set.fraction_formula;
    take(rule.set.fp8_kv_with_fp8_weights, fp8_with_fp8);
  }
  if (formula) out.kv.memory_fraction = static_fraction(*formula, out, gpu, layout, draft_mib);
  out.kv.kv_precision = kv_precision(llm, fp8_with_fp8);
  return out;
}

std::int64_t vllm_max_graph_tokens(std::int64_t max_num_seqs, std::int64_t max_num_batched_tokens) {
  return std::min({2 * max_num_seqs, std::int64_t{512}, max_num_batched_tokens});
}

std::int64_t sglang_max_running_requests(std::int64_t kv_tokens, std::int64_t context_length) {
  const double ratio = static_cast<double>(kv_tokens) /
                       static_cast<double>(std::max<std::int64_t>(1, context_length));
  const auto by_context = static_cast<std::int64_t>(ratio * 512);
  return std::max<std::int64_t>(
      1, std::min(std::clamp<std::int64_t>(by_context, 2048, 4096), kv_tokens / 2));
}

}  // namespace eph::models
