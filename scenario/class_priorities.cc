#include "scenario/class_priorities.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/text.h"
#include "scenario/engine_options.h"
#include "workload/decorator.h"
#include "workload/trace_reader.h"

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

bool by_priority(const DeploymentSpec& spec) {
  return std::any_of(spec.engine_options.begin(), spec.engine_options.end(),
                     [](const EngineSetting& s) {
                       return s.name == "scheduling_policy" && s.value == "priority";
                     });
}

std::vector<Conflict> find_unrecorded(const Scenario& scenario, const Given& given) {
  std::vector<Conflict> out;
  const WorkloadSpec& workload = scenario.workload;
  if (workload.trace.empty()) return out;
  const auto lacks = [&](std::string_view column) {
    const Result<bool> has = workload::has_column(workload.trace, column);
    return has && !*has;
  };
  if (given.contains("workload/class_priorities") && lacks("class"))
    out.push_back({.id = "workload/class_priorities",
                   .what = "has no effect on a trace without a class column",
                   .remedy = "give one with it, or leave the priorities out"});
  if (!workload.class_priorities.empty() || !lacks("priority")) return out;
  const auto refuse = [&](std::string_view place, const DeploymentSpec& spec) {
    if (!by_priority(spec)) return;
    out.push_back({.id = fmt::format("{}/engine_options/scheduling_policy", place),
                   .what = "priority has no effect on a trace without a priority column",
                   .remedy = "give one with it, or priorities of classes (--class-priority)"});
  };
  refuse("deployment", scenario.deployment);
  for (std::size_t i = 0; i < scenario.pools.size(); ++i)
    refuse(fmt::format("pools/{}", i), scenario.pools[i].deployment);
  return out;
}

workload::SourcePtr with_class_priorities(workload::SourcePtr source, ClassPriorities priorities) {
  return std::make_unique<PrioritySource>(std::move(source), std::move(priorities));
}

}  // namespace eph::scenario
