#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace eph {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct Unit {
  std::string_view name;
  double times;
  double over = 1;  // divided by, so that "3 ms" is the double nearest to 0.003
};

constexpr std::array kTimeUnits = {Unit{"ns", 1, 1e9}, Unit{"us", 1, 1e6}, Unit{"ms", 1, 1e3},
                                   Unit{"s", 1},       Unit{"min", 60},    Unit{"h", 3600},
                                   Unit{"d", 86400}};
constexpr std::array kByteUnits = {Unit{"B", 1},        Unit{"kB", 1e3},     Unit{"MB", 1e6},
                                   Unit{"GB", 1e9},     Unit{"TB", 1e12},    Unit{"KiB", 1024},
                                   Unit{"MiB", 0x1p20}, Unit{"GiB", 0x1p30}, Unit{"TiB", 0x1p40}};
constexpr std::array kRateUnits = {
    Unit{"B/s", 1},        Unit{"kB/s", 1e3},    Unit{"MB/s", 1e6},     Unit{"GB/s", 1e9},
    Unit{"TB/s", 1e12},    Unit{"KiB/s", 1024},  Unit{"MiB/s", 0x1p20}, Unit{"GiB/s", 0x1p30},
    Unit{"TiB/s", 0x1p40}, Unit{"b/s", 1, 8},    Unit{"kb/s", 1e3, 8},  Unit{"Mb/s", 1e6, 8},
    Unit{"Gb/s", 1e9, 8},  Unit{"Tb/s", 1e12, 8}};
constexpr std::array kComputeUnits = {Unit{"FLOPS", 1},     Unit{"kFLOPS", 1e3},
                                      Unit{"MFLOPS", 1e6},  Unit{"GFLOPS", 1e9},
                                      Unit{"TFLOPS", 1e12}, Unit{"PFLOPS", 1e15}};
constexpr std::array kMoneyUnits = {Unit{"USD/h", 1}};

Error quantity_error(std::string_view text, std::string_view noun, std::string_view example,
                     std::span<const Unit> units) {
  std::string names;
  for (const Unit& unit : units) {
    if (!names.empty()) names += ' ';
    names += unit.name;
  }
  return usage_error(fmt::format("\"{}\" is not {}", text, noun),
                     fmt::format("write it like \"{}\" (units: {})", example, names));
}

// Number, optional blanks, unit. Quantities are sizes of things: a negative one is an error.
Result<double> parse_quantity(std::string_view text, std::string_view noun,
                              std::string_view example, std::span<const Unit> units) {
  const std::string_view body = trim(text);
  double value = 0;
  const auto [end, code] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (code != std::errc{} || !std::isfinite(value)) {
    return quantity_error(text, noun, example, units);
  }
  const std::string_view name = trim(body.substr(static_cast<std::size_t>(end - body.data())));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& candidate) { return candidate.name == name; });
  if (unit == units.end()) return quantity_error(text, noun, example, units);
  if (std::signbit(value)) {
    return usage_error(fmt::format("\"{}\" is negative", text), "use a value of 0 or more");
  }
  const double scaled = value * unit->times / unit->over;
  if (!std::isfinite(scaled)) return usage_error(fmt::format("\"{}\" is too large", text));
  return scaled;
}

// Edit distance with insertions, deletions, substitutions and swaps of neighbours (optimal string
// alignment), all at cost 1.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::int64_t> parse_int(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text, bool allow_special) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || stop != end) return std::nullopt;
  if (!allow_special && !std::isfinite(value)) return std::nullopt;
  return value;
}

Result<Seconds> parse_seconds(std::string_view text) {
  const auto value = parse_quantity(text, "a time", "500 ms", kTimeUnits);
  if (!value) return value.error();
  return Seconds{*value};
}

Result<Bytes> parse_bytes(std::string_view text) {
  const auto value = parse_quantity(text, "a number of bytes", "80 GiB", kByteUnits);
  if (!value) return value.error();
  if (*value >= 0x1p63) return usage_error(fmt::format("\"{}\" is too large", text));
  return Bytes{std::llround(*value)};
}

Result<BytesPerSecond> parse_bandwidth(std::string_view text) {
  const auto value = parse_quantity(text, "a bandwidth", "3.35 TB/s", kRateUnits);
  if (!value) return value.error();
  return BytesPerSecond{*value};
}

Result<FlopsPerSecond> parse_flops(std::string_view text) {
  const auto value = parse_quantity(text, "a compute rate", "989 TFLOPS", kComputeUnits);
  if (!value) return value.error();
  return FlopsPerSecond{*value};
}

Result<UsdPerHour> parse_usd_per_hour(std::string_view text) {
  // "$2.50/h" is read as "2.50 USD/h".
  const std::string_view body = trim(text);
  std::string plain(body);
  if (body.starts_with('$') && body.ends_with("/h")) {
    plain = std::string(body.substr(1, body.size() - 3)) + " USD/h";
  }
  const auto value = parse_quantity(plain, "a price", "2.50 USD/h", kMoneyUnits);
  if (value) return UsdPerHour{*value};
  Error error = value.error();
  if (plain != body) error.what = fmt::format("\"{}\" is not a price", text);
  return error;
}

std::optional<std::string> did_you_mean(std::string_view word,
                                        std::span<const std::string> candidates) {
  const std::string lower = to_lower(word);
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  const std::string* best = nullptr;
  std::size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(lower, to_lower(candidate));
    // A distance of a whole word is no likeness: "x" is not a typo of "y".
    if (distance < best_distance && distance < candidate.size() && distance < word.size()) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string suggest(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kListed = 12;
  if (candidates.empty()) return {};
  if (const auto likely = did_you_mean(word, candidates)) {
    return fmt::format("did you mean \"{}\"?", *likely);
  }
  const auto shown = candidates.first(std::min(kListed, candidates.size()));
  return fmt::format("one of: {}{}", fmt::join(shown, ", "),
                     candidates.size() > kListed ? ", ..." : "");
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string number(double value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

}  // namespace eph
