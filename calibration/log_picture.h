#pragma once
// A replayed request log beside the real run, as a self-contained SVG.
#include <span>
#include <string>

#include "calibration/error_table.h"
#include "calibration/log_timeline.h"
#include "calibration/picture.h"

namespace eph::calibration {

// Left, over time: requests running, requests waiting and KV use (if logged), measured and
// simulated; without a timeline only the right column. Right, request by request in order of
// arrival: queue time, TTFT, TPOT. The same input gives the same bytes.
[[nodiscard]] std::string log_svg(const LogTimeline& timeline, std::span<const ScoredRow> requests,
                                  const PictureText& text);

}  // namespace eph::calibration
