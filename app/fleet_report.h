#pragma once
// What became of a fleet's replicas, for people and for machines.
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "models/price_book.h"
#include "sim/metrics.h"

namespace eph::app {

// Of a GPU-hour, by pool; none where it is not known.
using Prices = std::vector<std::optional<models::Price>>;

// Require run.fleet, and a price or none for each of its pools.
[[nodiscard]] std::string fleet_text(const sim::RunSummary& run, const Prices& prices);
[[nodiscard]] Json fleet_json(const sim::RunSummary& run, const Prices& prices);

}  // namespace eph::app
