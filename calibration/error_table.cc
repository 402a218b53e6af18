#include "calibration/error_table.h"

#include <map>
#include <tuple>

namespace eph::calibration {
namespace {

struct Pairs {
  std::vector<double> predicted, measured;
};
// engine, protocol, model, figure
using Key = std::tuple<std::string, std::string, std::string, Figure>;

void add_group(std::map<Key, Pairs>& groups, std::vector<ErrorLine>& out) {
  for (const auto& [key, pairs] : groups) {
    ErrorLine line;
    std::tie(line.engine, line.protocol, line.model, line.figure) = key;
    line.errors = summarise_errors(pairs.predicted, pairs.measured);
    out.push_back(std::move(line));
  }
}

}  // namespace

std::vector<ErrorLine> error_tables(const std::vector<ScoredRow>& rows) {
  std::map<Key, Pairs> by_engine, by_protocol, by_model;
  for (const ScoredRow& row : rows) {
    for (const Figure figure : row.scored) {
      const auto& predicted = row.predicted[figure];
      const auto& measured = row.measured[figure];
      if (!predicted || !measured) continue;
      // Disaggregated rows are an approximation of their own: no part of an engine's errors.
      const bool own = row.protocol == "disaggregated";
      for (Pairs* pairs : {own ? nullptr : &by_engine[{row.engine, "", "", figure}],
                           &by_protocol[{row.engine, row.protocol, "", figure}],
                           &by_model[{row.engine, row.protocol, row.model, figure}]}) {
        if (pairs == nullptr) continue;
        pairs->predicted.push_back(*predicted);
        pairs->measured.push_back(*measured);
      }
    }
  }
  std::vector<ErrorLine> out;
  add_group(by_engine, out);
  add_group(by_protocol, out);
  add_group(by_model, out);
  return out;
}

}  // namespace eph::calibration
