#pragma once
// A load generator: decides when requests are sent, with or without looking at what finished.
#include <cstdint>
#include <span>
#include <string>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "workload/arrival.h"

namespace eph::workload {

// Pull interface of the simulation.
// Contract:
//  - peek returns the time of the next request that is already certain to be sent, or never() when
//    none is (yet): a closed loop may still produce one after on_finished. on_finished may also
//    change what peek returned, so peek again after it
//  - take returns that request; its `at` equals the last peek. Requests are numbered by the caller
//  in
//    the order of take, from 0
//  - on_finished is told once, when the client has the last token (or the rejection) of request
//  `id`, or gives it up;
//    any request it releases is sent at or after `now`
//  - failed() reports a broken source after peek returned never()
class Load {
 public:
  virtual ~Load() = default;
  [[nodiscard]] virtual SimTime peek() = 0;
  [[nodiscard]] virtual Arrival take() = 0;
  virtual void on_finished(RequestId id, SimTime now) = 0;
  [[nodiscard]] virtual Result<void> failed() const { return {}; }
  // Prefix block hashes of the request last taken; valid until the next peek or take.
  [[nodiscard]] virtual std::span<const std::uint64_t> block_hashes(const Arrival&) const {
    return {};
  }
  // Names of the classes of the requests taken so far, by number; empty when they have none.
  [[nodiscard]] virtual std::span<const std::string> class_names() const { return {}; }
  // Tokens of one hashed block; 0 when the load has no hashes.
  [[nodiscard]] virtual std::int32_t hash_block_tokens() const { return 0; }
};

}  // namespace eph::workload
