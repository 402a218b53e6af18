#pragma once
// Text to numbers and back: strict numbers, quantities with units, did-you-mean.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/units.h"

namespace eph {

// Whole-string numbers, no leading '+', no locale, no surrounding blanks; nullopt otherwise.
// parse_double takes "inf", "nan" only when `allow_special`.
[[nodiscard]] std::optional<std::int64_t> parse_int(std::string_view text);
[[nodiscard]] std::optional<double> parse_double(std::string_view text, bool allow_special = false);

// Quantities with a unit, a blank between is optional: "500 ms", "1.5h", "80 GiB", "3.35 TB/s",
// "989 TFLOPS", "400 Gb/s" (bits) . The error names the text and the units that are understood.
//   time: ns us ms s min h d    bytes: B kB MB GB TB KiB MiB GiB TiB
//   rate: <bytes>/s or b/s kb/s Mb/s Gb/s Tb/s (bits; 8 to the byte)    compute: FLOPS with k M G T
//   P money: "2.50 USD/h" or "$2.50/h"
[[nodiscard]] Result<Seconds> parse_seconds(std::string_view text);
[[nodiscard]] Result<Bytes> parse_bytes(std::string_view text);
[[nodiscard]] Result<BytesPerSecond> parse_bandwidth(std::string_view text);
[[nodiscard]] Result<FlopsPerSecond> parse_flops(std::string_view text);
[[nodiscard]] Result<UsdPerHour> parse_usd_per_hour(std::string_view text);

// The candidate nearest to `word` by edit distance (case-insensitive; swaps count one), if near
// enough to be a likely typo: distance <= max(1, length / 3).
[[nodiscard]] std::optional<std::string> did_you_mean(std::string_view word,
                                                      std::span<const std::string> candidates);
// "did you mean \"x\"?" or "one of: a, b, c" (at most 12, then "...").
[[nodiscard]] std::string suggest(std::string_view word, std::span<const std::string> candidates);

[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string to_lower(std::string_view text);

// Shortest decimal that reads back to the same double ("0.1", "1e+30"); the one number format of
// all machine-readable outputs.
[[nodiscard]] std::string number(double value);

}  // namespace eph
