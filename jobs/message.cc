#include "jobs/message.h"

#include <fmt/format.h>

#include "core/assert.h"
#include "core/text.h"

namespace eph::jobs {

// The kind, then each text as its length, a colon and its bytes.
std::string pack(const Message& message) {
  std::string out(1, static_cast<char>(message.kind));
  for (const std::string& text : message.texts) out += fmt::format("{}:{}", text.size(), text);
  return out;
}

std::optional<Message> unpack(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  Message out;
  out.kind = static_cast<MessageKind>(bytes.front());
  bytes.remove_prefix(1);
  while (!bytes.empty()) {
    const std::size_t colon = bytes.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto length = parse_int(bytes.substr(0, colon));
    bytes.remove_prefix(colon + 1);
    if (!length || *length < 0 || static_cast<std::size_t>(*length) > bytes.size())
      return std::nullopt;
    out.texts.emplace_back(bytes.substr(0, static_cast<std::size_t>(*length)));
    bytes.remove_prefix(static_cast<std::size_t>(*length));
  }
  return out;
}

void append_error(std::vector<std::string>& texts, const Error& error) {
  texts.push_back(fmt::to_string(static_cast<int>(error.kind)));
  texts.push_back(error.place.file);
  texts.push_back(fmt::to_string(error.place.line));
  texts.push_back(fmt::to_string(error.place.column));
  texts.push_back(error.place.pointer);
  texts.push_back(error.what);
  texts.push_back(error.remedy);
}

Error read_error(const std::vector<std::string>& texts, std::size_t first) {
  EPH_ASSERT(texts.size() >= first + 7, "an error has 7 texts, {} are here", texts.size() - first);
  const auto whole = [&](std::size_t i) { return parse_int(texts[first + i]).value_or(0); };
  Error out;
  out.kind = static_cast<ErrorKind>(whole(0));
  out.place = {texts[first + 1], whole(2), whole(3), texts[first + 4]};
  out.what = texts[first + 5];
  out.remedy = texts[first + 6];
  return out;
}

}  // namespace eph::jobs
