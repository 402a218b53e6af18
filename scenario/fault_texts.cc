#include "scenario/fault_texts.h"

#include <fmt/format.h>

#include "core/text.h"

namespace eph::scenario {
namespace {

Result<Duration> parse_time(std::string_view text) {
  const Result<Seconds> s = parse_seconds(trim(text));
  if (!s) return s.error();
  if (!(s->value >= 0 && s->value <= 1e9))
    return usage_error(fmt::format("{} is out of range", text), "give a time of 0 s to 1e9 s");
  return Duration::from_seconds(s->value);
}

// What stands between two words of a sentence; the text behind the first and before the second.
std::string_view between(std::string_view text, std::string_view from, std::string_view to) {
  const auto begin = from.empty() ? 0 : text.find(from);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin + from.size());
  if (const auto end = to.empty() ? std::string_view::npos : text.find(to);
      end != std::string_view::npos)
    text = text.substr(0, end);
  return trim(text);
}

Error not_an_outage(std::string_view text) {
  return usage_error(fmt::format("\"{}\" is no outage", text),
                     "write \"node 0 at 10 min for 5 min\"; node, zone, or gpu of a replica, with "
                     "\"of NAME\" behind the number for another pool");
}

Error no_straggler(std::string_view text) {
  return usage_error(fmt::format("\"{}\" is no straggler", text),
                     "write \"replica 3 x 1.5 from 10 min to 20 min\", with \"of NAME\" behind the "
                     "number for another pool");
}

// "3" or "3 of prefill".
std::optional<std::uint32_t> number_and_pool(std::string_view text, std::string& pool) {
  if (text.find(" of ") != std::string_view::npos) {
    pool = between(text, " of ", "");
    text = between(text, "", " of ");
    if (pool.empty()) return std::nullopt;
  }
  const auto number = parse_int(trim(text));
  if (!number || *number < 0 || *number > 10'000'000) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

Result<sim::Spread> parse_spread(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() > 2)
    return usage_error(fmt::format("\"{}\" is no spread", text),
                       "write \"30 s\" or \"30 s / 60 s\"");
  sim::Spread out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto time = parse_time(parts[i]);
    if (!time)
      return usage_error(
          time.error().what,
          "write a median, \"30 s\", or a median and a 95th percentile, \"30 s / 60 s\"");
    (i == 0 ? out.median_s : out.p95_s) = time->seconds();
  }
  if (parts.size() == 1) out.p95_s = out.median_s;
  if (out.p95_s < out.median_s)
    return usage_error(fmt::format("\"{}\": the 95th percentile lies below the median", text),
                       "write the median first");
  if (out.median_s == 0 && out.p95_s > 0)
    return usage_error(fmt::format("\"{}\": no lognormal time has a median of 0", text),
                       "write a median above 0, or 0 s alone");
  return out;
}

Result<PoolOutage> parse_outage(std::string_view text) {
  PoolOutage out;
  const std::string_view what = between(text, "", " at ");
  const auto space = what.find(' ');
  if (space == std::string_view::npos) return not_an_outage(text);
  const std::string_view kind = what.substr(0, space);
  const auto number = number_and_pool(what.substr(space), out.pool);
  if (!number) return not_an_outage(text);
  out.outage.number = *number;
  if (kind == "gpu" || kind == "replica")
    out.outage.kind = sim::FaultKind::gpu;
  else if (kind == "zone")
    out.outage.kind = sim::FaultKind::zone;
  else if (kind != "node")
    return not_an_outage(text);
  const std::string_view at = between(text, " at ", " for "), lasts = between(text, " for ", "");
  out.lasts = text.find(" for ") != std::string_view::npos;
  if (at.empty() || (out.lasts && lasts.empty())) return not_an_outage(text);
  const auto begins = parse_time(at);
  if (!begins) return begins.error();
  out.outage.at = SimTime::zero() + *begins;
  if (!out.lasts) return out;
  const auto repair = parse_time(lasts);
  if (!repair) return repair.error();
  if (*repair <= Duration::zero())
    return usage_error(
        fmt::format("\"{}\" lasts no time", text),
        "give a time above 0, or none where another machine takes the place at once");
  out.outage.repair = *repair;
  return out;
}

Result<PoolStraggler> parse_straggler(std::string_view text) {
  PoolStraggler out;
  if (!text.starts_with("replica ")) return no_straggler(text);
  const auto number = number_and_pool(between(text, "replica ", " x"), out.pool);
  const bool begins = text.find(" from ") != std::string_view::npos;
  const bool ends = text.find(" to ") != std::string_view::npos;
  const auto factor = parse_double(between(text, " x", begins ? " from " : ends ? " to " : ""));
  if (!number || !factor || !(*factor > 0)) return no_straggler(text);
  sim::Straggler& s = out.straggler;
  s.replica = *number;
  s.factor = *factor;
  if (begins) {
    const auto from = parse_time(between(text, " from ", " to "));
    if (!from) return from.error();
    s.from = SimTime::zero() + *from;
  }
  if (ends) {
    const auto to = parse_time(between(text, " to ", ""));
    if (!to) return to.error();
    s.to = SimTime::zero() + *to;
  }
  if (s.to <= s.from) return no_straggler(text);
  return out;
}

}  // namespace eph::scenario
