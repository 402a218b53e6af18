#include "app/sweep_axes.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "scenario/fields.h"

namespace eph::app {
namespace {

constexpr std::int64_t kMostValues = 100'000;  // of one axis

// rate-scale and rate_scale, deployment.tp and deployment/tp are one.
std::string plain(std::string_view name) {
  std::string out = to_lower(name);
  std::replace(out.begin(), out.end(), '-', '_');
  std::replace(out.begin(), out.end(), '.', '/');
  return out;
}

const scenario::Field* find(const std::string& name) {
  const std::string wanted = plain(name);
  for (const scenario::Field& field : scenario::fields()) {
    if (field.flag.empty()) continue;
    if (wanted == field.key || wanted == plain(field.flag) || wanted == field.id()) return &field;
  }
  return nullptr;
}

// "1..64" or "1..64..8"; an empty list: the text is no range.
Result<std::vector<std::string>> range_of(const std::string& name, std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::vector<std::string>{};
  std::string_view rest = text.substr(dots + 2);
  std::int64_t step = 1;
  if (const std::size_t more = rest.find(".."); more != std::string_view::npos) {
    const auto given = parse_int(rest.substr(more + 2));
    if (!given || *given < 1) {
      return usage_error(fmt::format("--vary {}: the step \"{}\" is no whole number above 0", name,
                                     rest.substr(more + 2)));
    }
    step = *given;
    rest = rest.substr(0, more);
  }
  const auto from = parse_int(text.substr(0, dots)), to = parse_int(rest);
  if (!from || !to) {
    return usage_error(fmt::format("--vary {}: \"{}\" is no range of whole numbers", name, text),
                       "give 1..64, or values as in 0.5,1,2");
  }
  if (*from > *to)
    return usage_error(fmt::format("--vary {}: {} is above {}", name, *from, *to),
                       "give the smaller end first");
  if (*to > 1'000'000'000 || *from < -1'000'000'000 || (*to - *from) / step >= kMostValues) {
    return usage_error(
        fmt::format("--vary {}: {} has more than {} values", name, text, kMostValues),
        "give fewer");
  }
  std::vector<std::string> out;
  for (std::int64_t v = *from; v <= *to; v += step) out.push_back(fmt::to_string(v));
  return out;
}

}  // namespace

Result<Axis> parse_axis(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return usage_error(fmt::format("--vary \"{}\" varies nothing", text),
                       "give FIELD=VALUES, as in replicas=1..64 or rate_scale=0.5,1,2");
  }
  const std::string name = text.substr(0, equals);
  const scenario::Field* field = find(name);
  if (field == nullptr || field->kind == scenario::FieldKind::slos) {
    std::vector<std::string> names;
    for (const scenario::Field& f : scenario::fields()) {
      if (!f.flag.empty() && f.kind != scenario::FieldKind::slos) names.emplace_back(f.key);
    }
    return usage_error(fmt::format("--vary: no field \"{}\" to vary", name), suggest(name, names));
  }
  // Where sections share a key (replicas, tp) the flag tells which one a column is of.
  const bool shared = find(std::string(field->key)) != field;
  Axis out{std::string(field->flag),
           shared ? plain(field->flag) : std::string(field->key),
           std::string(field->section),
           {}};
  for (const std::string_view part : split(std::string_view(text).substr(equals + 1), ',')) {
    const std::string value(trim(part));
    if (value.empty())
      return usage_error(fmt::format("--vary {}: an empty value", name), "leave out the comma");
    const auto range = range_of(name, value);
    if (!range) return range.error();
    for (const std::string& v : range->empty() ? std::vector<std::string>{value} : *range) {
      if (const auto parsed = scenario::parse_value(*field, v); !parsed) {
        return usage_error(fmt::format("--vary {}: {}", name, parsed.error().what),
                           parsed.error().remedy);
      }
      if (std::find(out.values.begin(), out.values.end(), v) != out.values.end()) {
        return usage_error(fmt::format("--vary {}: {} is given twice", name, v),
                           "give each value once");
      }
      out.values.push_back(v);
    }
  }
  return out;
}

std::vector<std::vector<std::size_t>> product(const std::vector<Axis>& axes) {
  std::vector<std::vector<std::size_t>> out{{}};
  for (const Axis& axis : axes) {
    std::vector<std::vector<std::size_t>> next;
    next.reserve(out.size() * axis.values.size());
    for (const auto& point : out) {
      for (std::size_t v = 0; v < axis.values.size(); ++v) {
        next.push_back(point);
        next.back().push_back(v);
      }
    }
    out = std::move(next);
  }
  return out;
}

}  // namespace eph::app
