#include "sim/slo.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"

namespace eph::sim {
namespace {

constexpr std::array<std::pair<std::string_view, Latency>, 4> kLatencies{{{"ttft", Latency::ttft},
                                                                          {"tpot", Latency::tpot},
                                                                          {"itl", Latency::itl},
                                                                          {"e2e", Latency::e2e}}};

std::string_view latency_name(Latency latency) {
  return std::find_if(kLatencies.begin(), kLatencies.end(),
                      [latency](const auto& entry) { return entry.second == latency; })
      ->first;
}

Error bad(std::string_view text, std::string what, std::string remedy) {
  return usage_error(fmt::format("SLO \"{}\": {}", text, what), std::move(remedy));
}

// The whole text again with the statistic and latency replaced, where one was nearly right.
Result<Latency> parse_latency(std::string_view text, std::string_view word) {
  std::vector<std::string> names;
  for (const auto& [name, latency] : kLatencies) {
    if (word == name) return latency;
    names.emplace_back(name);
  }
  return bad(text, fmt::format("unknown latency \"{}\"", word), suggest(word, names));
}

Result<void> parse_statistic(std::string_view text, std::string_view word, Slo& slo) {
  slo.mean = word == "mean";
  if (slo.mean) return {};
  const auto percent =
      word.starts_with('p') ? parse_double(word.substr(1)) : std::optional<double>{};
  if (!percent)
    return bad(text, fmt::format("unknown statistic \"{}\"", word),
               "write mean or p95, p99.9, ...");
  if (!(*percent > 0 && *percent < 100))
    return bad(text, fmt::format("percentile {}", number(*percent)),
               "percentiles lie between 0 and 100, both excluded");
  slo.quantile = *percent / 100;
  return {};
}

// "CLASS:p95_ttft" or "CLASS:p95:ttft"; the class keeps its case, and may have colons of its own.
Result<void> parse_class(std::string_view text, std::string_view& name, Slo& slo) {
  const std::size_t last = name.rfind(':');
  if (last == std::string_view::npos) return {};
  const bool colons = name.find('_', last) == std::string_view::npos;  // p95:ttft
  const std::size_t end = colons && last > 0 ? name.rfind(':', last - 1) : last;
  if (end == std::string_view::npos) return {};
  slo.request_class = trim(name.substr(0, end));
  if (slo.request_class.empty())
    return bad(text, "no class before the colon", "write CLASS:p95_ttft=500ms");
  name.remove_prefix(end + 1);
  return {};
}

Result<void> parse_figure(std::string_view text, std::string_view word, Slo& slo) {
  const std::string name = to_lower(trim(word));
  const std::size_t middle = name.find_first_of("_:");
  if (middle == std::string::npos)
    return bad(text, fmt::format("\"{}\" is not STATISTIC_LATENCY", name),
               "write it as in p95_ttft=500ms or mean_tpot=30ms");
  if (auto ok = parse_statistic(text, name.substr(0, middle), slo); !ok) return ok;
  auto latency = parse_latency(text, name.substr(middle + 1));
  if (!latency) return latency.error();
  slo.latency = *latency;
  if (slo.latency == Latency::itl && !slo.request_class.empty())
    return bad(text, "itl is taken over the tokens of all requests", "limit the class's tpot");
  return {};
}

Result<Slo> parse_slo(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return bad(text, "no limit", "write STATISTIC_LATENCY=LIMIT, as in p95_ttft=500ms");
  std::string_view name = text.substr(0, equals);
  if (name.ends_with('<')) name.remove_suffix(1);
  Slo slo;
  if (auto ok = parse_class(text, name, slo); !ok) return ok.error();
  if (auto ok = parse_figure(text, name, slo); !ok) return ok.error();
  auto limit = parse_seconds(trim(text.substr(equals + 1)));
  if (!limit) return bad(text, limit.error().what, limit.error().remedy);
  if (!(limit->value > 0 && limit->value < 1e9))
    return bad(text, fmt::format("limit of {} s", number(limit->value)), "give a time above zero");
  slo.limit = Duration::from_seconds(limit->value);
  return slo;
}

}  // namespace

std::string Slo::text() const {
  const std::string statistic = mean ? "mean" : fmt::format("p{:.6g}", quantile * 100);
  return fmt::format("{}{}{}_{}={}ms", request_class, request_class.empty() ? "" : ":", statistic,
                     latency_name(latency), number(limit.ms()));
}

Result<std::vector<Slo>> parse_slos(std::string_view text) {
  std::vector<Slo> slos;
  if (trim(text).empty()) return slos;
  for (const std::string_view part : split(text, ',')) {
    auto slo = parse_slo(trim(part));
    if (!slo) return slo.error();
    slos.push_back(*slo);
  }
  return slos;
}

}  // namespace eph::sim
