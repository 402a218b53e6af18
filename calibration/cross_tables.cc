#include "calibration/cross_tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace eph::calibration {
namespace {

using Key = std::vector<std::string>;

struct Group {
  std::vector<double> predicted, measured;
  CoverageCount coverage;
};

CrossTable table_of(const std::vector<HeldOutRow>& rows, std::string name, Key columns,
                    const std::function<Key(const HeldOutRow&)>& key_of) {
  std::map<std::pair<Key, Figure>, Group> groups;
  for (const HeldOutRow& row : rows) {
    const Key key = key_of(row);
    if (key.empty()) continue;
    for (const Figure figure : row.score.scored) {
      const auto& predicted = row.score.predicted[figure];
      const auto& measured = row.score.measured[figure];
      if (!predicted || !measured) continue;
      Group& group = groups[{key, figure}];
      group.predicted.push_back(*predicted);
      group.measured.push_back(*measured);
      if (row.half_width[figure]) {
        group.coverage.add(*predicted, *measured, *row.half_width[figure]);
      }
    }
  }
  CrossTable table{std::move(name), std::move(columns), {}};
  for (const auto& [key, group] : groups) {
    table.lines.push_back({key.first, key.second, summarise_errors(group.predicted, group.measured),
                           group.coverage.result()});
  }
  return table;
}

constexpr std::array kPlanned{Figure::mean_ttft,   Figure::mean_tpot, Figure::ttft_p50,
                              Figure::ttft_p95,    Figure::itl_p50,   Figure::e2e_p50,
                              Figure::achieved_rps};

}  // namespace

std::vector<CrossTable> cross_tables(const std::vector<HeldOutRow>& rows) {
  std::vector<CrossTable> out;
  out.push_back(table_of(rows, "engine", {"engine"},
                         [](const HeldOutRow& row) { return Key{row.score.engine}; }));
  out.push_back(table_of(rows, "protocol", {"engine", "protocol"}, [](const HeldOutRow& row) {
    return Key{row.score.engine, row.score.protocol};
  }));
  out.push_back(table_of(rows, "model", {"engine", "protocol", "model"}, [](const HeldOutRow& row) {
    return Key{row.score.engine, row.score.protocol, row.score.model};
  }));
  out.push_back(table_of(rows, "load", {"engine", "load", "model size"}, [](const HeldOutRow& row) {
    if (!is_sweep(row.facts)) return Key{};
    return Key{row.score.engine, load_class(row.facts), size_class(row.facts)};
  }));
  out.push_back(table_of(rows, "fold", {"engine", "held out"}, [](const HeldOutRow& row) {
    return Key{row.score.engine, row.fold};
  }));
  return out;
}

std::optional<WorstFigure> worst_figure(const HeldOutRow& row) {
  std::optional<WorstFigure> worst;
  for (const Figure figure : row.score.scored) {
    if (std::find(kPlanned.begin(), kPlanned.end(), figure) == kPlanned.end()) continue;
    const auto& predicted = row.score.predicted[figure];
    const auto& measured = row.score.measured[figure];
    if (!predicted || !measured || !(*predicted > 0) || !(*measured > 0)) continue;
    const double ratio = std::log(*predicted / *measured);
    if (!worst || std::abs(ratio) > std::abs(worst->log_ratio)) worst = WorstFigure{figure, ratio};
  }
  return worst;
}

std::vector<std::size_t> worst_rows(const std::vector<HeldOutRow>& rows, std::size_t count) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (const auto worst = worst_figure(rows[i])) order.push_back({-std::abs(worst->log_ratio), i});
  }
  std::sort(order.begin(), order.end());
  std::set<std::pair<std::string, std::int64_t>> seen;
  std::vector<std::size_t> out;
  for (const auto& [size, i] : order) {
    if (out.size() == count) break;
    if (seen.insert({rows[i].facts.file, rows[i].facts.line}).second) out.push_back(i);
  }
  return out;
}

}  // namespace eph::calibration
