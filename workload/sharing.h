#pragma once
// Shared prompt blocks of a workload model: measuring them in a trace, and drawing like ones.
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/rng.h"
#include "workload/workload_model.h"

namespace eph::workload {

// Watches the block hashes of a trace in order.
class SharingObserver {
 public:
  void add(double at_s, std::span<const std::uint64_t> hashes);
  // nullopt when no request had hashes. bin_of[i] is the prompt bin of request i.
  [[nodiscard]] std::optional<SharingModel> fit(const std::vector<std::size_t>& bin_of,
                                                std::size_t bins, std::int32_t block_tokens) const;

 private:
  struct Seen {
    std::uint32_t blocks = 0;
    std::uint32_t reused = 0;  // leading blocks seen before
    double age_s = 0;          // since the last of these was used
  };
  [[nodiscard]] std::int32_t root_blocks() const;

  std::unordered_map<std::uint64_t, double> last_use_s_;
  std::vector<Seen> requests_;
  std::uint64_t blocks_ = 0;
  std::uint64_t reused_ = 0;
};

// Block hashes for drawn requests. Remembers requests as long as nearly all reuse ages reach, at
// most kMemory of them.
class SharingSource {
 public:
  static constexpr std::size_t kMemory = std::size_t{1} << 18;

  explicit SharingSource(const SharingModel& model)
      : model_(model), horizon_s_(model.age_s.at(kReach)) {}
  // Appends the hashes of a request's blocks. Calls must come in the order of time.
  void draw(double at_s, std::size_t bin, std::int32_t prompt_tokens, Stream& stream,
            std::vector<std::uint64_t>& hashes);

 private:
  static constexpr double kReach = 0.99;
  struct Past {
    double at_s;
    std::vector<std::uint64_t> hashes;
  };
  // The remembered request that `shared` blocks are taken from; nullptr when none has that many.
  [[nodiscard]] const Past* parent(double wanted_at_s, std::size_t shared) const;

  SharingModel model_;
  double horizon_s_;
  std::deque<Past> past_;        // by time
  std::uint64_t next_name_ = 0;  // of blocks that are not roots
};

}  // namespace eph::workload
