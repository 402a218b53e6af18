#include "calibration/held_out_csv.h"

#include <algorithm>
#include <cmath>

#include "core/csv.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

void add_line(const std::vector<std::string>& cells, std::string& out) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    out += csv_field(cells[i]);
  }
  out += '\n';
}

std::vector<Figure> counted_figures(const std::vector<HeldOutRow>& rows) {
  std::array<bool, kFigureCount> used{};
  for (const HeldOutRow& row : rows) {
    for (const Figure f : row.score.scored) used[static_cast<std::size_t>(f)] = true;
  }
  std::vector<Figure> out;
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    if (used[f]) out.push_back(static_cast<Figure>(f));
  }
  return out;
}

std::string cell(std::optional<double> value) {
  return value ? fmt::format("{:.6g}", *value) : std::string();
}

std::string share(double value) { return value > 0 ? number(value) : std::string(); }

void add_figure(const HeldOutRow& row, Figure figure, std::vector<std::string>& cells) {
  const auto& scored = row.score.scored;
  if (std::find(scored.begin(), scored.end(), figure) == scored.end()) {
    cells.insert(cells.end(), 4, "");
    return;
  }
  const auto& predicted = row.score.predicted[figure];
  const auto& width = row.half_width[figure];
  std::optional<double> low, high;
  if (predicted && width) {
    low = *predicted * std::exp(-*width);
    high = *predicted * std::exp(*width);
  }
  const auto& measured = row.score.measured[figure];
  cells.push_back(measured ? number(*measured) : "");
  cells.push_back(cell(predicted));
  cells.push_back(cell(low));
  cells.push_back(cell(high));
}

}  // namespace

std::string held_out_csv(const std::vector<HeldOutRow>& rows, std::string_view scheme) {
  const std::vector<Figure> figures = counted_figures(rows);
  std::string out;
  std::vector<std::string> cells{"scheme",
                                 "fold",
                                 "run_id",
                                 "file",
                                 "line",
                                 "engine",
                                 "engine_version",
                                 "gpu",
                                 "model",
                                 "weights",
                                 "tp",
                                 "isl",
                                 "osl",
                                 "concurrency",
                                 "protocol",
                                 "host",
                                 "workload",
                                 "load_fraction",
                                 "load_class",
                                 "size_class"};
  for (const Figure f : figures) {
    for (const char* prefix : {"", "pred_", "low_", "high_"}) {
      cells.push_back(fmt::format("{}{}", prefix, column_name(f)));
    }
  }
  cells.emplace_back("status");
  add_line(cells, out);
  for (const HeldOutRow& row : rows) {
    const RowFacts& facts = row.facts;
    cells = {std::string(scheme),
             row.fold,
             facts.id,
             facts.file,
             fmt::format("{}", facts.line),
             facts.engine,
             facts.engine_version,
             facts.gpu,
             facts.model,
             facts.weights,
             fmt::format("{}", facts.tensor_parallel),
             fmt::format("{}", facts.isl),
             fmt::format("{}", facts.osl),
             fmt::format("{}", facts.concurrency),
             facts.protocol,
             facts.host,
             facts.workload,
             share(facts.load_fraction),
             load_class(facts),
             size_class(facts)};
    for (const Figure f : figures) add_figure(row, f, cells);
    cells.push_back(row.score.problem.empty() ? "ok" : "not predicted: " + row.score.problem);
    add_line(cells, out);
  }
  return out;
}

}  // namespace eph::calibration
