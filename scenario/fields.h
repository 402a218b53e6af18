#pragma once
// The one table of everything a scenario can say: the file reader, the command line, the JSON
// Schema and docs/SCENARIO.md are all made from it.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "scenario/scenario.h"
#include "sim/fleet/options.h"
#include "sim/slo.h"

namespace eph::scenario {

enum class FieldKind { text, choice, integer, number, boolean, duration, slos, texts, spread };

// duration: seconds.
using FieldValue = std::variant<std::string, std::int64_t, double, bool, std::vector<sim::Slo>,
                                std::vector<std::string>, sim::Spread>;

struct Field {
  std::string_view section{};  // "" (root), "deployment", "fleet", "workload", "workload/synthetic"
  std::string_view key{};      // in the file
  std::string_view flag{};     // on the command line, without dashes; empty: file only
  FieldKind kind = FieldKind::text;
  std::string_view argument{};  // what help calls the value: "FILE", "N"
  std::string_view
      fallback{};           // what holds when it is absent, in words or as a value; may be empty
  std::string_view help{};  // one sentence, lower case, no trailing dot
  void (*set)(Scenario&, const FieldValue&) = nullptr;
  double min = -std::numeric_limits<double>::infinity();  // of integer, number and duration
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;  // the value must be greater than `min`
  std::vector<std::string_view> choices{};
  bool path = false;  // a relative one counts from the folder of the scenario file

  // May be given several times on the command line, and as an array in a file.
  [[nodiscard]] bool many() const { return kind == FieldKind::slos || kind == FieldKind::texts; }
  [[nodiscard]] std::string id() const;  // "deployment/tp": unique
};

// In the order of the documentation; sections are contiguous.
[[nodiscard]] std::span<const Field> fields();
[[nodiscard]] const Field* find_field(std::string_view id);
[[nodiscard]] const Field* find_flag(std::string_view flag);

// A value as the command line writes it. A duration may be a bare number of seconds there, but
// not a fleet's, which are hours as often. The error has no place: the caller knows it.
[[nodiscard]] Result<FieldValue> parse_value(const Field& field, std::string_view text);
// A value as a file writes it: durations are strings with a unit.
[[nodiscard]] Result<FieldValue> read_value(const Field& field, const Json& json);

}  // namespace eph::scenario
