#include "calibration/layer_profile.h"

#include <filesystem>
#include <map>

#include "calibration/row_cells.h"

namespace eph::calibration {
namespace {

using models::BatchShape;

// Two norms in each layer of a pre-norm decoder; the table times one.
constexpr double kNormsPerLayer = 2;

double times_per_layer(const std::string& layer) { return layer == "layernorm" ? kNormsPerLayer : 1.0; }

bool runs_once(const std::string& layer) { return layer == "embedding" || layer == "final_layernorm"; }

void add_sums(const std::map<std::int64_t, double>& sums, RaggedGrid& grid) {
  for (const auto& [tokens, us] : sums) grid.add(0, static_cast<double>(tokens), us);
}

// 2 x 2 normal equations of c1 a_i + c2 b_i = 1, with a, b the parts over the measured whole.
struct PartFit {
  double aa = 0, ab = 0, bb = 0, a = 0, b = 0;
  void add(double part_a, double part_b) {
    aa += part_a * part_a;
    ab += part_a * part_b;
    bb += part_b * part_b;
    a += part_a;
    b += part_b;
  }
  void solve(double& c1, double& c2) const {
    const double determinant = aa * bb - ab * ab;
    if (!(determinant > 1e-9 * aa * bb)) return;
    c1 = (a * bb - b * ab) / determinant;
    c2 = (b * aa - a * ab) / determinant;
  }
};

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
  if (!require_columns(*table, {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"}, faults)) {
    return faults.combined();
  }
  struct Mixed {
    double chunk, past, sequences, context, us;
  };
  std::vector<Mixed> mixed;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    RowCells cells(*table, row, faults);
    const auto axis = [&](std::string_view column) { return static_cast<double>(cells.integer(column, 0)); };
    const Mixed m{axis("prefill_chunk"), axis("kv_prefill"), axis("n_decode"), axis("kv_decode"),
                  cells.positive("time_us").value_or(0)};
    if (m.sequences > 0 && m.chunk > 0) {
      mixed.push_back(m);
    } else if (m.chunk > 0) {
      chunk_attention_.add(m.chunk, m.past, m.us);
    } else if (m.sequences > 0) {
      decode_attention_.add(m.sequences, m.context, m.us);
    }
  }
  if (!faults.ok()) return faults.combined();
  if (chunk_attention_.empty() || decode_attention_.empty()) return io_error(path, "no attention times");
  PartFit parts;
  for (const Mixed& m : mixed) {
    parts.add(chunk_attention_.at(m.chunk, m.past) / m.us, decode_attention_.at(m.sequences, m.context) / m.us);
  }
  parts.solve(chunk_factor_, decode_factor_);
  return {};
}

Result<std::unique_ptr<LayerProfileModel>> LayerProfileModel::load(const std::string& folder, int layers) {
  if (std::filesystem::exists(folder + "/moe.csv")) {
    return usage_error("layer profiles of mixture-of-experts models are not composed by this version");
  }
  auto model = std::make_unique<LayerProfileModel>();
  model->layers_ = layers;
  if (auto ok = model->read_dense(folder + "/dense.csv"); !ok) return ok.error();
  if (auto ok = model->read_attention(folder + "/attention.csv"); !ok) return ok.error();
  if (auto ok = model->read_per_sequence(folder + "/per_sequence.csv"); !ok) return ok.error();
  return Result<std::unique_ptr<LayerProfileModel>>(std::move(model));
}

double LayerProfileModel::chunk_us(const BatchShape& shape) const noexcept {
  if (shape.prefill_seqs == 0) return 0;
  const double chunks = shape.prefill_seqs;
  const double tokens = static_cast<double>(shape.prefill_tokens) / chunks;
  const double past = static_cast<double>(shape.prefill_context_tokens) / chunks;
  // One launch serves all chunks: its fixed part, the smallest time of the table, counts once.
  const double fixed = chunk_attention_.smallest();
  return fixed + chunks * (chunk_attention_.at(tokens, past) - fixed);
}

double LayerProfileModel::decode_us(const BatchShape& shape) const noexcept {
  if (shape.decode_seqs == 0) return 0;
  const double sequences = shape.decode_seqs;
  return decode_attention_.at(sequences, static_cast<double>(shape.decode_context_tokens) / sequences);
}

models::StepBreakdown LayerProfileModel::explain(const BatchShape& shape) const {
  const bool is_mixed = shape.prefill_seqs > 0 && shape.decode_seqs > 0;
  const double tokens = static_cast<double>(shape.tokens());
  models::StepBreakdown out;
  out.attention_prefill = 1e-6 * layers_ * (is_mixed ? chunk_factor_ : 1.0) * chunk_us(shape);
  out.attention_decode = 1e-6 * layers_ * (is_mixed ? decode_factor_ : 1.0) * decode_us(shape);
  out.gemm = 1e-6 * layers_ * per_layer_.at(0, tokens);
  out.overhead = 1e-6 * once_.at(0, tokens);
  if (shape.sampled_seqs > 0) out.overhead += 1e-6 * per_sequence_.at(0, shape.sampled_seqs);
  out.gpu = out.attention_prefill + out.attention_decode + out.gemm + out.overhead;
  out.total = out.gpu;
  return out;
}

double LayerProfileModel::seconds(const BatchShape& shape) const noexcept { return explain(shape).total; }

}  // namespace eph::calibration
