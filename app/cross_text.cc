#include "app/cross_text.h"

#include <fmt/format.h>

#include "app/table.h"

namespace eph::app {
namespace {

using Align = TextTable::Align;

std::string table_text(const calibration::CrossTable& table) {
  std::vector<std::string> header = table.columns;
  for (std::string& cell : error_header()) header.push_back(std::move(cell));
  TextTable out(header, std::vector<Align>(table.columns.size() + 1, Align::left));
  for (const calibration::CrossLine& line : table.lines) {
    std::vector<std::string> cells = line.key;
    for (std::string& cell : error_cells(line)) cells.push_back(std::move(cell));
    out.add(std::move(cells));
  }
  return out.text();
}

std::string worst_text(const CrossDocument& document) {
  std::vector<Align> align(8, Align::left);
  TextTable out(worst_header(), align);
  for (const WorstLine& line : document.worst) out.add(worst_cells(line));
  return out.text();
}

// What varies between rows of one curve: "C 64", "rag at 0.45, gcp a3-megagpu-8g".
std::string load_of(const calibration::RowFacts& facts) {
  if (!calibration::is_sweep(facts))
    return fmt::format("{} C {}", facts.protocol, facts.concurrency);
  std::string out = fmt::format("{} {}", facts.protocol, facts.workload);
  if (facts.protocol == "constant") out += fmt::format(" at {:.2f}", facts.load_fraction);
  return out + ", " + facts.host;
}

// "92.5", and of how many where not every prediction has an interval: "75.0 of 4".
std::string inside_text(const calibration::CrossLine& line) {
  const calibration::Coverage& coverage = line.coverage;
  if (coverage.n == 0) return "-";
  const std::string share = fmt::format("{:.1f}", coverage.inside_percent);
  return coverage.n == line.errors.n ? share : fmt::format("{} of {}", share, coverage.n);
}

}  // namespace

std::vector<std::string> error_header() {
  return {"figure", "n",      "MAPE %",           "median %",
          "p90 %",  "bias %", "in 90 % interval", "half-width %"};
}

std::vector<std::string> error_cells(const calibration::CrossLine& line) {
  const auto& errors = line.errors;
  const bool any = line.coverage.n > 0;
  return {std::string(calibration::column_name(line.figure)),
          fmt::format("{}", errors.n),
          fmt::format("{:.1f}", errors.mape),
          fmt::format("{:.1f}", errors.median),
          fmt::format("{:.1f}", errors.p90),
          fmt::format("{:+.1f}", errors.bias),
          inside_text(line),
          any ? fmt::format("{:.1f}", line.coverage.half_width_percent) : "-"};
}

std::vector<std::string> worst_header() {
  return {"run",      "engine", "model",    "tp",        "isl/osl", "load",
          "held out", "figure", "measured", "predicted", "error %", "90 % interval"};
}

std::vector<std::string> worst_cells(const WorstLine& line) {
  const calibration::RowFacts& facts = line.facts;
  const std::string version =
      facts.engine_version.empty() ? facts.engine : facts.engine + " " + facts.engine_version;
  return {facts.id,
          version,
          facts.model,
          fmt::format("{}", facts.tensor_parallel),
          fmt::format("{}/{}", facts.isl, facts.osl),
          load_of(facts),
          line.held_out,
          std::string(calibration::column_name(line.figure)),
          human(line.measured),
          human(line.predicted),
          fmt::format("{:+.0f}", 100 * (line.predicted / line.measured - 1)),
          line.high > 0 ? fmt::format("{}..{}", human(line.low), human(line.high)) : "-"};
}

std::string cross_text(const CrossDocument& document) {
  std::string out = fmt::format("{}{}{}{} on {}: {} predictions of held-out rows by {} refits\n",
                                document.name, document.settings.empty() ? "" : " (",
                                document.settings, document.settings.empty() ? "" : ")",
                                document.gpu, document.rows, document.folds.size());
  for (const std::string& note : document.notes) out += note + "\n";
  for (const calibration::CrossTable& table : document.tables) {
    const bool by_chance = document.scheme == "k-fold" || document.scheme == "random";
    if (table.lines.empty() || (table.name == "fold" && by_chance)) continue;
    out += fmt::format("\nby {}\n{}", fmt::join(table.columns, ", "), table_text(table));
  }
  return out + fmt::format("\nworst rows\n{}", worst_text(document));
}

}  // namespace eph::app
