#include "workload/recording.h"

#include <algorithm>

namespace eph::workload {
namespace {

class Replay : public ArrivalSource {
 public:
  explicit Replay(const Recording& recording) : recording_(&recording) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    const std::size_t n = std::min(out.size(), recording_->arrivals.size() - next_);
    std::copy_n(recording_->arrivals.begin() + static_cast<std::ptrdiff_t>(next_), n, out.begin());
    next_ += n;
    return n;
  }
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(recording_->hashes).subspan(arrival.hash_offset, arrival.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return recording_->hash_block_tokens;
  }
  [[nodiscard]] std::span<const std::string> class_names() const override {
    return recording_->class_names;
  }
  [[nodiscard]] SourceCounts counts() const override { return recording_->counts; }

 private:
  const Recording* recording_;
  std::size_t next_ = 0;
};

}  // namespace

Result<Recording> record(ArrivalSource& source) {
  constexpr std::size_t kBlock = 1024;
  Recording all;
  std::vector<Arrival> block(kBlock);
  while (true) {
    const Result<std::size_t> pulled = source.pull(block);
    if (!pulled) return pulled.error();
    if (*pulled == 0) break;
    for (Arrival& arrival : std::span(block).first(*pulled)) {
      const auto hashes = source.block_hashes(arrival);
      arrival.hash_offset = all.hashes.size();
      all.hashes.insert(all.hashes.end(), hashes.begin(), hashes.end());
      all.arrivals.push_back(arrival);
    }
  }
  all.hash_block_tokens = source.hash_block_tokens();
  all.class_names.assign(source.class_names().begin(), source.class_names().end());
  all.counts = source.counts();
  return all;
}

std::unique_ptr<ArrivalSource> replay(const Recording& recording) {
  return std::make_unique<Replay>(recording);
}

}  // namespace eph::workload
