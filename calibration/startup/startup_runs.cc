#include "calibration/startup/startup_runs.h"

#include <algorithm>
#include <map>
#include <set>

#include "calibration/row_cells.h"
#include "models/memory.h"

namespace eph::calibration {
namespace {

constexpr const char* kPrecededByFailures =
    "its earlier starts are missing, so the download was partly done";

struct Weights {
  std::string name;
  double bytes = 0;
  int layers = 0;
};

class ModelFacts {
 public:
  explicit ModelFacts(const models::Catalog& catalog) : catalog_(catalog) {}
  Result<Weights> of(const std::string& model) {
    const auto known = known_.find(model);
    if (known != known_.end()) return known->second;
    const auto llm = catalog_.llm(model);
    if (!llm) return llm.error();
    return known_[model] = {llm->name, models::weight_bytes(*llm).as_double(), llm->layers};
  }

 private:
  const models::Catalog& catalog_;
  std::map<std::string, Weights> known_;
};

// A GPU that the catalogue does not have (a slice of one) keeps the name the driver prints.
std::string gpu_name(const models::Catalog& catalog, const std::string& text) {
  const auto gpu = catalog.gpu(text);
  return gpu ? gpu->name : text;
}

struct Context {
  std::set<std::string> machines;  // seen so far
  double smallest_length = 0;
};

StartupRow read_row(const CsvTable& table, std::size_t row, const models::Catalog& catalog,
                    ModelFacts& facts, Context& context, Diagnostics& faults) {
  RowCells cells(table, row, faults);
  StartupRow out;
  out.machine = cells.text("instance");
  out.query.cloud = cells.text("vendor");
  out.query.gpu = gpu_name(catalog, cells.text("gpu_model"));
  const double tensor = cells.positive("tp").value_or(1);
  const double pipeline = cells.positive("pp").value_or(1);
  out.query.gpus = static_cast<int>(tensor * pipeline);
  out.seconds = cells.positive("startup_s").value_or(0);
  const double length = cells.positive("max_model_len").value_or(0);
  const bool first_of_model = cells.integer("nth_start_of_model", 0) == 0;
  const bool first_of_machine = context.machines.insert(out.machine).second;
  out.query.kind = !first_of_model    ? models::StartKind::warm
                   : first_of_machine ? models::StartKind::fresh
                                      : models::StartKind::cold;
  const auto weights = facts.of(cells.text("model_id"));
  if (!weights) {
    out.left_out = weights.error().what;
    return out;
  }
  out.model = weights->name;
  out.query.weight_bytes = weights->bytes;
  out.query.layers = weights->layers;
  if (out.seconds <= 0) out.left_out = "no start-up time";
  if (first_of_model && length > context.smallest_length) out.left_out = kPrecededByFailures;
  return out;
}

}  // namespace

bool is_startup_runs(const CsvTable& table) {
  return table.column("nth_start_of_model") && table.column("startup_s");
}

Result<StartupTable> read_startup_runs(CsvTable table, const models::Catalog& catalog) {
  Diagnostics faults;
  if (!require_columns(table,
                       {"vendor", "instance", "gpu_model", "model_id", "tp", "max_model_len",
                        "nth_start_of_model", "startup_s"},
                       faults))
    return faults.combined();
  Context context;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    RowCells cells(table, row, faults);
    const double length = cells.positive("max_model_len").value_or(0);
    if (row == 0 || length < context.smallest_length) context.smallest_length = length;
  }
  ModelFacts facts(catalog);
  StartupTable out;
  for (std::size_t row = 0; row < table.rows(); ++row)
    out.rows.push_back(read_row(table, row, catalog, facts, context, faults));
  if (!faults.ok()) return faults.combined();
  out.table = std::move(table);
  return out;
}

}  // namespace eph::calibration
