#include "app/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "core/assert.h"

namespace eph::app {

namespace {

// Characters of UTF-8 text: bytes that do not continue a character.
std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string group_thousands(std::string digits) {
  const std::size_t start = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = digits.size(); i > start + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

}  // namespace

TextTable::TextTable(std::vector<std::string> header, std::vector<Align> align)
    : align_(std::move(align)) {
  align_.resize(header.size(), Align::right);
  rows_.push_back(std::move(header));
}

void TextTable::add(std::vector<std::string> cells) {
  EPH_ASSERT(cells.size() == align_.size(), "table row of {} cells under {} columns", cells.size(),
             align_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(align_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], display_width(row[c]));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - display_width(row[c]), ' ');
      line += c == 0 ? "" : "  ";
      line += align_[c] == Align::left ? row[c] + pad : pad + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string human(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size >= 1000) return group_thousands(fmt::format("{:.0f}", value));
  if (size >= 100) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 1) return fmt::format("{:.2f}", value);
  if (size >= 0.001) return fmt::format("{:.3g}", value);
  return size == 0 ? "0" : fmt::format("{:.2g}", value);
}

std::string human_count(std::uint64_t value) { return group_thousands(fmt::format("{}", value)); }

std::string human_time(double seconds) {
  if (seconds < 1) return fmt::format("{} ms", human(seconds * 1e3));
  if (seconds < 120) return fmt::format("{} s", human(seconds));
  const auto minutes = static_cast<std::int64_t>(std::llround(seconds / 60));
  if (minutes < 120) return fmt::format("{} min", minutes);
  const std::int64_t hours = minutes / 60;
  if (hours < 72) return fmt::format("{} h {:02} min", hours, minutes % 60);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string percent(double share) { return fmt::format("{} %", human(share * 100)); }

std::string sparkline(std::span<const double> values, std::size_t width) {
  constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t buckets = std::min(width, values.size());
  std::vector<double> means(buckets, 0);
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t from = b * values.size() / buckets;
    const std::size_t to = (b + 1) * values.size() / buckets;
    for (std::size_t i = from; i < to; ++i) means[b] += values[i] / static_cast<double>(to - from);
  }
  const double top = means.empty() ? 0 : *std::max_element(means.begin(), means.end());
  std::string out;
  for (double mean : means) {
    const double level = top > 0 ? mean / top * 8 : 0;
    out += kBlocks[std::min<std::size_t>(7, static_cast<std::size_t>(std::max(level, 0.0)))];
  }
  return out;
}

}  // namespace eph::app
