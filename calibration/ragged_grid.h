#pragma once
// A measured table of times over two axes whose second axis may differ from line to line.
#include <map>
#include <vector>

namespace eph::calibration {

// Linear in b between the points of a line, linear in a between lines; beyond the outermost points the
// outermost slope goes on, never below the smallest time of the table.
class RaggedGrid {
 public:
  void add(double a, double b, double value);  // a repeated point keeps the last value
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] double at(double a, double b) const;  // requires !empty()
  [[nodiscard]] double smallest() const { return smallest_; }

 private:
  using Line = std::map<double, double>;
  [[nodiscard]] static double along(const Line& line, double b);

  std::map<double, Line> lines_;
  double smallest_ = 0;
};

}  // namespace eph::calibration
