#pragma once
// Fields of one CSV row and the numbers in them, without allocation.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/row_cursor.h"

namespace eph::workload {

// Views into the line last split (into own storage for a line with quotes); valid until the next
// split.
class RowFields {
 public:
  static constexpr std::size_t kMax = 32;

  // False when the row has more than kMax fields or an open quote.
  [[nodiscard]] bool split(std::string_view line);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::string_view operator[](std::size_t column) const { return views_[column]; }

 private:
  bool split_quoted(std::string_view line);

  std::array<std::string_view, kMax> views_;
  std::size_t count_ = 0;
  std::vector<std::string> unquoted_;
};

// Decimal number times 10^scale as an integer, exact up to `scale` fractional digits, rounded half
// up beyond; "1.5e3" is understood. nullopt when it is no finite number or does not fit.
[[nodiscard]] std::optional<std::int64_t> parse_scaled(std::string_view text, int scale);

// "YYYY-MM-DD HH:MM:SS" with optional fraction and zone (Z, +hh:mm, +hhmm, +hh); T or a blank
// between date and time; no zone means UTC. Keeps the last date seen, since rows of a trace share
// it.
class TimestampParser {
 public:
  // Nanoseconds since 1970-01-01 UTC, digits beyond the ninth dropped; nullopt when malformed.
  [[nodiscard]] std::optional<std::int64_t> parse(std::string_view text);

 private:
  std::array<char, 10> date_{};
  std::int64_t days_ = 0;
};

// The same for timestamps that mostly share their minute with the one before, "YYYY-MM-DD HH:MM",
// and are in UTC: ":SS", a fraction of up to nine digits, "+00:00" or nothing.
class MinuteClock {
 public:
  // False where TimestampParser is to be asked.
  bool read(RowCursor& in, std::int64_t& ns) {
    if (!(known_ && in.same(minute_)) && !change_minute(in)) return false;
    int second = 0;
    if (!in.take(':') || !in.two_digits(second) || second > 59) return false;
    std::int64_t part = 0;
    if (in.take('.') && !in.fraction(part)) return false;
    ns = minute_ns_ + second * std::int64_t{1'000'000'000} + part;
    return in.at_field_end() || in.same(kUtc);
  }

 private:
  static constexpr std::array<char, 6> kUtc{'+', '0', '0', ':', '0', '0'};
  bool change_minute(RowCursor& in);

  bool known_ = false;
  std::array<char, 16> minute_{};
  std::int64_t minute_ns_ = 0;
  TimestampParser clock_;
};

// At most `limit` bytes of `text` for a message, "..." when cut; control characters become '?'.
[[nodiscard]] std::string shown(std::string_view text, std::size_t limit = 60);

}  // namespace eph::workload
