#include "jobs/figures.h"

#include <fmt/format.h>

#include <cmath>

#include "core/text.h"

namespace eph::jobs {

Json exact(double value) {
  return std::isfinite(value) ? Json::number(value) : Json::string(number(value));
}

Json exact(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push(exact(value));
  return out;
}

std::optional<double> exact_number(const Json* json) {
  if (json == nullptr) return std::nullopt;
  if (json->is_number()) return json->as_double();
  if (!json->is_string()) return std::nullopt;
  return parse_double(json->as_string(), true);
}

std::optional<std::vector<double>> exact_numbers(const Json* json) {
  if (json == nullptr || !json->is_array()) return std::nullopt;
  std::vector<double> out;
  out.reserve(json->items().size());
  for (const Json& item : json->items()) {
    const auto value = exact_number(&item);
    if (!value) return std::nullopt;
    out.push_back(*value);
  }
  return out;
}

Json texts(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& value : values) out.push(Json::string(value));
  return out;
}

std::optional<std::vector<std::string>> read_texts(const Json* json) {
  if (json == nullptr || !json->is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const Json& item : json->items()) {
    if (!item.is_string()) return std::nullopt;
    out.push_back(item.as_string());
  }
  return out;
}

Error damaged_result(const std::string& key) {
  return {ErrorKind::io,
          {},
          fmt::format("the stored result {} is damaged", key),
          "remove the ledger; its results are simulated again"};
}

}  // namespace eph::jobs
