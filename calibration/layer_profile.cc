#include "calibration/layer_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>

#include "calibration/row_cells.h"
#include "models/op_times.h"

namespace eph::calibration {
namespace {

using models::BatchShape;

// Two norms in each layer of a pre-norm decoder; the table times one.
constexpr double kNormsPerLayer = 2;
// Without peer access, as on GeForce and RTX PRO boards, an all-reduce goes through host memory: a
// quarter of the link instead of the half of MODEL eq. 8.
constexpr double kHostStagedEfficiency = 0.25;

double times_per_layer(const std::string& layer) {
  return layer == "layernorm" ? kNormsPerLayer : 1.0;
}

bool runs_once(const std::string& layer) {
  return layer == "embedding" || layer == "final_layernorm";
}

void add_sums(const std::map<std::int64_t, double>& sums, RaggedGrid& grid) {
  for (const auto& [tokens, us] : sums) grid.add({static_cast<double>(tokens)}, us);
}

// CUDA-graph size of a batch of decodes (MODEL eq. 11); beyond the graphs it stays as it is.
std::int64_t padded(std::int64_t sequences) {
  if (sequences <= 2) return sequences;
  if (sequences <= 4) return 4;
  const std::int64_t step = sequences <= 256 ? 8 : 16;
  return (sequences + step - 1) / step * step;
}

}  // namespace

Result<void> LayerProfileModel::read_dense(const std::string& path) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  Diagnostics faults;
  if (!require_columns(*table, {"layer", "tokens", "time_us"}, faults)) return faults.combined();
  std::map<std::int64_t, double> per_layer, once;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    RowCells cells(*table, row, faults);
    const std::string layer = cells.text("layer");
    const double us = cells.positive("time_us").value_or(0);
    const std::int64_t tokens = cells.integer("tokens", 1);
    if (runs_once(layer)) {
      once[tokens] += us;
    } else {
      per_layer[tokens] += times_per_layer(layer) * us;
    }
  }
  if (!faults.ok()) return faults.combined();
  if (per_layer.empty() || once.empty()) return io_error(path, "no layer times");
  add_sums(per_layer, per_layer_);
  add_sums(once, once_);
  return {};
}

Result<void> LayerProfileModel::read_experts(const std::string& path) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  Diagnostics faults;
  if (!require_columns(*table, {"tokens", "activated_experts", "time_us"}, faults))
    return faults.combined();
  for (std::size_t row = 0; row < table->rows(); ++row) {
    RowCells cells(*table, row, faults);
    const auto tokens = static_cast<double>(cells.integer("tokens", 1));
    const auto activated = static_cast<double>(cells.integer("activated_experts", 1));
    experts_.add({tokens, activated}, cells.positive("time_us").value_or(0));
  }
  if (!faults.ok()) return faults.combined();
  if (experts_.empty()) return io_error(path, "no times of experts");
  return {};
}

Result<void> LayerProfileModel::read_per_sequence(const std::string& path) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  Diagnostics faults;
  if (!require_columns(*table, {"layer", "sequences", "time_us"}, faults)) return faults.combined();
  std::map<std::int64_t, double> sums;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    RowCells cells(*table, row, faults);
    sums[cells.integer("sequences", 1)] += cells.positive("time_us").value_or(0);
  }
  if (!faults.ok()) return faults.combined();
  if (sums.empty()) return io_error(path, "no times per sequence");
  add_sums(sums, per_sequence_);
  return {};
}

Result<void> LayerProfileModel::read_attention(const std::string& path) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  Diagnostics faults;
  if (!require_columns(*table, {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"},
                       faults)) {
    return faults.combined();
  }
  for (std::size_t row = 0; row < table->rows(); ++row) {
    RowCells cells(*table, row, faults);
    const auto axis = [&](std::string_view column) {
      return static_cast<double>(cells.integer(column, 0));
    };
    const double chunk = axis("prefill_chunk"), past = axis("kv_prefill");
    const double sequences = axis("n_decode"), context = axis("kv_decode");
    const double us = cells.positive("time_us").value_or(0);
    if (sequences > 0 && chunk > 0) {
      mixed_attention_.add({sequences, context, past, chunk}, us);
    } else if (chunk > 0) {
      chunk_attention_.add({chunk, past}, us);
    } else if (sequences > 0) {
      decode_attention_.add({sequences, context}, us);
    }
  }
  if (!faults.ok()) return faults.combined();
  if (chunk_attention_.empty() || decode_attention_.empty())
    return io_error(path, "no attention times");
  set_serial_time();
  return {};
}

// A chunk's kernel never splits the KV of a sequence. With the smallest chunk and one decode, what
// each KV token adds is the time of one thread block that walks through it.
void LayerProfileModel::set_serial_time() {
  constexpr double kLow = 2048, kHigh = 8192;
  if (mixed_attention_.empty()) return;
  const double rise =
      mixed_attention_.at({1, kHigh, 0, 16}) - mixed_attention_.at({1, kLow, 0, 16});
  serial_us_ = std::max(0.0, rise / (kHigh - kLow));
}

Result<std::unique_ptr<LayerProfileModel>> LayerProfileModel::load(
    const std::string& folder, const models::StepContext& context) {
  auto model = std::make_unique<LayerProfileModel>();
  model->context_ = context;
  if (context.llm.is_moe() != std::filesystem::exists(folder + "/moe.csv")) {
    return usage_error(fmt::format("{} {} experts, but {} has {}moe.csv", context.llm.name,
                                   context.llm.is_moe() ? "has" : "has no", folder,
                                   context.llm.is_moe() ? "no " : ""),
                       "give the layer profile of the model that was served");
  }
  if (auto ok = model->read_dense(folder + "/dense.csv"); !ok) return ok.error();
  if (auto ok = model->read_attention(folder + "/attention.csv"); !ok) return ok.error();
  if (auto ok = model->read_per_sequence(folder + "/per_sequence.csv"); !ok) return ok.error();
  if (context.llm.is_moe()) {
    if (auto ok = model->read_experts(folder + "/moe.csv"); !ok) return ok.error();
  }
  return Result<std::unique_ptr<LayerProfileModel>>(std::move(model));
}

double LayerProfileModel::attention_us(const BatchShape& shape, double& chunks_part) const {
  const double sequences = shape.decode_seqs;
  const double context =
      shape.decode_seqs > 0 ? static_cast<double>(shape.decode_context_tokens) / sequences : 0;
  chunks_part = 0;
  if (shape.prefill_seqs == 0) {
    return shape.decode_seqs > 0 ? decode_attention_.at({sequences, context}) : 0;
  }
  // Equal chunks with the same sums: tokens P, past Y, pairs X = P (Y + P / 2) / n.
  const auto tokens = static_cast<double>(shape.prefill_tokens),
             past = static_cast<double>(shape.prefill_context_tokens);
  const double pairs = static_cast<double>(shape.prefill_pairs);
  const double most = shape.prefill_seqs;
  const double n = std::clamp(tokens * (past + (tokens + most) / 2) / pairs, 1.0, most);
  const double alone = chunk_attention_.at({tokens / n, past / n});
  const double others = (n - 1) * (alone - chunk_attention_.smallest());
  chunks_part = alone + others;
  if (shape.decode_seqs == 0) return chunks_part;
  if (mixed_attention_.empty()) return chunks_part + decode_attention_.at({sequences, context});
  const double mixed = mixed_attention_.at({sequences, context, past / n, tokens / n}) + others;
  chunks_part = std::min(chunks_part, mixed);
  return mixed;
}

// Experts of the rank that some token picks, choices independent; with data-parallel attention the
// tokens of all ranks meet in the experts, and the other ranks are taken to be as busy as this one.
double LayerProfileModel::experts_us(double tokens) const {
  const auto& moe = context_.llm.moe;
  models::MoeSize size;
  size.experts = moe.experts;
  size.per_token = moe.experts_per_token;
  size.expert_ranks = context_.layout.expert;
  const double all = tokens * context_.layout.attention_data;
  return experts_.at({all, std::max(1.0, models::active_experts(size, all))});
}

// A step with chunks, and one of decodes alone whose thread blocks fill the GPU, does not split the
// KV of a sequence (FlashAttention 2: split-KV is for steps of one query each;
// num_splits_heuristic: 0.8 of two blocks per multiprocessor). Sequences then share the memory's
// bandwidth evenly until so few remain that each runs at its own pace: the longest ends later than
// the bandwidth alone would have it (MODEL eq. 23).
double LayerProfileModel::long_tail_us(const BatchShape& shape,
                                       std::span<const std::int32_t> contexts) const {
  if (shape.decode_seqs < 2 || serial_us_ <= 0) return 0;
  const int kv_heads = std::max(1, context_.llm.kv_heads / context_.layout.tensor);
  const auto blocks = static_cast<double>(padded(shape.decode_seqs) * kv_heads);
  if (shape.prefill_seqs == 0 && blocks < 0.8 * 2 * context_.gpu.sm_count) return 0;
  const double n = shape.decode_seqs, mean = static_cast<double>(shape.decode_context_tokens) / n;
  const double rise = decode_attention_.at({n, 1.1 * mean}) - decode_attention_.at({n, 0.9 * mean});
  const double shared_us = rise / (0.2 * mean * n);  // per KV token when bandwidth is shared
  if (shared_us <= 0 || serial_us_ / shared_us >= n) return 0;
  constexpr std::size_t kMost = 64;
  std::array<std::int32_t, kMost> longest{};
  const auto few = std::min(static_cast<std::size_t>(serial_us_ / shared_us),
                            std::min(contexts.size(), kMost) - 1);
  const auto end = std::partial_sort_copy(contexts.begin(), contexts.end(), longest.begin(),
                                          longest.begin() + static_cast<std::ptrdiff_t>(few + 1),
                                          std::greater<>());
  const double common = *(end - 1);
  double saved = 0;
  for (std::size_t i = 0; i < few; ++i) saved += longest[i] - common;
  return std::max(0.0, serial_us_ * (longest[0] - common) - shared_us * saved);
}

models::StepBreakdown LayerProfileModel::explain(const BatchShape& shape) const {
  const auto tokens = static_cast<double>(shape.tokens());
  const double layers = 1e-6 * context_.llm.layers;
  models::StepBreakdown out;
  double chunks = 0;
  const double attention = attention_us(shape, chunks);
  out.attention_prefill = layers * chunks;
  out.attention_decode = layers * (attention - chunks);
  out.gemm = layers * per_layer_.at_or_above(tokens);
  if (!experts_.empty()) out.moe = layers * experts_us(tokens);
  models::CommunicationConstants links = context_.operators.communication;
  links.pcie_efficiency = kHostStagedEfficiency;
  const int ranks =
      context_.layout.tensor * (experts_.empty() ? 1 : context_.layout.attention_data);
  const double bytes = 2.0 * context_.llm.hidden * tokens;
  out.communication =
      context_.llm.layers *
      (models::allreduce_seconds(links, context_.gpu, context_.layout.tensor, bytes) +
       models::allreduce_seconds(links, context_.gpu, ranks,
                                 bytes * context_.layout.attention_data));
  out.overhead = 1e-6 * once_.at_or_above(tokens);
  if (shape.sampled_seqs > 0) out.overhead += 1e-6 * per_sequence_.at_or_above(shape.sampled_seqs);
  out.gpu = out.attention_prefill + out.attention_decode + out.gemm + out.moe + out.communication +
            out.overhead;
  out.total = out.gpu;
  return out;
}

double LayerProfileModel::seconds(const BatchShape& shape) const noexcept {
  return explain(shape).total;
}

double LayerProfileModel::seconds_with(const BatchShape& shape,
                                       std::span<const std::int32_t> contexts) const noexcept {
  return seconds(shape) + 1e-6 * context_.llm.layers * long_tail_us(shape, contexts);
}

}  // namespace eph::calibration
