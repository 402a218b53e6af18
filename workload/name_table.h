#pragma once
// Numbers for names of a trace: classes, prefix groups, sessions.
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eph::workload {

// Names in order of first appearance.
class NameTable {
 public:
  std::uint32_t index_of(std::string_view name);
  [[nodiscard]] std::span<const std::string> names() const { return names_; }

 private:
  std::map<std::string, std::uint32_t, std::less<>> index_;
  std::vector<std::string> names_;
  std::uint32_t last_ = 0;  // rows of a trace often repeat the name before
};

// A session's number: the text itself when it is a whole number below 2^62, else a hash with bit 62
// set, so that both kinds never meet; kNoSession for an empty text. Needs no memory per session.
[[nodiscard]] std::uint64_t session_id(std::string_view text);

}  // namespace eph::workload
