#pragma once
// Loads written down request by request.
#include <algorithm>
#include <utility>
#include <vector>

#include "workload/load.h"

namespace eph::test {

// Milliseconds to an instant, so that scripts read well.
inline SimTime at_ms(double ms) { return SimTime::from_seconds(ms * 1e-3); }

inline workload::Arrival request(SimTime at, std::int32_t prompt, std::int32_t output,
                                 std::int32_t max_output = 0) {
  workload::Arrival arrival;
  arrival.at = at;
  arrival.prompt_tokens = prompt;
  arrival.output_tokens = output;
  arrival.max_output_tokens = std::max(output, max_output);
  return arrival;
}

// Sends the given requests, sorted by time, and remembers when each was reported as ended.
class ScriptedLoad final : public workload::Load {
 public:
  // `hashes`: of all requests one after another; an arrival's hash_offset counts in it.
  explicit ScriptedLoad(std::vector<workload::Arrival> arrivals,
                        std::vector<std::uint64_t> hashes = {}, std::int32_t hash_tokens = 0)
      : arrivals_(std::move(arrivals)), hashes_(std::move(hashes)), hash_tokens_(hash_tokens) {}
  [[nodiscard]] SimTime peek() override {
    return next_ < arrivals_.size() ? arrivals_[next_].at : SimTime::never();
  }
  [[nodiscard]] workload::Arrival take() override { return arrivals_.at(next_++); }
  void on_finished(RequestId id, SimTime now) override { ended.emplace_back(id, now); }

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(
      const workload::Arrival& a) const override {
    return std::span(hashes_).subspan(a.hash_offset, a.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override { return hash_tokens_; }
  [[nodiscard]] std::span<const std::string> class_names() const override { return classes; }

  std::vector<std::string> classes;

  std::vector<std::pair<RequestId, SimTime>> ended;

 private:
  std::vector<workload::Arrival> arrivals_;
  std::vector<std::uint64_t> hashes_;
  std::int32_t hash_tokens_ = 0;
  std::size_t next_ = 0;
};

}  // namespace eph::test
