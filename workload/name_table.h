#pragma once
// Numbers for names of a trace: classes, prefix groups, sessions.
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workload/row_cursor.h"

namespace eph::workload {

// Names in order of first appearance.
class NameTable {
 public:
  std::uint32_t index_of(std::string_view name) {
    const std::size_t last = name.empty() ? 0 : static_cast<unsigned char>(name.back());
    std::uint32_t& recent = recent_[(name.size() * 7 + last) % recent_.size()];
    if (recent >= names_.size() || names_[recent] != name) recent = look_up(name);
    return recent;
  }
  [[nodiscard]] std::span<const std::string> names() const { return names_; }

 private:
  std::uint32_t look_up(std::string_view name);

  std::map<std::string, std::uint32_t, std::less<>> index_;
  std::vector<std::string> names_;
  // Rows repeat few names: the latest name of each length and end is looked at before the map.
  std::array<std::uint32_t, 32> recent_{};
};

// A session's number: the text itself when it is a whole number below 2^62, else a hash with bit 62
// set, so that both kinds never meet; kNoSession for an empty text. Needs no memory per session.
[[nodiscard]] std::uint64_t session_id(std::string_view text);
// The session of a field; false when the row is not a plain one.
[[nodiscard]] inline bool read_session(RowCursor& in, std::uint64_t& session) {
  const RowCursor field = in;
  if (std::int64_t number = 0; in.whole(number) && in.at_field_end()) {
    session = static_cast<std::uint64_t>(number);
    return true;
  }
  in = field;
  std::string_view text;
  if (!in.text(text)) return false;
  session = session_id(text);
  return true;
}

}  // namespace eph::workload
