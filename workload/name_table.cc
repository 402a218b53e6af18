#include "workload/name_table.h"

#include "core/digest.h"
#include "core/text.h"
#include "workload/arrival.h"

namespace eph::workload {

std::uint32_t NameTable::look_up(std::string_view name) {
  const auto known = index_.find(name);
  if (known != index_.end()) return known->second;
  const auto next = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
  index_.emplace(names_.back(), next);
  return next;
}

std::uint64_t session_id(std::string_view text) {
  constexpr std::uint64_t kHashed = std::uint64_t{1} << 62;
  if (text.empty()) return kNoSession;
  const auto plain = parse_int(text);
  if (plain && *plain >= 0 && static_cast<std::uint64_t>(*plain) < kHashed)
    return static_cast<std::uint64_t>(*plain);
  Digest digest;
  digest.add(text);
  return (digest.value() & (kHashed - 1)) | kHashed;
}

}  // namespace eph::workload
