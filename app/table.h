#pragma once
// Text for people: aligned columns, numbers with sensible digits, sparklines.
#include <span>
#include <string>
#include <vector>

namespace eph::app {

// Columns are as wide as their widest cell; text to the left, numbers to the right. Widths count
// characters, not bytes.
class TextTable {
 public:
  enum class Align { left, right };
  explicit TextTable(std::vector<std::string> header, std::vector<Align> align = {});
  void add(std::vector<std::string> cells);  // as many as the header has
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }  // but for the header

 private:
  std::vector<std::vector<std::string>> rows_;  // the first is the header
  std::vector<Align> align_;
};

// Three significant digits and no exponent: "0.0123", "4.56", "12,345".
[[nodiscard]] std::string human(double value);
[[nodiscard]] std::string human_count(std::uint64_t value);  // "12,345"
[[nodiscard]] std::string human_time(double seconds);        // "1 h 02 min", "34.5 s"
[[nodiscard]] std::string percent(double share);             // "12.3 %"

// One of eight block characters a bucket, scaled to the largest value; `width` buckets of means.
[[nodiscard]] std::string sparkline(std::span<const double> values, std::size_t width);

}  // namespace eph::app
