#pragma once
// Predicted against measured values as a self-contained SVG.
#include <string>
#include <string_view>
#include <vector>

#include "calibration/error_table.h"

namespace eph::calibration {

struct PictureText {
  std::string title, subtitle;
};

// Small multiples, one square panel a figure, both axes logarithmic with the same range; a mark for
// each prediction, coloured by engine; the diagonal and a band of 10 % around it. Only figures that
// a row counts (`scored`), that were measured and predicted, and are positive. The same rows give
// the same bytes. Plain SVG 1.1 without scripts or external fonts; `title` may hold any text.
[[nodiscard]] std::string scatter_svg(const std::vector<ScoredRow>& rows, const PictureText& text);

[[nodiscard]] std::string svg_escaped(std::string_view text);  // as the content of an element
// "TTFT p95" and "ms", for people.
[[nodiscard]] std::string display_name(Figure figure);
[[nodiscard]] std::string_view unit(Figure figure);

}  // namespace eph::calibration
