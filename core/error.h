#pragma once
// What went wrong for the user: where, what (with the value), and what to do about it.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace eph {

// A place in a source file. Line and column count from 1; 0 means "not known".
// `pointer` is a JSON pointer ("/fleet/0/tensor_parallel") or a column name of a table.
struct SourcePlace {
  std::string file;
  std::int64_t line = 0;
  std::int64_t column = 0;
  std::string pointer;
};

// Decides the exit code: `usage` 2 (bad arguments or configuration), `io` 3 (cannot read or write,
// or a damaged file), `infeasible` 1.
enum class ErrorKind { usage, io, infeasible };

struct Error {
  ErrorKind kind = ErrorKind::usage;
  SourcePlace place;
  std::string what;    // the fact with its value; lower case, no trailing dot
  std::string remedy;  // what to do; may be empty

  // "file:line:column: pointer: what; remedy", leaving out what is not known.
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Error usage_error(std::string what, std::string remedy = {});
[[nodiscard]] Error io_error(std::string file, std::string what, std::string remedy = {});
// `file:line: what; remedy` of kind usage, for a bad row of a table.
[[nodiscard]] Error row_error(std::string file, std::int64_t line, std::string what,
                              std::string remedy = {});
[[nodiscard]] Error infeasible_error(std::string what, std::string remedy = {});

// Collects every fault of one input, in the order found.
class Diagnostics {
 public:
  void add(Error error) { errors_.push_back(std::move(error)); }
  [[nodiscard]] bool ok() const { return errors_.empty(); }
  [[nodiscard]] const std::vector<Error>& errors() const { return errors_; }
  // All errors as one (kind of the first, texts joined by newlines). Requires !ok().
  [[nodiscard]] Error combined() const;

 private:
  std::vector<Error> errors_;
};

}  // namespace eph
