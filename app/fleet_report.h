#pragma once
// What became of a fleet's replicas, for people and for machines.
#include <optional>
#include <string>

#include "core/json_doc.h"
#include "models/price_book.h"
#include "sim/metrics.h"

namespace eph::app {

// Require run.fleet.
[[nodiscard]] std::string fleet_text(const sim::RunSummary& run,
                                     const std::optional<models::Price>& price);
[[nodiscard]] Json fleet_json(const sim::RunSummary& run,
                              const std::optional<models::Price>& price);

}  // namespace eph::app
