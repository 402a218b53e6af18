#pragma once
// Typed reading of somebody else's JSON: unknown keys are ignored, null counts as absent.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json_doc.h"

namespace eph::calibration {

// Keys are paths ("performance/total_latency_ms"). A wrong type or an impossible value adds one
// fault (file:line, JSON pointer, value, remedy) and counts as absent; a required key that is
// absent adds one. NaN and infinities, as Python writes them, count as absent too: the tools mean
// "no data" by them.
class Fields {
 public:
  Fields(const Json& json, const std::string& file, Diagnostics& faults, std::string pointer = "");

  [[nodiscard]] const Json* raw(std::string_view path) const;  // nullptr: absent or null
  [[nodiscard]] bool has(std::string_view path) const { return raw(path) != nullptr; }

  std::optional<double> number(std::string_view path);
  std::optional<double> positive(std::string_view path);  // 0 counts as absent, below is a fault
  double required_positive(std::string_view path);
  // Whole numbers, also written "4" or 4.0, up to a billion; `fallback` when absent.
  std::int64_t integer(std::string_view path, std::int64_t min, std::int64_t fallback);
  std::int64_t required_integer(std::string_view path, std::int64_t min);
  std::string text(std::string_view path);             // "" when absent
  bool flag(std::string_view path);                    // false when absent
  std::vector<double> numbers(std::string_view path);  // empty when absent
  // The objects of a list; each keeps its own pointer. Empty when absent.
  std::vector<Fields> items(std::string_view path);

  void fault(std::string_view path, std::string what, std::string remedy);
  [[nodiscard]] std::int64_t line() const { return json_->line(); }

 private:
  [[nodiscard]] const Json* typed(std::string_view path, bool right_type(const Json&),
                                  std::string_view expected);
  void missing(std::string_view path, std::string_view expected);

  const Json* json_;
  const std::string* file_;
  Diagnostics* faults_;
  std::string pointer_;
};

}  // namespace eph::calibration
