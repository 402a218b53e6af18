#include "models/network_profile.h"

#include <cmath>

#include "core/assert.h"
#include "core/json_doc.h"
#include "core/reader.h"

namespace eph::models {
namespace {

constexpr double kNormalP95 = 1.6448536269514722;

HopDelay read_hop(Reader&& from) {
  HopDelay hop;
  hop.median_s = from.seconds("median").value;
  hop.p95_s = from.seconds("p95").value;
  if (hop.median_s < 0) from.fault("median", "must not be negative");
  if (hop.p95_s < hop.median_s) from.fault("p95", "is below the median");
  if (hop.median_s == 0 && hop.p95_s > 0)
    from.fault("median", "is 0 where p95 is not", "a lognormal delay needs a median above 0");
  from.finish();
  return hop;
}

}  // namespace

double HopDelay::mu() const {
  EPH_ASSERT(median_s > 0, "lognormal median {}", median_s);
  return std::log(median_s);
}

double HopDelay::sigma() const {
  EPH_ASSERT(median_s > 0 && p95_s >= median_s, "lognormal median {}, p95 {}", median_s, p95_s);
  return std::log(p95_s / median_s) / kNormalP95;
}

Result<NetworkProfile> load_network_file(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  NetworkProfile profile;
  root.integer("version", {.min = 1, .max = 1});
  profile.name = root.string("name");
  profile.description = root.string("description");
  profile.client_to_gateway = read_hop(root.object("client_to_gateway"));
  profile.gateway_to_replica = read_hop(root.object("gateway_to_replica"));
  profile.replica_to_client = read_hop(root.object("replica_to_client"));
  profile.assumed = root.boolean("assumed");
  root.strings("sources");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return profile;
}

}  // namespace eph::models
