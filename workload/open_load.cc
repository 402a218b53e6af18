#include "workload/open_load.h"

#include "core/assert.h"

namespace eph::workload {
namespace {
constexpr std::size_t kBlock = 512;
}

OpenLoad::OpenLoad(std::unique_ptr<ArrivalSource> source)
    : source_(std::move(source)), buffer_(kBlock) {
  EPH_ASSERT(source_ != nullptr, "an open load needs a source");
}

void OpenLoad::refill() {
  Result<std::size_t> pulled = source_->pull(buffer_);
  next_ = 0;
  filled_ = pulled ? *pulled : 0;
  ended_ = filled_ == 0;
  if (!pulled) failure_ = pulled.error();
}

SimTime OpenLoad::peek() {
  if (next_ == filled_ && !ended_) refill();
  return ended_ ? SimTime::never() : buffer_[next_].at;
}

Arrival OpenLoad::take() {
  EPH_ASSERT(peek() != SimTime::never(), "take() from a load that has ended");
  return buffer_[next_++];
}

}  // namespace eph::workload
