#include "calibration/ragged_grid.h"

#include <algorithm>
#include <iterator>

#include "core/assert.h"

namespace eph::calibration {
namespace {

// The two neighbours of x, or the outermost two; `low` equals `high` in a map of one element.
template <class Map>
std::pair<typename Map::const_iterator, typename Map::const_iterator> bracket(const Map& map, double x) {
  auto high = map.lower_bound(x);
  if (high == map.end()) high = std::prev(map.end());
  if (high == map.begin() && map.size() > 1) ++high;
  const auto low = high == map.begin() ? high : std::prev(high);
  return {low, high};
}

double line_through(double x0, double y0, double x1, double y1, double x) {
  return x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y0;
}

}  // namespace

void RaggedGrid::add(double a, double b, double value) {
  smallest_ = lines_.empty() ? value : std::min(smallest_, value);
  lines_[a][b] = value;
}

double RaggedGrid::along(const Line& line, double b) {
  const auto [low, high] = bracket(line, b);
  return line_through(low->first, low->second, high->first, high->second, b);
}

double RaggedGrid::at(double a, double b) const {
  EPH_ASSERT(!lines_.empty(), "interpolation in an empty table");
  const auto [low, high] = bracket(lines_, a);
  const double value =
      line_through(low->first, along(low->second, b), high->first, along(high->second, b), a);
  return std::max(value, smallest_);
}

}  // namespace eph::calibration
