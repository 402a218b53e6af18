#include "core/error.h"

#include <fmt/format.h>

#include "core/assert.h"

namespace eph {

std::string Error::text() const {
  std::string out = place.file;
  if (place.line > 0) out += fmt::format("{}{}", out.empty() ? "line " : ":", place.line);
  if (place.line > 0 && place.column > 0) out += fmt::format(":{}", place.column);
  if (!out.empty()) out += ": ";
  if (!place.pointer.empty()) out += place.pointer + ": ";
  out += what;
  if (!remedy.empty()) out += "; " + remedy;
  return out;
}

Error usage_error(std::string what, std::string remedy) {
  return Error{ErrorKind::usage, {}, std::move(what), std::move(remedy)};
}

Error io_error(std::string file, std::string what, std::string remedy) {
  return Error{ErrorKind::io, {std::move(file), 0, 0, {}}, std::move(what), std::move(remedy)};
}

Error row_error(std::string file, std::int64_t line, std::string what, std::string remedy) {
  return Error{
      ErrorKind::usage, {std::move(file), line, 0, {}}, std::move(what), std::move(remedy)};
}

Error infeasible_error(std::string what, std::string remedy) {
  return Error{ErrorKind::infeasible, {}, std::move(what), std::move(remedy)};
}

Error Diagnostics::combined() const {
  EPH_ASSERT(!ok(), "combined() of no errors");
  if (errors_.size() == 1) return errors_.front();
  Error all{errors_.front().kind, {}, {}, {}};
  for (const Error& error : errors_) {
    if (!all.what.empty()) all.what += '\n';
    all.what += error.text();
  }
  return all;
}

}  // namespace eph
