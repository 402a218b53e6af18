#pragma once
// Counter-based random numbers: the key fixes the numbers, not the order in which components ask.
//
// Philox4x32-10 (Salmon et al., SC'11): block number in, four words out. A StreamKey is
// (seed, run, purpose, entity); two streams with different keys are independent, and drawing more
// from one never shifts another. So candidates of a search share the same workload (common random
// numbers), and adding a replica changes no arrival.
#include <array>
#include <cstdint>

namespace eph {

enum class Purpose : std::uint32_t {
  arrivals = 1,
  lengths,
  routing,
  network,    // client and gateway jitter
  transform,  // trace thinning, repetition, displacement
  protocol,   // a load generator's own draws
  bootstrap,  // resampling for intervals
  test,
  faults,
  cold_start,
  launch,       // time that the host takes for the launch of a step
  speculation,  // draft tokens that are accepted
};

struct StreamKey {
  std::uint64_t seed = 0;
  std::uint64_t run = 0;  // replication number
  Purpose purpose = Purpose::test;
  std::uint64_t entity = 0;  // request, replica or copy index
};

// The bare block function: 10 rounds of Philox4x32 over `counter` with `key`.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key);

// A stream of words from one key. Cheap to make (no state but key and counter) and to copy.
class Stream {
 public:
  explicit Stream(StreamKey key);

  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] double unit();                         // uniform in [0, 1), 53 bits
  [[nodiscard]] double unit_open();                    // uniform in (0, 1)
  [[nodiscard]] std::uint64_t below(std::uint64_t n);  // uniform in 0..n-1, unbiased; n > 0

 private:
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;  // words of block_ already given out
};

}  // namespace eph
