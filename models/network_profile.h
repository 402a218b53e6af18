#pragma once
// Latency between client, gateway and replica.
#include <string>
#include <vector>

#include "core/result.h"

namespace eph::models {

// A one-way delay, lognormal with this median and 95th percentile; median 0 is no delay.
struct HopDelay {
  double median_s = 0;
  double p95_s = 0;

  // Of the logarithm: mu = ln(median), sigma = ln(p95 / median) / 1.6449. Require median_s > 0.
  [[nodiscard]] double mu() const;
  [[nodiscard]] double sigma() const;
};

// A request takes client_to_gateway + gateway_to_replica before the replica's front end sees it;
// each token takes replica_to_client. The three are drawn independently, once a request.
struct NetworkProfile {
  std::string name;
  std::string description;
  HopDelay client_to_gateway, gateway_to_replica, replica_to_client;
  bool assumed = false;  // the figures are assumptions, not measurements
};

[[nodiscard]] Result<NetworkProfile> load_network_file(const std::string& path);

}  // namespace eph::models
