// The real traces, where the measured data is at hand: counts from its README, spot values read off
// the files' first and last rows.
#include <set>

#include "tests/unit/workload/support.h"

namespace eph::workload {

TEST_CASE("the Azure conversation trace reads whole") {
  const auto path = shared_file("traces/AzureLLMInferenceTrace_conv.csv");
  if (!path) return;
  const Pulled all = read_trace(*path, {}, 512);
  CHECK(all.error.empty());
  REQUIRE(all.arrivals.size() == 19366);
  CHECK(all.arrivals.front().at.ns == 0);
  CHECK(all.arrivals.front().prompt_tokens == 374);
  // 18:15:46.68059 to 19:14:08.402527
  CHECK(all.arrivals.back().at.ns == 3'501'721'937'000);
  CHECK(all.arrivals.back().output_tokens == 183);
}

TEST_CASE("the Azure code trace reads whole") {
  const auto path = shared_file("traces/AzureLLMInferenceTrace_code.csv");
  if (!path) return;
  const Pulled all = read_trace(*path, {}, 512);
  CHECK(all.error.empty());
  REQUIRE(all.arrivals.size() == 8819);
  // 18:17:03.97996 to 19:14:19.928016
  CHECK(all.arrivals.back().at.ns == 3'435'948'056'000);
}

TEST_CASE("the Mooncake conversation trace reads whole, with its hashes") {
  const auto path = shared_file("traces/mooncake_conversation_trace.jsonl.gz");
  if (!path) return;
  const Pulled all = read_trace(*path, {}, 512);
  CHECK(all.error.empty());
  REQUIRE(all.arrivals.size() == 12031);
  std::set<std::int64_t> times;
  std::set<std::uint64_t> seen;
  std::size_t blocks = 0;
  for (std::size_t i = 0; i < all.arrivals.size(); ++i) {
    times.insert(all.arrivals[i].at.ns);
    blocks += all.hashes[i].size();
    seen.insert(all.hashes[i].begin(), all.hashes[i].end());
  }
  CHECK(times.size() == 1180);
  CHECK(blocks == 288500);
  CHECK(blocks - seen.size() == 105710);  // blocks seen before, counted independently
  CHECK(all.arrivals.back().at.ns == 3'536'999'000'000);

  const Pulled spread = read_trace(*path, {.dequantise = Duration::from_seconds(3)}, 512);
  REQUIRE(spread.arrivals.size() == 12031);
  CHECK(spread.hashes == all.hashes);
  times.clear();
  for (const Arrival& a : spread.arrivals) times.insert(a.at.ns);
  CHECK(times.size() > 12000);
}

}  // namespace eph::workload
