#pragma once
// Runs of fleets on the linear profile (10 ms a step and 0.1 ms per prompt token), as JSON.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

namespace eph::test {

inline Json simulate(std::vector<std::string> more) {
  more.push_back("--json");
  const Finished done = ephemeris(on_linear(std::move(more)));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  auto json = parse_json(done.out, "simulate");
  REQUIRE(json);
  return *json->at_path("runs/0");
}

inline double number(const Json& run, const std::string& path) {
  const Json* json = run.at_path(path);
  CAPTURE(path);
  REQUIRE(json != nullptr);
  return json->as_double();
}
inline double pool(const Json& run, const std::string& key) {
  return number(run, "fleet/pools/0/" + key);
}
inline double ttft(const Json& run, const std::string& key) {
  return number(run, "latency_ms/ttft/" + key);
}

// Flags and their values; what comes again replaces what was there, but for those that add up.
inline std::vector<std::string> with(std::vector<std::string> base,
                                     const std::vector<std::string>& more) {
  const std::set<std::string> repeated{"--autoscale",  "--outage",        "--straggler",
                                       "--shed-class", "--router-option", "--prefill-autoscale",
                                       "--slo"};
  for (std::size_t i = 0; i < more.size(); i += 2) {
    const auto at = std::find(base.begin(), base.end(), more[i]);
    if (at != base.end() && !repeated.contains(more[i]))
      *std::next(at) = more[i + 1];
    else
      base.insert(base.end(), {more[i], more[i + 1]});
  }
  return base;
}

// Most replicas that were paid for at once, as the series has them.
inline double most_held(const Json& run) {
  double most = 0;
  for (const Json& point : run.at_path("series")->items())
    most = std::max(most, point.items().at(7).as_double());
  return most;
}

// Ten minutes at 4 requests/s, 100 ms of work each.
inline const std::vector<std::string> kSteady{"--rate",          "4",   "--duration",      "10min",
                                              "--prompt-tokens", "100", "--output-tokens", "9"};
// Busy, then silence, then busy again: 8 minutes of a day of 8 minutes, twice.
inline const std::vector<std::string> kSwing =
    with(kSteady, {"--rate", "20", "--swing", "1", "--swing-period", "8min", "--swing-peak", "0s",
                   "--duration", "16min"});

inline std::string refused(std::vector<std::string> more) {
  const Finished done = ephemeris(on_linear(std::move(more)));
  CHECK(done.code == 2);
  return done.err;
}

}  // namespace eph::test
