#include "app/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/text.h"

namespace eph::app {

namespace {

void write_stderr(std::string_view text) {
  // Nobody is left to tell when stderr fails.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kUsage;
    case ErrorKind::io:
      return kIo;
    case ErrorKind::infeasible:
      return kUsage;  // asked for alone, it cannot run: a bad configuration
  }
  return kInternal;
}

Result<void> write_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return io_error("standard output", fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  return {};
}

void write_error(const Error& error) {
  const std::string text = error.text();
  for (std::string_view line : split(text, '\n')) {
    write_stderr(fmt::format("ephemeris: error: {}\n", line));
  }
}

void write_warning(std::string_view text) {
  write_stderr(fmt::format("ephemeris: warning: {}\n", text));
}

void write_note(std::string_view text) { write_stderr(fmt::format("{}\n", text)); }

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

int finish(std::string_view text, int code) {
  const Result<void> written = write_result(text);
  return written ? code : fail(written.error());
}

int fail(const Error& error) {
  write_error(error);
  return exit_code(error.kind);
}

}  // namespace eph::app
