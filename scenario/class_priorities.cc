#include "scenario/class_priorities.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/text.h"
#include "workload/decorator.h"

namespace eph::scenario {

namespace {

class PrioritySource final : public workload::Decorator {
 public:
  PrioritySource(workload::SourcePtr inner, ClassPriorities priorities)
      : Decorator(std::move(inner)), priorities_(std::move(priorities)) {}

  [[nodiscard]] Result<std::size_t> pull(std::span<workload::Arrival> out) override {
    const Result<std::size_t> pulled = inner_->pull(out);
    if (!pulled) return pulled;
    const auto names = class_names();
    while (by_class_.size() < names.size()) by_class_.push_back(find(names[by_class_.size()]));
    for (workload::Arrival& arrival : out.first(*pulled)) {
      if (arrival.request_class < by_class_.size() && by_class_[arrival.request_class])
        arrival.priority = *by_class_[arrival.request_class];
    }
    return pulled;
  }

 private:
  [[nodiscard]] std::optional<std::int32_t> find(const std::string& name) const {
    for (const auto& [known, priority] : priorities_)
      if (known == name) return priority;
    return std::nullopt;
  }

  ClassPriorities priorities_;
  std::vector<std::optional<std::int32_t>> by_class_;
};

}  // namespace

Result<ClassPriorities> read_class_priorities(const std::vector<std::string>& texts) {
  ClassPriorities out;
  for (const std::string& text : texts) {
    const auto equals = text.rfind('=');
    const auto value = equals == std::string::npos
                           ? std::nullopt
                           : parse_int(std::string_view(text).substr(equals + 1));
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (!value || equals == 0 || *value < -most || *value > most) {
      return usage_error(fmt::format("\"{}\" is no priority of a class", text),
                         "write CLASS=N with a whole number, as in chat=0");
    }
    const std::string name = text.substr(0, equals);
    const bool twice =
        std::any_of(out.begin(), out.end(), [&](const auto& known) { return known.first == name; });
    if (twice) return usage_error(fmt::format("class {} has two priorities", name), "give it one");
    out.emplace_back(name, static_cast<std::int32_t>(*value));
  }
  return out;
}

std::vector<std::string> unseen_classes(const std::vector<std::string>& texts,
                                        std::span<const std::string> seen) {
  std::vector<std::string> out;
  const Result<ClassPriorities> priorities = read_class_priorities(texts);
  if (!priorities) return out;  // said when the requests were opened
  for (const auto& [name, priority] : *priorities) {
    if (std::find(seen.begin(), seen.end(), name) == seen.end())
      out.push_back(
          fmt::format("no request is of class {}, which has priority {}", name, priority));
  }
  return out;
}

workload::SourcePtr with_class_priorities(workload::SourcePtr source, ClassPriorities priorities) {
  return std::make_unique<PrioritySource>(std::move(source), std::move(priorities));
}

}  // namespace eph::scenario
