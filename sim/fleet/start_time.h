#pragma once
// Draws from the spreads of a start.
#include "core/rng.h"
#include "core/time.h"
#include "sim/fleet/options.h"

namespace eph::sim {

[[nodiscard]] Duration draw(Stream& stream, const Spread& spread);
// Provision, image, weights: until a node is warm.
[[nodiscard]] Duration draw_node(Stream& stream, const StartTimes& times);
// All of it, or the engine's part alone on a warm node.
[[nodiscard]] Duration draw_start(Stream& stream, const StartTimes& times, bool warm);

}  // namespace eph::sim
