#pragma once
// Names of copied requests: copy 0 is the original, other copies never meet it or each other.
#include <cstdint>

#include "workload/arrival.h"

namespace eph::workload {

// One-to-one for each copy (the finaliser of splitmix64), so equal names stay equal within a copy.
[[nodiscard]] constexpr std::uint64_t name_in_copy(std::uint64_t name, std::uint64_t copy) {
  if (copy == 0) return name;
  std::uint64_t x = name + copy * 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// 63 bits, so that it is never kNoSession.
[[nodiscard]] constexpr std::uint64_t session_in_copy(std::uint64_t session, std::uint64_t copy) {
  return session == kNoSession || copy == 0 ? session : name_in_copy(session, copy) >> 1;
}

}  // namespace eph::workload
