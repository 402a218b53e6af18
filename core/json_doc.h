#pragma once
// JSON with the line of every value. The only place that knows the JSON library.
//
// Comments (// and /* */) are allowed on reading. Duplicate keys are kept in the tree and reported
// by Reader. Objects keep the order of the file. NaN and Infinity tokens, as Python writes them,
// are read only with `ParseOptions::allow_special_numbers` (measured runs), never in our own
// formats.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"

namespace eph {

class Json {
 public:
  enum class Type { null, boolean, integer, number, string, array, object };
  using Member = std::pair<std::string, Json>;

  Json() = default;  // null
  static Json boolean(bool value);
  static Json integer(std::int64_t value);
  static Json number(double value);
  static Json string(std::string value);
  static Json array();
  static Json object();

  [[nodiscard]] Type type() const { return static_cast<Type>(value_.index()); }
  [[nodiscard]] std::string_view type_name() const;  // "a string", "an object", ...
  [[nodiscard]] bool is_null() const { return type() == Type::null; }
  [[nodiscard]] bool is_number() const { return type() == Type::integer || type() == Type::number; }
  [[nodiscard]] bool is_string() const { return type() == Type::string; }
  [[nodiscard]] bool is_array() const { return type() == Type::array; }
  [[nodiscard]] bool is_object() const { return type() == Type::object; }

  // Each requires the type it names (as_double takes integers too).
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] std::int64_t as_int() const;
  [[nodiscard]] double as_double() const;
  [[nodiscard]] const std::string& as_string() const;
  [[nodiscard]] const std::vector<Json>& items() const;      // of an array
  [[nodiscard]] const std::vector<Member>& members() const;  // of an object, duplicates included

  // First member of that name, or nullptr; nullptr too when this is not an object.
  [[nodiscard]] const Json* find(std::string_view key) const;
  // Member or element by path of keys ("a/b/0"), or nullptr.
  [[nodiscard]] const Json* at_path(std::string_view path) const;

  // Building. push needs an array, set an object (replaces a member of that name); both return
  // *this.
  Json& push(Json item);
  Json& set(std::string key, Json value);
  Json& set(std::string key, std::string_view value) {
    return set(std::move(key), string(std::string(value)));
  }
  Json& set(std::string key, const char* value) { return set(std::move(key), string(value)); }
  Json& set(std::string key, double value) { return set(std::move(key), number(value)); }
  Json& set(std::string key, std::int64_t value) { return set(std::move(key), integer(value)); }
  Json& set(std::string key, int value) { return set(std::move(key), integer(value)); }
  Json& set(std::string key, std::size_t value) {
    return set(std::move(key), integer(static_cast<std::int64_t>(value)));
  }
  Json& set(std::string key, bool value) { return set(std::move(key), boolean(value)); }

  // Where the value stood in its file, from 1 (a member: where its key starts; columns count
  // characters); 0 when it was built in memory.
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::int64_t column() const { return column_; }
  void set_place(std::int64_t line, std::int64_t column) {
    line_ = static_cast<std::uint32_t>(line);
    column_ = static_cast<std::uint32_t>(column);
  }

  // Serialised; `indent` < 0 gives one line. Numbers by number() of core/text.h; a non-finite
  // number becomes null. Arrays of scalars stay on one line.
  [[nodiscard]] std::string dump(int indent = 2) const;

 private:
  // The parsers: append members without looking for duplicates.
  friend class JsonBuilder;
  friend class PlainJsonParser;

  // In the order of Type. A tree of numbers is the usual case, so a value takes 48 bytes.
  std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<Json>,
               std::vector<Member>>
      value_;
  std::uint32_t line_ = 0;
  std::uint32_t column_ = 0;
};

// Containers nested deeper than this are an error, so that no input can exhaust the stack.
inline constexpr std::size_t kMaxJsonDepth = 200;

struct ParseOptions {
  bool allow_special_numbers = false;
  std::int64_t first_line = 1;  // of the text in its file: one line of JSON-lines
};

// `file` is only used in messages. The error carries file:line:column.
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string file,
                                      const ParseOptions& options = {});
// Reads and parses; kind io when the file cannot be read, usage when it is not JSON.
[[nodiscard]] Result<Json> load_json(const std::string& path, const ParseOptions& options = {});

}  // namespace eph
