#include "calibration/interval.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "core/stats.h"

namespace eph::calibration {
namespace {

struct Residual {
  double size = 0;  // |log(predicted / measured)| over the fit's deviation
  const std::string* unit = nullptr;
};
// engine, figure, load class ("" for all of them)
using Key = std::tuple<std::string, Figure, std::string>;
using Groups = std::map<Key, std::vector<Residual>>;

std::optional<double> log_ratio(const ScoredRow& row, Figure figure) {
  const auto& predicted = row.predicted[figure];
  const auto& measured = row.measured[figure];
  if (!predicted || !measured || !(*predicted > 0) || !(*measured > 0)) return std::nullopt;
  return std::log(*predicted / *measured);
}

double deviation_of(const HeldOutRow& row, Figure figure) {
  return row.log_sd[figure].value_or(1.0);
}

Groups collect(const std::vector<HeldOutRow>& rows) {
  Groups groups;
  for (const HeldOutRow& row : rows) {
    for (const Figure figure : row.score.scored) {
      const auto ratio = log_ratio(row.score, figure);
      if (!ratio) continue;
      for (const std::string& load : {load_class(row.facts), std::string()}) {
        groups[{row.score.engine, figure, load}].push_back(
            {std::abs(*ratio) / deviation_of(row, figure), &row.unit});
      }
    }
  }
  for (auto& [key, residuals] : groups) {
    std::stable_sort(residuals.begin(), residuals.end(),
                     [](const Residual& a, const Residual& b) { return a.size < b.size; });
  }
  return groups;
}

// The conformal quantile over residuals of other units; `sorted` ascending.
std::optional<double> quantile_of_others(const std::vector<Residual>& sorted,
                                         const std::string& unit, double level) {
  std::size_t others = 0;
  for (const Residual& r : sorted) others += *r.unit != unit ? 1 : 0;
  const double wanted = std::ceil(level * static_cast<double>(others + 1) - 1e-9);
  const auto rank = static_cast<std::size_t>(wanted);
  if (rank > others) return std::nullopt;
  std::size_t seen = 0;
  for (const Residual& r : sorted) {
    if (*r.unit != unit && ++seen == rank) return r.size;
  }
  return std::nullopt;
}

}  // namespace

std::vector<FigureSet> interval_half_widths(const std::vector<HeldOutRow>& rows, double level) {
  const Groups groups = collect(rows);
  // Rows of a unit have the same others: each quantile is looked for once.
  std::map<std::pair<Key, std::string>, std::optional<double>> known;
  const auto quantile = [&](const Key& key, const std::string& unit) {
    const auto [at, fresh] = known.try_emplace({key, unit});
    const auto group = groups.find(key);
    if (fresh && group != groups.end()) {
      at->second = quantile_of_others(group->second, unit, level);
    }
    return at->second;
  };
  std::vector<FigureSet> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const Figure figure : rows[i].score.scored) {
      if (!rows[i].score.predicted[figure]) continue;
      auto width =
          quantile({rows[i].score.engine, figure, load_class(rows[i].facts)}, rows[i].unit);
      if (!width) width = quantile({rows[i].score.engine, figure, ""}, rows[i].unit);
      if (width) out[i][figure] = *width * deviation_of(rows[i], figure);
    }
  }
  return out;
}

void CoverageCount::add(double predicted, double measured, double half_width) {
  if (std::abs(std::log(predicted / measured)) <= half_width) ++inside_;
  half_widths_.push_back(100 * std::expm1(half_width));
}

Coverage CoverageCount::result() const {
  Coverage out;
  out.n = half_widths_.size();
  if (out.n == 0) return out;
  std::vector<double> sorted = half_widths_;
  std::sort(sorted.begin(), sorted.end());
  out.inside_percent = 100.0 * static_cast<double>(inside_) / static_cast<double>(out.n);
  out.half_width_percent = quantile_sorted(sorted, 0.5);
  return out;
}

}  // namespace eph::calibration
