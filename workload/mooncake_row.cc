#include "workload/mooncake_row.h"

#include <fmt/format.h>

#include <charconv>

#include "workload/row_fields.h"

namespace eph::workload {
namespace {

constexpr std::string_view kKeys = "timestamp, input_length, output_length, hash_ids";

class Scanner {
 public:
  Scanner(std::string_view line, std::vector<std::uint64_t>& hashes)
      : begin_(line.data()), at_(begin_), end_(begin_ + line.size()), hashes_(hashes) {}

  std::optional<RowProblem> row(MooncakeRow& row) {
    if (!eat('{')) return broken("{");
    if (!eat('}')) {
      do {
        if (auto problem = member(row)) return problem;
      } while (eat(','));
      if (!eat('}')) return broken("\",\" or \"}\"");
    }
    blanks();
    if (at_ != end_) return broken("the end of the line");
    return std::nullopt;
  }

 private:
  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool eat(char c) {
    blanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] RowProblem broken(std::string_view expected) const {
    return {fmt::format("column {}: expected {}, found \"{}\"", at_ - begin_ + 1, expected,
                        shown({at_, static_cast<std::size_t>(end_ - at_)}, 20)),
            "each line must be one JSON object; the file may be cut off"};
  }

  std::optional<RowProblem> member(MooncakeRow& row) {
    if (!eat('"')) return broken("a key");
    const char* const first = at_;
    while (at_ != end_ && *at_ != '"') ++at_;
    const std::string_view key(first, static_cast<std::size_t>(at_ - first));
    if (at_ == end_) return broken("the end of the key");
    ++at_;
    if (!eat(':')) return broken("\":\"");
    if (key == "hash_ids") {
      if (row.has_hashes) return twice(key);
      row.has_hashes = true;
      return hash_ids();
    }
    std::string_view* const slot = key == "timestamp"       ? &row.timestamp
                                   : key == "input_length"  ? &row.input_length
                                   : key == "output_length" ? &row.output_length
                                                            : nullptr;
    if (slot == nullptr) {
      return RowProblem{fmt::format("unknown key \"{}\" of a Mooncake trace", shown(key)),
                        fmt::format("a row has {}", kKeys)};
    }
    if (!slot->empty()) return twice(key);
    *slot = scalar();
    if (slot->empty()) return broken("a number");
    return std::nullopt;
  }

  static RowProblem twice(std::string_view key) {
    return {fmt::format("key \"{}\" stands twice", key), "keep one of them"};
  }

  std::string_view scalar() {
    blanks();
    const char* const first = at_;
    while (at_ != end_ && *at_ != ',' && *at_ != '}' && *at_ != ' ' && *at_ != '\t') ++at_;
    return {first, static_cast<std::size_t>(at_ - first)};
  }

  std::optional<RowProblem> hash_ids() {
    if (!eat('[')) return broken("\"[\"");
    if (eat(']')) return std::nullopt;
    do {
      blanks();
      std::uint64_t value = 0;
      const auto [stop, code] = std::from_chars(at_, end_, value);
      const bool whole = stop == end_ || *stop == ',' || *stop == ']' || *stop == ' ';
      if (code != std::errc{} || !whole) return broken("a hash id, a whole number of at least 0");
      at_ = stop;
      hashes_.push_back(value);
    } while (eat(','));
    if (!eat(']')) return broken("\",\" or \"]\"");
    return std::nullopt;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::vector<std::uint64_t>& hashes_;
};

}  // namespace

std::optional<RowProblem> scan_mooncake_row(std::string_view line, MooncakeRow& row,
                                            std::vector<std::uint64_t>& hashes) {
  return Scanner(line, hashes).row(row);
}

}  // namespace eph::workload
