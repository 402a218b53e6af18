#include "workload/trace_stats.h"

#include "tests/unit/workload/support.h"
#include "workload/recording.h"
#include "workload/window_counts.h"

namespace eph::workload {
namespace {

Arrival request(double at_s, std::int32_t prompt, std::int32_t output) {
  Arrival a;
  a.at = SimTime::from_seconds(at_s);
  a.prompt_tokens = prompt;
  a.output_tokens = output;
  a.max_output_tokens = output;
  return a;
}

TraceDescription described(const Recording& recording) {
  const auto source = replay(recording);
  const auto description = describe(*source);
  REQUIRE(description);
  return *description;
}

}  // namespace

TEST_CASE("counts per window give peak and dispersion") {
  WindowCounts counts(Duration::from_seconds(1));
  // Windows of 1 s from 10.0: 3, 0, 1, 0 requests, then one in the cut fifth window.
  for (const double t : {10.0, 10.1, 10.9, 12.5, 14.2}) counts.add(SimTime::from_seconds(t));
  CHECK(counts.peak_rate() == Approx(3));
  // Mean 1, variance (4 + 1 + 0 + 1) / 4 = 1.5.
  CHECK(*counts.dispersion() == Approx(1.5));
  WindowCounts few(Duration::from_seconds(10));
  few.add(SimTime::from_seconds(0));
  few.add(SimTime::from_seconds(15));
  CHECK_FALSE(few.dispersion().has_value());
}

TEST_CASE("a description of five requests agrees with pencil and paper") {
  Recording trace;
  trace.arrivals = {request(2, 10, 1), request(3, 20, 2), request(4, 30, 3), request(5, 40, 4),
                    request(8, 100, 10)};
  trace.arrivals[0].session = 5;
  trace.arrivals[1].session = 5;
  trace.arrivals[2].session = 6;
  trace.arrivals[3].prefix_group = 0;
  trace.arrivals[3].prefix_tokens = 40;
  trace.arrivals[4].request_class = 1;
  trace.class_names = {"chat", "batch"};
  const TraceDescription d = described(trace);
  CHECK(d.requests == 5);
  CHECK(d.duration_s == 6);
  CHECK(*d.mean_rate == Approx(5.0 / 6));
  CHECK(d.prompt.mean == 40);
  CHECK(d.prompt.p50 == 30);
  CHECK(d.prompt.p90 == Approx(76));  // rank 3.6: 40 + 0.6 * 60
  CHECK(d.prompt.max == 100);
  CHECK(d.total.min == 11);
  CHECK(*d.prompt_output_correlation == Approx(1));  // output is a tenth of the prompt
  // Gaps 1, 1, 1, 3: mean 1.5, variance 0.75.
  CHECK(*d.gap_cv == Approx(std::sqrt(0.75) / 1.5));
  CHECK(*d.sessions == 2);
  REQUIRE(d.groups.has_value());
  CHECK(d.groups->prefix_share == Approx(40.0 / 200));
  REQUIRE(d.classes.size() == 2);
  CHECK(d.classes[0].requests == 4);
  CHECK(d.classes[1].name == "batch");
  CHECK_FALSE(d.blocks.has_value());
  CHECK(to_json(d).at_path("prompt_tokens/p50")->as_double() == 30);
}

TEST_CASE("a block counts as reused only behind reused blocks") {
  Recording trace;
  const std::vector<std::vector<std::uint64_t>> prompts{{1, 2, 3}, {1, 2, 4}, {9, 2, 3}, {1, 5, 3}};
  for (const auto& hashes : prompts) {
    Arrival a = request(0, 1500, 1);
    a.hash_offset = trace.hashes.size();
    a.hash_count = 3;
    trace.hashes.insert(trace.hashes.end(), hashes.begin(), hashes.end());
    trace.arrivals.push_back(a);
  }
  trace.hash_block_tokens = 512;
  const TraceDescription d = described(trace);
  REQUIRE(d.blocks.has_value());
  CHECK(d.blocks->blocks == 12);
  CHECK(d.blocks->reused_blocks == 3);   // 1 and 2 of the second prompt, 1 of the fourth
  CHECK_FALSE(d.mean_rate.has_value());  // all at one instant
}

TEST_CASE("nothing cannot be described") {
  const Recording nothing;
  const auto source = replay(nothing);
  CHECK(describe(*source).error().text() ==
        "no requests to describe; widen the window or the caps");
}

}  // namespace eph::workload
