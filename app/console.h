#pragma once
// The one place that writes to stdout and stderr: results to stdout, all else to stderr.
#include <string_view>

#include "core/error.h"
#include "core/result.h"

namespace eph::app {

inline constexpr int kOk = 0, kCheckFailed = 1, kUsage = 2, kIo = 3, kInternal = 70;

[[nodiscard]] int exit_code(ErrorKind kind);

// Results. An error (a full disk, a closed pipe) is of kind io.
[[nodiscard]] Result<void> write_result(std::string_view text);
void write_error(const Error& error);       // "ephemeris: error: ...", a line each fault
void write_warning(std::string_view text);  // "ephemeris: warning: ..."
void write_note(std::string_view text);     // a plain line
[[nodiscard]] bool stderr_is_terminal();

// Writes the result and gives the exit code.
[[nodiscard]] int finish(std::string_view text, int code = kOk);
// Reports the error and gives its exit code. A single deployment that does not fit is a
// configuration that cannot run (2); only a search over candidates can come out infeasible (1).
[[nodiscard]] int fail(const Error& error);

}  // namespace eph::app
