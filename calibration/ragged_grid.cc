#include "calibration/ragged_grid.h"

#include <algorithm>
#include <iterator>

#include "core/assert.h"

namespace eph::calibration {

void RaggedGrid::add(std::initializer_list<double> point, double value) {
  EPH_ASSERT(point.size() > 0, "a point without coordinates");
  smallest_ = empty() ? value : std::min(smallest_, value);
  Node* node = &root_;
  for (const double coordinate : point) node = &node->below[coordinate];
  node->value = value;
}

double RaggedGrid::along(const Node& node, std::span<const double> point) {
  if (node.below.empty()) return node.value;
  EPH_ASSERT(!point.empty(), "a point with too few coordinates");
  const double x = point.front();
  const auto rest = point.subspan(1);
  // The two neighbours of x, or the outermost two.
  auto high = node.below.lower_bound(x);
  if (high == node.below.end()) high = std::prev(high);
  if (high == node.below.begin() && node.below.size() > 1) ++high;
  const double y1 = along(high->second, rest);
  if (high == node.below.begin() || high->first == x) return y1;
  const auto low = std::prev(high);
  const double y0 = along(low->second, rest);
  return y0 + (y1 - y0) * (x - low->first) / (high->first - low->first);
}

double RaggedGrid::at(std::initializer_list<double> point) const {
  EPH_ASSERT(!empty(), "interpolation in an empty table");
  return std::max(along(root_, {point.begin(), point.size()}), smallest_);
}

double RaggedGrid::at_or_above(double x) const {
  EPH_ASSERT(!empty(), "a look-up in an empty table");
  const auto found = root_.below.lower_bound(x);
  if (found != root_.below.end()) return found->second.value;
  const auto& [last, node] = *std::prev(root_.below.end());
  return node.value * x / last;
}

}  // namespace eph::calibration
