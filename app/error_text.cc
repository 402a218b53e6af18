#include "app/error_text.h"

#include <fmt/format.h>

#include "app/table.h"

namespace eph::app {

namespace {

std::string or_all(const std::string& key) { return key.empty() ? "all" : key; }

}  // namespace

std::string error_text(const std::vector<calibration::ErrorLine>& lines) {
  using Align = TextTable::Align;
  TextTable table(
      {"engine", "protocol", "model", "figure", "n", "MAPE %", "median %", "p90 %", "bias %"},
      {Align::left, Align::left, Align::left, Align::left});
  for (const calibration::ErrorLine& line : lines) {
    table.add({or_all(line.engine), or_all(line.protocol), or_all(line.model),
               std::string(calibration::column_name(line.figure)), fmt::format("{}", line.errors.n),
               fmt::format("{:.1f}", line.errors.mape), fmt::format("{:.1f}", line.errors.median),
               fmt::format("{:.1f}", line.errors.p90), fmt::format("{:+.1f}", line.errors.bias)});
  }
  return table.text();
}

Json error_json(const std::vector<calibration::ErrorLine>& lines) {
  Json out = Json::array();
  for (const calibration::ErrorLine& line : lines) {
    Json item = Json::object();
    item.set("engine", line.engine).set("protocol", line.protocol).set("model", line.model);
    item.set("figure", calibration::column_name(line.figure)).set("n", line.errors.n);
    item.set("mape_percent", line.errors.mape).set("median_percent", line.errors.median);
    item.set("p90_percent", line.errors.p90).set("bias_percent", line.errors.bias);
    out.push(std::move(item));
  }
  return out;
}

}  // namespace eph::app
