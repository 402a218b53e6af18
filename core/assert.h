#pragma once
// Assertions for our own bugs; user and world errors are values (core/error.h).
//
// EPH_ASSERT is always on; EPH_DASSERT only without NDEBUG. Both state the positive invariant and
// print the values: EPH_ASSERT(free + used == total, "kv blocks: {} + {} != {}", free, used,
// total). A failed assertion throws InternalError, which main() turns into exit code 70.
#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace eph {

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   const std::string& message);

}  // namespace eph

#define EPH_ASSERT(condition, ...)                                                         \
  do {                                                                                     \
    if (!(condition)) [[unlikely]]                                                         \
      ::eph::assertion_failed(#condition, __FILE__, __LINE__, ::fmt::format(__VA_ARGS__)); \
  } while (false)

#ifdef NDEBUG
#define EPH_DASSERT(condition, ...) \
  do {                              \
  } while (false)
#else
#define EPH_DASSERT(condition, ...) EPH_ASSERT(condition, __VA_ARGS__)
#endif
