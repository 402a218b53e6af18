#include "core/json_doc.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/assert.h"
#include "core/json_plain.h"
#include "core/line_source.h"

namespace eph {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Shows the parser's progress through the text: the library tells no positions of values.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** progress) : at_(at), progress_(progress) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *progress_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const CountingIterator& a, const CountingIterator& b) { return !(a == b); }

 private:
  const char* at_;
  const char** progress_;
};

bool is_number_part(char c) {
  return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

// A place in the text that only moves forward and knows its line and column.
class Cursor {
 public:
  explicit Cursor(std::string_view text, std::int64_t line = 1)
      : at_(text.data()), end_(text.data() + text.size()), line_(line) {}

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::int64_t column() const { return column_; }

  void advance_to(const char* target) {
    for (; at_ < target; ++at_) {
      if (*at_ == '\n') {
        ++line_;
        column_ = 1;
      } else if ((static_cast<unsigned char>(*at_) & 0xC0U) != 0x80U) {
        ++column_;  // not a continuation byte of UTF-8
      }
    }
  }
  // Past blanks, comments and, before `limit`, the commas and colons between two tokens.
  void skip_to_token(const char* limit) {
    for (;;) {
      if (at_ >= end_) return;
      if (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r') {
        advance_to(at_ + 1);
      } else if (*at_ == '/' && end_ - at_ > 1 && (at_[1] == '/' || at_[1] == '*')) {
        skip_comment(at_[1] == '/' ? "\n" : "*/");
      } else if ((*at_ == ',' || *at_ == ':') && at_ < limit) {
        advance_to(at_ + 1);
      } else {
        return;
      }
    }
  }
  void skip_number(const char* limit) {
    const char* end = at_;
    while (end < limit && is_number_part(*end)) ++end;
    advance_to(end);
  }

 private:
  void skip_comment(std::string_view terminator) {
    const std::string_view rest(at_ + 2, static_cast<std::size_t>(end_ - at_ - 2));
    const std::size_t length = rest.find(terminator);
    advance_to(length == std::string_view::npos ? end_ : rest.data() + length + terminator.size());
  }

  const char* at_;
  const char* end_;
  std::int64_t line_;
  std::int64_t column_ = 1;
};

// A NaN or Infinity token: where it stands and what it means.
struct SpecialNumber {
  std::size_t offset;
  double value;
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '+' || c == '-';
}

// Overwrites every special number outside strings and comments by "0" and blanks (same length, so
// that places stay true) and lists them.
std::vector<SpecialNumber> take_special_numbers(std::string& text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::pair<std::string_view, double> kTokens[] = {
      {"NaN", std::numeric_limits<double>::quiet_NaN()},
      {"Infinity", kInfinity},
      {"-Infinity", -kInfinity}};
  std::vector<SpecialNumber> found;
  const std::string_view all = text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string_view rest = all.substr(i);
    if (all[i] == '"') {
      for (++i; i < all.size() && all[i] != '"'; ++i) i += all[i] == '\\' ? 1 : 0;
    } else if (rest.starts_with("//")) {
      i = std::min(all.find('\n', i), all.size()) - 1;
    } else if (rest.starts_with("/*")) {
      i = std::min(all.find("*/", i + 2), all.size() - 1);
    } else if (is_word(all[i])) {
      const auto end = std::find_if_not(rest.begin(), rest.end(), is_word);
      const std::string_view word = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
      for (const auto& [token, value] : kTokens) {
        if (word != token) continue;
        found.push_back({i, value});
        text.replace(i, word.size(), "0" + std::string(word.size() - 1, ' '));
      }
      i += word.size() - 1;
    }
  }
  return found;
}

}  // namespace

// Receives the parser's events and builds the tree.
class JsonBuilder {
 public:
  JsonBuilder(std::string_view text, std::int64_t first_line, const char** progress,
              std::vector<SpecialNumber> special)
      : text_(text), progress_(progress), cursor_(text, first_line), special_(std::move(special)) {
    if (text.starts_with(kByteOrderMark)) {
      cursor_ = Cursor(text.substr(kByteOrderMark.size()), first_line);
    }
  }

  bool null() { return place_word(Json(), 4); }
  bool boolean(bool value) { return place_word(Json::boolean(value), value ? 4 : 5); }
  bool number_integer(std::int64_t value) { return place_number(Json::integer(value)); }
  bool number_unsigned(std::uint64_t value) {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMax) return place_number(Json::number(static_cast<double>(value)));
    return place_number(Json::integer(static_cast<std::int64_t>(value)));
  }
  bool number_float(double value, const std::string& /*text*/) {
    return place_number(Json::number(value));
  }
  bool string(std::string& value) {
    begin_token();
    Json json = Json::string(std::move(value));
    set_place(json);
    cursor_.advance_to(*progress_);
    return add(std::move(json));
  }
  bool binary(nlohmann::json::binary_t& /*value*/) { return false; }

  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    begin_token();
    open_.back().key = std::move(name);
    open_.back().key_line = cursor_.line();
    open_.back().key_column = cursor_.column();
    cursor_.advance_to(*progress_);
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& last_token,
                   const nlohmann::detail::exception& exception);

  [[nodiscard]] Json& root() { return root_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  struct Open {
    Json container;
    std::string key = {};  // of the member that is being read
    std::int64_t key_line = 0;
    std::int64_t key_column = 0;
  };

  void begin_token() { cursor_.skip_to_token(text_.data() + text_.size()); }
  void set_place(Json& json) const { json.set_place(cursor_.line(), cursor_.column()); }
  bool place_word(Json json, std::ptrdiff_t length) {
    begin_token();
    set_place(json);
    cursor_.advance_to(cursor_.at() + length);
    return add(std::move(json));
  }
  bool place_number(Json json) {
    begin_token();
    const auto offset = static_cast<std::size_t>(cursor_.at() - text_.data());
    if (next_special_ < special_.size() && special_[next_special_].offset == offset) {
      json = Json::number(special_[next_special_++].value);
    }
    set_place(json);
    // The parser has read one character more than the number, unless the text ends with it.
    const bool at_end = *progress_ == text_.data() + text_.size();
    cursor_.skip_number(at_end ? *progress_ : *progress_ - 1);
    return add(std::move(json));
  }
  bool open(Json container) {
    begin_token();
    if (open_.size() == kMaxJsonDepth) {
      fail(fmt::format("nested deeper than {} levels", kMaxJsonDepth), "flatten the file");
      return false;
    }
    set_place(container);
    cursor_.advance_to(cursor_.at() + 1);
    open_.push_back(Open{std::move(container)});
    return true;
  }
  bool close() {
    begin_token();
    cursor_.advance_to(cursor_.at() + 1);
    Json done = std::move(open_.back().container);
    open_.pop_back();
    return add(std::move(done));
  }
  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Open& parent = open_.back();
    if (parent.container.is_array()) {
      parent.container.push(std::move(value));
    } else {
      value.set_place(parent.key_line, parent.key_column);
      std::get<std::vector<Json::Member>>(parent.container.value_)
          .emplace_back(std::move(parent.key), std::move(value));
    }
    return true;
  }
  void fail(std::string what, std::string remedy) {
    error_ = usage_error(std::move(what), std::move(remedy));
    error_->place.line = cursor_.line();
    error_->place.column = cursor_.column();
  }

  std::string_view text_;
  const char** progress_;
  Cursor cursor_;
  std::vector<SpecialNumber> special_;
  std::size_t next_special_ = 0;
  std::vector<Open> open_;
  Json root_;
  std::optional<Error> error_;
};

// Turns "[json.exception.parse_error.101] parse error at line 3, column 2: syntax error while
// parsing object key - unexpected '}'; expected string literal" into a place, a fact and a remedy.
bool JsonBuilder::parse_error(std::size_t /*position*/, const std::string& last_token,
                              const nlohmann::detail::exception& exception) {
  const char* last_read = *progress_ == text_.data() ? text_.data() : *progress_ - 1;
  std::string_view message = exception.what();
  if (exception.id != 101) {
    cursor_.skip_to_token(last_read);
    fail(fmt::format("{} is too large for a number", last_token), "use a smaller value");
    return false;
  }
  if (const auto dash = message.find(" - "); dash != std::string_view::npos) {
    message.remove_prefix(dash + 3);
  }
  message = message.substr(0, message.find("; last read"));
  const std::size_t expected_at = message.find("; expected ");
  const std::string_view fact = message.substr(0, expected_at);
  std::string remedy;
  if (expected_at != std::string_view::npos) remedy = std::string(message.substr(expected_at + 2));
  const bool at_end = fact == "unexpected end of input";
  const bool broken_token = !fact.starts_with("unexpected ");
  const char* before = cursor_.at();
  cursor_.skip_to_token(last_read);
  if (at_end) cursor_.advance_to(text_.data() + text_.size());
  const bool comma_before = std::find(before, cursor_.at(), ',') != cursor_.at();
  if (comma_before && (fact == "unexpected '}'" || fact == "unexpected ']'")) {
    remedy = "remove the comma before it";
  }
  if (broken_token) {
    cursor_.advance_to(last_read);
    if (*last_read == '\'') remedy = "strings take double quotes";
  }
  fail(fmt::format("not JSON: {}", fact), std::move(remedy));
  return false;
}

Result<Json> parse_json(std::string_view text, std::string file, const ParseOptions& options) {
  if (text.empty()) text = "";
  if (auto plain = parse_plain_json(text, options.first_line)) return std::move(*plain);
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    Cursor cursor(text, options.first_line);
    cursor.advance_to(text.data() + zero);
    Error error = usage_error("not JSON: a zero byte", "write the file as UTF-8");
    error.place = {std::move(file), cursor.line(), cursor.column(), {}};
    return error;
  }
  std::string changed;
  std::vector<SpecialNumber> special;
  if (options.allow_special_numbers && (text.find("NaN") != std::string_view::npos ||
                                        text.find("Infinity") != std::string_view::npos)) {
    changed = std::string(text);
    special = take_special_numbers(changed);
    text = changed;
  }
  const char* progress = text.data();
  JsonBuilder builder(text, options.first_line, &progress, std::move(special));
  const bool parsed = nlohmann::json::sax_parse(
      CountingIterator(text.data(), &progress),
      CountingIterator(text.data() + text.size(), &progress), &builder,
      nlohmann::json::input_format_t::json, /*strict=*/true, /*ignore_comments=*/true);
  if (parsed) return std::move(builder.root());
  EPH_ASSERT(builder.error().has_value(), "the JSON parser stopped without a reason in {}", file);
  Error error = *builder.error();
  error.place.file = std::move(file);
  return error;
}

Result<Json> load_json(const std::string& path, const ParseOptions& options) {
  const auto text = read_file(path);
  if (!text) return text.error();
  return parse_json(*text, path, options);
}

}  // namespace eph
