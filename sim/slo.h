#pragma once
// A service-level objective: a statistic of a latency must not exceed a limit.
#include <string>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace eph::sim {

enum class Latency { ttft, tpot, itl, e2e };

// quantile in (0, 1): that percentile; `mean` true: the mean.
// `request_class` empty: of all requests.
struct Slo {
  Latency latency = Latency::ttft;
  bool mean = false;
  double quantile = 0.95;
  Duration limit{};
  std::string request_class;

  [[nodiscard]] std::string text() const;  // "p95_ttft=500ms", "chat:p95_ttft=200ms"
};

// "p95_ttft=500ms", "mean_tpot=30 ms", "p99.9_e2e=20s"; several separated by commas. In front may
// stand a class of requests and a colon: "chat:p95_ttft=200ms", or, the same,
// "chat:p95:ttft<=200ms".
[[nodiscard]] Result<std::vector<Slo>> parse_slos(std::string_view text);

}  // namespace eph::sim
