#include "core/assert.h"

#include <string_view>

namespace eph {

namespace {

// The last two components, so that a message does not depend on where the tree was built.
std::string_view tail_of(std::string_view path) {
  const auto last = path.rfind('/');
  if (last == std::string_view::npos || last == 0) return path;
  const auto previous = path.rfind('/', last - 1);
  return previous == std::string_view::npos ? path : path.substr(previous + 1);
}

}  // namespace

void assertion_failed(const char* condition, const char* file, int line,
                      const std::string& message) {
  throw InternalError(
      fmt::format("{}:{}: `{}` does not hold: {}", tail_of(file), line, condition, message));
}

}  // namespace eph
