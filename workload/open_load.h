#pragma once
// An open-loop load: requests are sent at their own times, whatever the server does.
#include <memory>
#include <vector>

#include "workload/load.h"

namespace eph::workload {

// Pulls from the source in blocks, so that memory does not grow with the trace.
class OpenLoad : public Load {
 public:
  explicit OpenLoad(std::unique_ptr<ArrivalSource> source);

  [[nodiscard]] SimTime peek() override;
  [[nodiscard]] Arrival take() override;
  void on_finished(RequestId, SimTime) override {}
  [[nodiscard]] Result<void> failed() const override { return failure_; }
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return source_->block_hashes(arrival);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return source_->hash_block_tokens();
  }
  [[nodiscard]] std::span<const std::string> class_names() const override {
    return source_->class_names();
  }
  [[nodiscard]] const ArrivalSource& source() const { return *source_; }

 private:
  void refill();

  std::unique_ptr<ArrivalSource> source_;
  std::vector<Arrival> buffer_;
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  bool ended_ = false;
  Result<void> failure_;
};

}  // namespace eph::workload
