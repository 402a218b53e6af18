#pragma once
// A measured table of times over one or more axes, whose points along an axis may differ with the
// axes before it.
#include <initializer_list>
#include <map>
#include <span>

namespace eph::calibration {

// Linear along every axis, the last axis innermost. Beyond the outermost points the outermost slope
// goes on, never below the smallest time of the table.
class RaggedGrid {
 public:
  // Every point has the same number of coordinates, at least one. A repeated point keeps the last
  // value.
  void add(std::initializer_list<double> point, double value);
  [[nodiscard]] bool empty() const { return root_.below.empty(); }
  [[nodiscard]] double at(std::initializer_list<double> point) const;  // requires !empty()
  // The value at the first point whose leading coordinate is not below x, of a table with one axis:
  // for kernels that work in whole tiles. Beyond the last point the last value grows in proportion.
  [[nodiscard]] double at_or_above(double x) const;
  [[nodiscard]] double smallest() const { return smallest_; }

 private:
  struct Node {
    double value = 0;              // of a leaf
    std::map<double, Node> below;  // by the next coordinate; empty: a leaf
  };
  [[nodiscard]] static double along(const Node& node, std::span<const double> point);

  Node root_;
  double smallest_ = 0;
};

}  // namespace eph::calibration
