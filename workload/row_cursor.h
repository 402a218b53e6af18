#pragma once
// Reads rows of a CSV text from left to right, number by number, without looking for their ends
// first. Understands the plain case alone: no quotes, no blanks, no signs, no exponents, numbers
// of few digits. Where it returns false the row is to be read again by RowFields, which
// understands everything and says what is wrong.
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace eph::workload {

// The text ends with LF and is readable for kBeyond bytes more.
class RowCursor {
 public:
  static constexpr std::size_t kBeyond = 16;

  explicit RowCursor(const char* at) : at_(at) {}
  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] bool at_field_end() const { return *at_ == ',' || *at_ == '\n' || *at_ == '\r'; }

  // The comma behind a field.
  bool comma() { return take(','); }
  // LF or CR LF behind the last one.
  bool line_end() {
    if (*at_ == '\r') ++at_;
    return take('\n');
  }
  bool take(char c) {
    if (*at_ != c) return false;
    ++at_;
    return true;
  }

  // Up to eight digits, at least one; false when there are more.
  bool whole(std::int64_t& value) {
    const int digits = leading_digits(value);
    at_ += digits;
    return digits > 0 && !is_digit(*at_);
  }
  // The same, at least 1.
  bool tokens(std::int32_t& value) {
    std::int64_t wide = 0;
    if (!whole(wide) || wide < 1) return false;
    value = static_cast<std::int32_t>(wide);
    return true;
  }
  // Up to eight digits, and up to nine behind a point; in units of 1e-9.
  bool decimal(std::int64_t& value) {
    if (!whole(value)) return false;
    value *= kUnit;
    if (*at_ != '.') return true;
    ++at_;
    std::int64_t part = 0;
    if (!fraction(part)) return false;
    value += part;
    return true;
  }
  // One to nine digits behind a point, in units of 1e-9.
  bool fraction(std::int64_t& value) {
    const int digits = leading_digits(value);
    if (digits == 0) return false;
    at_ += digits;
    value *= kScale[static_cast<std::size_t>(digits)];
    if (digits < 8 || !is_digit(*at_)) return true;
    value += *at_++ - '0';
    return !is_digit(*at_);
  }
  bool two_digits(int& value) {
    if (!is_digit(at_[0]) || !is_digit(at_[1])) return false;
    value = (at_[0] - '0') * 10 + (at_[1] - '0');
    at_ += 2;
    return true;
  }
  // Anything without quotes up to the field's end.
  bool text(std::string_view& value) {
    const char* const first = at_;
    for (;;) {
      const std::uint64_t bytes = load(at_);
      const std::uint64_t ends =
          equal_bytes(',', bytes) | equal_bytes('\n', bytes) | equal_bytes('"', bytes);
      if (ends == 0) {
        at_ += sizeof bytes;
        continue;
      }
      at_ += std::countr_zero(ends) / 8;
      break;
    }
    if (*at_ == '"') return false;
    if (*at_ == '\n' && at_ != first && at_[-1] == '\r') --at_;
    value = std::string_view(first, static_cast<std::size_t>(at_ - first));
    return true;
  }
  // Bytes that are equal to an earlier field's beginning.
  template <std::size_t N>
  bool same(const std::array<char, N>& text) {
    static_assert(N <= kBeyond);
    if (std::memcmp(at_, text.data(), N) != 0) return false;
    at_ += N;
    return true;
  }

 private:
  static constexpr std::int64_t kUnit = 1'000'000'000;
  static constexpr std::array<std::int64_t, 9> kScale{
      kUnit, kUnit / 10, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10};

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static std::uint64_t load(const char* text) {
    static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text, sizeof bytes);
    return bytes;
  }
  static constexpr std::uint64_t all(unsigned char c) { return 0x0101010101010101ULL * c; }
  // The high bit of every byte that equals `c`; those behind the first may be wrong.
  static std::uint64_t equal_bytes(char c, std::uint64_t bytes) {
    const std::uint64_t zero = bytes ^ all(static_cast<unsigned char>(c));
    return (zero - all(1)) & ~zero & all(0x80);
  }

  // Of the eight bytes here, how many are digits before the first that is none, and their value:
  // all at once, because the branches of a loop over digits of random numbers are unpredictable.
  int leading_digits(std::int64_t& value) const {
    const std::uint64_t bytes = load(at_);
    // A byte is a digit when neither c + 0x46 nor c - 0x30 has its high bit; carries and borrows go
    // to later bytes only.
    const std::uint64_t others = ((bytes + all(0x46)) | (bytes - all(0x30))) & all(0x80);
    const int digits = others == 0 ? 8 : std::countr_zero(others) / 8;
    if (digits == 0) return 0;
    std::uint64_t v = (bytes & all(0x0f)) << (8 * (8 - digits));  // zeros in front
    v = v * 10 + (v >> 8);                                        // pairs, in every other byte
    constexpr std::uint64_t kPairs = 0x000000ff000000ffULL;
    v = ((v & kPairs) * 0x000f424000000064ULL + ((v >> 16) & kPairs) * 0x0000271000000001ULL) >> 32;
    value = static_cast<std::int64_t>(v);
    return digits;
  }

  const char* at_;
};

}  // namespace eph::workload
