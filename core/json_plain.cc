#include "core/json_plain.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>
#include <vector>

namespace eph {

// Recursive descent; every function returns false at what is not plain, with the place anywhere.
class PlainJsonParser {
 public:
  PlainJsonParser(std::string_view text, std::int64_t first_line)
      : at_(text.data()),
        end_(text.data() + text.size()),
        line_start_(text.data()),
        line_(first_line) {}

  bool document(Json& out) {
    skip_blanks();
    if (!value(out, 0)) return false;
    skip_blanks();
    return at_ == end_;
  }

 private:
  [[nodiscard]] char here() const { return at_ == end_ ? '\0' : *at_; }
  bool take(char c) {
    if (here() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word))
      return false;
    at_ += word.size();
    return true;
  }
  void skip_blanks() {
    for (; at_ != end_; ++at_) {
      if (static_cast<unsigned char>(*at_) > ' ' && *at_ != '/') return;
      if (*at_ == '\n') {
        ++line_;
        line_start_ = at_ + 1;
        while (end_ - at_ > 2 && at_[1] == ' ' && at_[2] == ' ') at_ += 2;
      } else if (*at_ != ' ' && *at_ != '\t' && *at_ != '\r' && !skip_comment()) {
        return;
      }
    }
  }
  // To its last character.
  bool skip_comment() {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    const bool line = rest.starts_with("//");
    if (!line && !rest.starts_with("/*")) return false;
    const std::size_t close = rest.find(line ? "\n" : "*/", 2);
    if (close == std::string_view::npos) return false;
    const std::string_view text = rest.substr(0, close);
    if (std::any_of(text.begin(), text.end(),
                    [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\n') continue;
      ++line_;
      line_start_ = at_ + i + 1;
    }
    at_ += line ? close - 1 : close + 1;
    return true;
  }
  void place(Json& json) const { json.set_place(line_, at_ - line_start_ + 1); }

  // Into `out`, which is null; at its first character.
  bool value(Json& out, std::size_t depth) {
    place(out);
    switch (here()) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"':
        return string(out.value_.emplace<std::string>());
      case 't':
        out.value_.emplace<bool>(true);
        return take("true");
      case 'f':
        out.value_.emplace<bool>(false);
        return take("false");
      case 'n':
        return take("null");
      default:
        return number(out);
    }
  }

  bool object(Json& out, std::size_t depth) {
    if (depth == kMaxJsonDepth) return false;
    auto& members = out.value_.emplace<std::vector<Json::Member>>();
    ++at_;
    skip_blanks();
    if (take('}')) return true;
    for (;;) {
      skip_blanks();
      auto& [key, item] = members.emplace_back();
      const std::int64_t line = line_, column = at_ - line_start_ + 1;
      if (!string(key)) return false;
      skip_blanks();
      if (!take(':')) return false;
      skip_blanks();
      if (!value(item, depth + 1)) return false;
      item.set_place(line, column);
      skip_blanks();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  static bool is_container(char c) { return c == '[' || c == '{'; }

  // Items wait on one stack, so that every array is made once in its size.
  bool array(Json& out, std::size_t depth) {
    if (depth == kMaxJsonDepth) return false;
    auto& own = out.value_.emplace<std::vector<Json>>();
    ++at_;
    skip_blanks();
    if (take(']')) return true;
    const std::size_t first = items_.size();
    for (;;) {
      skip_blanks();
      if (is_container(here())) {
        Json item;
        if (!value(item, depth + 1)) return false;
        items_.push_back(std::move(item));
      } else if (!value(items_.emplace_back(), depth + 1)) {
        return false;
      }
      skip_blanks();
      if (take(']')) break;
      if (!take(',')) return false;
    }
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(first);
    own.assign(std::make_move_iterator(begin), std::make_move_iterator(items_.end()));
    items_.resize(first);
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    const char* const first = at_;
    while (at_ != end_ && *at_ != '"') {
      const auto c = static_cast<unsigned char>(*at_);
      if (c < 0x20 || c >= 0x7f || c == '\\') return false;
      ++at_;
    }
    out.assign(first, at_);
    return take('"');
  }

  bool digits() {
    const char* const first = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ != first;
  }

  bool number(Json& out) {
    constexpr std::ptrdiff_t kWholeDigits = 18;
    const char* const first = at_;
    take('-');
    const char* const whole = at_;
    if (!digits() || (*whole == '0' && at_ - whole > 1)) return false;
    bool real = false;
    if (take('.')) {
      real = true;
      if (!digits()) return false;
    }
    if (here() == 'e' || here() == 'E') {
      real = true;
      ++at_;
      if (here() == '+' || here() == '-') ++at_;
      if (!digits()) return false;
    }
    if (real) {
      const auto [stop, code] = std::from_chars(first, at_, out.value_.emplace<double>());
      return code == std::errc{} && stop == at_;
    }
    if (at_ - whole > kWholeDigits) return false;
    return std::from_chars(first, at_, out.value_.emplace<std::int64_t>()).ec == std::errc{};
  }

  const char* at_;
  const char* end_;
  const char* line_start_;
  std::int64_t line_;
  std::vector<Json> items_;  // of the arrays that are open
};

std::optional<Json> parse_plain_json(std::string_view text, std::int64_t first_line) {
  Json out;
  if (!PlainJsonParser(text, first_line).document(out)) return std::nullopt;
  return out;
}

}  // namespace eph
