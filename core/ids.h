#pragma once
// Identifiers that cannot be mixed up: indices into the run's tables.
#include <cstdint>

namespace eph {

enum class ReplicaId : std::uint32_t {};
enum class RequestId : std::uint64_t {};  // position in arrival order, from 0, over the whole run
enum class SlotId : std::uint32_t {};     // row of the request table; reused after a request ends

constexpr std::uint32_t index(ReplicaId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint64_t index(RequestId id) { return static_cast<std::uint64_t>(id); }
constexpr std::uint32_t index(SlotId id) { return static_cast<std::uint32_t>(id); }

}  // namespace eph
