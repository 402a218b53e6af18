#pragma once
// Collects what does not go together: inside of the checks only.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenario/check.h"

namespace eph::scenario {

class Checker {
 public:
  Checker(const Given& given, const Spelling& spelling) : given_(given), spelling_(spelling) {}

  [[nodiscard]] bool has(std::string_view id) const { return given_.contains(id); }
  [[nodiscard]] std::string spell(std::string_view id) const { return spelling_(id); }

  void conflict(std::string_view id, std::string what, std::string remedy, std::string other = {}) {
    found_.push_back(
        {std::string(id), std::move(what), std::move(remedy), false, false, std::move(other)});
  }
  void idle(std::string_view id, std::string what, std::string remedy) {
    found_.push_back({std::string(id), std::move(what), std::move(remedy), true});
  }
  void foreign(std::string_view id, std::string what, std::string remedy) {
    found_.push_back({std::string(id), std::move(what), std::move(remedy), true, true});
  }
  // `id` only has an effect if `holds`.
  void needs(std::string_view id, bool holds, const std::string& condition, std::string remedy) {
    if (has(id) && !holds) idle(id, fmt::format("has no effect {}", condition), std::move(remedy));
  }
  // The engine knows `id` only if `holds`.
  void needs_engine(std::string_view id, bool holds, std::string_view engine, std::string remedy) {
    if (has(id) && !holds)
      foreign(id, fmt::format("has no effect on {}", engine), std::move(remedy));
  }
  void either(std::string_view a, std::string_view b, std::string_view why) {
    if (has(a) && has(b)) {
      conflict(b, fmt::format("contradicts {}: {}", spell(a), why), "give one of the two");
    }
  }
  std::vector<Conflict> take() { return std::move(found_); }

 private:
  const Given& given_;
  const Spelling& spelling_;
  std::vector<Conflict> found_;
};

}  // namespace eph::scenario
