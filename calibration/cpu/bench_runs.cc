#include "calibration/cpu/bench_runs.h"

#include <algorithm>
#include <map>
#include <optional>

#include "calibration/row_cells.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

// "q4", "q4_k_m", "q8_0": a q, a digit, and whatever follows of it.
bool is_format(std::string_view word) {
  return word.size() >= 2 && word[0] == 'q' && word[1] >= '1' && word[1] <= '8' &&
         (word.size() == 2 || word[2] == '_');
}

class ModelSizes {
 public:
  explicit ModelSizes(const models::Catalog& catalog) : catalog_(catalog) {}

  struct Entry {
    std::string name, precision;
    std::optional<models::CpuModelSize> size;
    double hidden = 0;
    std::string fault;
  };
  const Entry& of(const std::string& file, double bytes) {
    const auto known = known_.find(file);
    return known != known_.end() ? known->second : known_[file] = load(file, bytes);
  }

 private:
  Entry load(const std::string& file, double bytes) const {
    Entry out;
    const GgufName name = parse_gguf_name(file);
    const auto precision = models::parse_precision(name.precision);
    const auto llm = catalog_.llm(name.model);
    if (!llm || !precision) {
      out.fault = llm ? "the number format is not known: " + file : llm.error().what;
      return out;
    }
    out.name = llm->name;
    out.precision = std::string(models::name(*precision));
    out.size.emplace(models::with_weights(*llm, *precision), models::Precision::fp16, bytes);
    out.hidden = llm->hidden;
    return out;
  }

  const models::Catalog& catalog_;
  std::map<std::string, Entry> known_;
};

// Work of a token: of a whole prompt over its tokens; of a generation at its mean context.
models::CpuWork work_of(const models::CpuModelSize& size, std::int64_t n, bool prompt,
                        std::int64_t ubatch) {
  models::BatchShape shape;
  if (prompt) {
    shape.add_chunk(n, 0, true);
  } else {
    shape.add_decode((n - 1) / 2);
  }
  models::CpuWork work = size.work(shape, ubatch);
  if (!prompt) return work;
  const auto tokens = static_cast<double>(n);
  for (double* part : {&work.layer_passes, &work.bytes, &work.linear_flops, &work.head_flops,
                       &work.attention_flops, &work.attention_heads, &work.kv_bytes})
    *part /= tokens;
  return work;
}

void place_on_gpu(const models::Catalog& catalog, const std::string& text, BenchRow& row) {
  if (text.find(',') != std::string::npos) {
    row.left_out = "spread over several GPUs";
    return;
  }
  const auto gpu = catalog.gpu(text);
  row.kind = gpu ? gpu->name : text;
  row.cls = "cuda";
  row.cores = 1;
  if (!gpu) row.left_out = "its GPU is not in the catalogue: " + text;
}

BenchRow read_row(RowCells& cells, const std::vector<models::CpuKind>& kinds,
                  const models::Catalog& catalog, ModelSizes& sizes) {
  BenchRow row;
  row.cloud = cells.text("vendor");
  row.machine = cells.text("instance");
  row.tokens_per_s = cells.positive("avg_ts").value_or(0);
  const double bytes = row.model_bytes = cells.positive("model_size").value_or(0);
  const std::int64_t prompt = cells.integer("n_prompt", 0), output = cells.integer("n_gen", 0);
  const std::int64_t ubatch = cells.integer("n_ubatch", 1);
  row.cores = static_cast<int>(cells.integer("n_threads", 1));
  row.prompt = prompt > 0;
  if (cells.integer("n_gpu_layers", 0) > 0) {
    place_on_gpu(catalog, cells.text("gpu"), row);
  } else if (const models::CpuKind* kind = models::find_cpu_kind(kinds, row.cloud, row.machine)) {
    row.kind = kind->name;
    row.cls = kind->vector;
  } else {
    row.left_out = "its processor is not in the catalogue";
  }
  const ModelSizes::Entry& model = sizes.of(cells.text("model"), bytes);
  row.model = model.name;
  row.precision = model.precision;
  row.hidden = model.hidden;
  if (!model.size) {
    row.left_out = model.fault;
  } else if ((prompt > 0) == (output > 0)) {
    row.left_out = "neither a prompt nor a generation alone";
  } else {
    row.work = work_of(*model.size, std::max(prompt, output), row.prompt, ubatch);
  }
  if (!(row.tokens_per_s > 0)) row.left_out = "no speed";
  return row;
}

void leave_out_tiny_kinds(std::vector<BenchRow>& rows) {
  constexpr double kTelling = 1e9;
  std::map<std::string, double> largest;
  for (const BenchRow& row : rows) {
    if (!row.left_out.empty()) continue;
    double& bytes = largest[row.kind];
    bytes = std::max(bytes, row.model_bytes);
  }
  for (BenchRow& row : rows) {
    if (row.left_out.empty() && largest[row.kind] < kTelling)
      row.left_out = "only models below 1 GB were measured on " + row.kind;
  }
}

}  // namespace

GgufName parse_gguf_name(std::string_view file) {
  std::string text = to_lower(file);
  if (text.ends_with(".gguf")) text.resize(text.size() - 5);
  for (std::size_t i = text.size(); i-- > 1;) {
    const bool starts = text[i - 1] == '-' || text[i - 1] == '.';
    if (!starts || !is_format(std::string_view(text).substr(i))) continue;
    std::string format = text.substr(i);
    if (format.size() == 2) format += "_k_m";  // what llama-quantize recommends and means by it
    return {std::string(file.substr(0, i - 1)), format};
  }
  return {std::string(file.substr(0, text.size())), ""};
}

bool is_bench_runs(const CsvTable& table) {
  for (const char* column : {"instance", "model_size", "n_prompt", "n_gen", "avg_ts"}) {
    if (!table.column(column)) return false;
  }
  return true;
}

Result<BenchTable> read_bench_runs(CsvTable table, const models::Catalog& catalog) {
  Diagnostics faults;
  if (!require_columns(table,
                       {"vendor", "instance", "model", "model_size", "n_prompt", "n_gen",
                        "n_threads", "n_gpu_layers", "n_ubatch", "avg_ts"},
                       faults))
    return faults.combined();
  const auto kinds = catalog.cpu_kinds();
  if (!kinds) return kinds.error();
  ModelSizes sizes(catalog);
  BenchTable out;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    RowCells cells(table, i, faults);
    out.rows.push_back(read_row(cells, *kinds, catalog, sizes));
  }
  if (!faults.ok()) return faults.combined();
  leave_out_tiny_kinds(out.rows);
  out.table = std::move(table);
  return out;
}

}  // namespace eph::calibration
