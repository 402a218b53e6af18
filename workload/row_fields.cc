#include "workload/row_fields.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/csv.h"
#include "core/text.h"

namespace eph::workload {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// `count` digits at `text`, or -1.
int digits(const char* text, int count) {
  int value = 0;
  for (int i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-compatible low-level date
// algorithms"), or nullopt for a date that does not exist.
std::optional<std::int64_t> days_of(int year, int month, int day) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1) return std::nullopt;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int last = kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
  if (day > last) return std::nullopt;
  const int y = month <= 2 ? year - 1 : year;
  const int era = y / 400;
  const int of_era = y - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return std::int64_t{era} * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// Offset of a zone suffix in seconds, or nullopt.
std::optional<std::int64_t> zone_of(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const std::string_view body = text.substr(1);
  int hours = -1;
  int minutes = 0;
  if (body.size() >= 2) hours = digits(body.data(), 2);
  if (body.size() == 5 && body[2] == ':') {
    minutes = digits(body.data() + 3, 2);
  } else if (body.size() == 4) {
    minutes = digits(body.data() + 2, 2);
  } else if (body.size() != 2) {
    return std::nullopt;
  }
  if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t offset = hours * 3600 + minutes * 60;
  return text[0] == '-' ? -offset : offset;
}

std::optional<std::int64_t> parse_scaled_slow(std::string_view text, int scale) {
  const std::optional<double> value = parse_double(text);
  if (!value) return std::nullopt;
  const double scaled = *value * std::pow(10.0, scale);
  if (!(std::abs(scaled) < 9.2e18)) return std::nullopt;
  return std::llround(scaled);
}

// The high bit of every byte of `bytes` that equals `c`.
std::uint64_t positions_of(char c, std::uint64_t bytes) {
  constexpr std::uint64_t kLow = 0x7f7f7f7f7f7f7f7fULL;
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t zero_where_equal = bytes ^ (kOnes * static_cast<unsigned char>(c));
  return ~(((zero_where_equal & kLow) + kLow) | zero_where_equal | kLow);
}

}  // namespace

// Eight bytes at a time: most of a trace's reading time was looking at single characters here.
bool RowFields::split(std::string_view line) {
  static_assert(std::endian::native == std::endian::little,
                "positions are counted from the low byte");
  count_ = 0;
  const char* const text = line.data();
  std::size_t start = 0;
  for (std::size_t at = 0; at < line.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t bytes = 0;
    const std::size_t left = line.size() - at;
    std::memcpy(&bytes, text + at, left < sizeof bytes ? left : sizeof bytes);
    if (positions_of('"', bytes) != 0) return split_quoted(line);
    for (std::uint64_t commas = positions_of(',', bytes); commas != 0; commas &= commas - 1) {
      const std::size_t comma = at + static_cast<std::size_t>(std::countr_zero(commas)) / 8;
      if (count_ == kMax - 1) return false;
      views_[count_++] = std::string_view(text + start, comma - start);
      start = comma + 1;
    }
  }
  views_[count_++] = line.substr(start);
  return true;
}

bool RowFields::split_quoted(std::string_view line) {
  count_ = 0;
  if (!split_csv(line, unquoted_) || unquoted_.size() > kMax) return false;
  for (const std::string& field : unquoted_) views_[count_++] = field;
  return true;
}

std::optional<std::int64_t> parse_scaled(std::string_view text, int scale) {
  constexpr std::size_t kSafeDigits = 18;  // any 18-digit number fits an int64
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  const char* const first = at;
  std::int64_t value = 0;
  while (at != end && is_digit(*at) && at - first < static_cast<int>(kSafeDigits)) {
    value = value * 10 + (*at++ - '0');
  }
  if (at == first) return std::nullopt;
  if (at - first + scale > static_cast<int>(kSafeDigits)) return parse_scaled_slow(text, scale);
  int left = scale;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    for (; at != end && is_digit(*at) && left > 0; --left) value = value * 10 + (*at++ - '0');
    for (int i = 0; i < left; ++i) value *= 10;
    if (left == 0 && at != end && is_digit(*at)) {
      value += *at >= '5' ? 1 : 0;
      while (at != end && is_digit(*at)) ++at;
    }
    if (at == fraction) return std::nullopt;
  } else {
    for (int i = 0; i < left; ++i) value *= 10;
  }
  if (at != end) return parse_scaled_slow(text, scale);
  return negative ? -value : value;
}

std::optional<std::int64_t> TimestampParser::parse(std::string_view text) {
  if (text.size() < 19) return std::nullopt;
  const char* const c = text.data();
  if (std::memcmp(c, date_.data(), date_.size()) != 0) {
    if (c[4] != '-' || c[7] != '-') return std::nullopt;
    const auto days = days_of(digits(c, 4), digits(c + 5, 2), digits(c + 8, 2));
    if (!days) return std::nullopt;
    days_ = *days;
    std::memcpy(date_.data(), c, date_.size());
  }
  if ((c[10] != ' ' && c[10] != 'T') || c[13] != ':' || c[16] != ':') return std::nullopt;
  const int hour = digits(c + 11, 2);
  const int minute = digits(c + 14, 2);
  const int second = digits(c + 17, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  std::int64_t ns = 0;
  std::size_t at = 19;
  if (at < text.size() && text[at] == '.') {
    std::int64_t unit = kSecond / 10;
    const std::size_t first = ++at;
    for (; at < text.size() && is_digit(text[at]); ++at, unit /= 10) ns += unit * (text[at] - '0');
    if (at == first) return std::nullopt;
  }
  std::int64_t seconds = days_ * 86400 + hour * 3600 + minute * 60 + second;
  if (at < text.size()) {
    const auto zone = zone_of(text.substr(at));
    if (!zone) return std::nullopt;
    seconds -= *zone;
  }
  return seconds * kSecond + ns;
}

bool MinuteClock::change_minute(RowCursor& in) {
  std::array<char, 16> minute{};
  std::array<char, 19> whole{};
  std::memcpy(minute.data(), in.at(), minute.size());
  std::memcpy(whole.data(), minute.data(), minute.size());
  std::memcpy(whole.data() + minute.size(), ":00", 3);
  const auto ns = clock_.parse({whole.data(), whole.size()});
  if (!ns) return false;
  known_ = true;
  minute_ = minute;
  minute_ns_ = *ns;
  return in.same(minute_);
}

std::string shown(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (text.size() > limit) out += "...";
  return out;
}

}  // namespace eph::workload
