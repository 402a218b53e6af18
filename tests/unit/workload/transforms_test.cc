#include "workload/transforms.h"

#include <cmath>
#include <map>
#include <set>

#include "tests/unit/workload/support.h"
#include "workload/recording.h"

namespace eph::workload {
namespace {

// Requests at 0, gap, 2 gap, ... with prompt = 1, 2, ... and two hashes each: a shared one and its
// own.
Recording ramp(std::int32_t n, double gap_s) {
  Recording all;
  all.hash_block_tokens = 4;
  for (std::int32_t i = 0; i < n; ++i) {
    Arrival a;
    a.at = SimTime::from_seconds(gap_s * i);
    a.prompt_tokens = i + 1;
    a.output_tokens = 10 * (i + 1);
    a.max_output_tokens = a.output_tokens + 5;
    a.session = static_cast<std::uint64_t>(i / 2);
    a.hash_offset = all.hashes.size();
    a.hash_count = 2;
    all.hashes.push_back(7);
    all.hashes.push_back(100 + static_cast<std::uint64_t>(i));
    all.arrivals.push_back(a);
  }
  return all;
}

Pulled pulled(Result<SourcePtr> source, std::size_t block = 7) {
  REQUIRE(source);
  Pulled all = pull_all(**source, block);
  REQUIRE(all.error.empty());
  return all;
}

bool same(const Pulled& a, const Pulled& b) {
  if (a.arrivals.size() != b.arrivals.size() || a.hashes != b.hashes) return false;
  for (std::size_t i = 0; i < a.arrivals.size(); ++i) {
    const Arrival& x = a.arrivals[i];
    const Arrival& y = b.arrivals[i];
    if (x.at != y.at || x.prompt_tokens != y.prompt_tokens || x.session != y.session) return false;
  }
  return true;
}

std::vector<std::int64_t> per_bin(const Pulled& all, double bin_s, std::size_t bins) {
  std::vector<std::int64_t> counts(bins, 0);
  for (const Arrival& a : all.arrivals)
    ++counts[std::min(bins - 1, static_cast<std::size_t>(a.at.seconds() / bin_s))];
  return counts;
}

std::string error_of(const Result<SourcePtr>& source) {
  return source ? "" : source.error().text();
}

}  // namespace

TEST_CASE("superposing keeps the first copy, the duration and the rate profile") {
  const Recording trace = ramp(4000, 0.1);  // 400 s
  const Pulled all = pulled(superpose(replay(trace), 3.0));
  CHECK(all.arrivals.size() == 12000);
  CHECK(all.arrivals.back().at <= trace.arrivals.back().at);
  std::map<std::int32_t, int> copies;
  std::map<std::int32_t, int> in_place;
  double largest = 0;
  for (const Arrival& a : all.arrivals) {
    const double shift = std::abs(a.at.seconds() - 0.1 * (a.prompt_tokens - 1));
    ++copies[a.prompt_tokens];
    in_place[a.prompt_tokens] += shift < 1e-9 ? 1 : 0;
    largest = std::max(largest, shift);
  }
  for (const auto& [prompt, n] : copies) CHECK(n == 3);
  for (const auto& [prompt, n] : in_place) CHECK(n >= 1);
  CHECK(largest <= 30.0);
  CHECK(largest > 29.0);
  // 30 requests/s: 1500 +- in each 50 s, also at the ends where shifts are reflected. Of these 1000
  // are moved, so a bin's standard deviation is below sqrt(1000) = 32.
  for (const std::int64_t n : per_bin(all, 50, 8)) CHECK(std::abs(n - 1500) < 110);
}

TEST_CASE("a fractional factor adds that share of copies, a small one keeps it") {
  const Recording trace = ramp(20000, 0.01);
  // Binomial: standard deviation sqrt(20000 * 0.25 * 0.75) = 61 and sqrt(20000 * 0.4 * 0.6) = 69.
  CHECK(std::abs(double(pulled(superpose(replay(trace), 2.25)).arrivals.size()) - 45000) < 250);
  const Pulled thin = pulled(superpose(replay(trace), 0.4));
  CHECK(std::abs(double(thin.arrivals.size()) - 8000) < 280);
  for (const Arrival& a : thin.arrivals)
    CHECK(a.at.seconds() == Approx(0.01 * (a.prompt_tokens - 1)));
}

TEST_CASE("requests kept at one factor are kept at every larger one") {
  const Recording trace = ramp(500, 0.1);
  const auto keys = [&](double factor) {
    std::multiset<std::pair<std::int64_t, std::int32_t>> all;
    for (const Arrival& a : pulled(superpose(replay(trace), factor)).arrivals)
      all.emplace(a.at.ns, a.prompt_tokens);
    return all;
  };
  auto smaller = keys(0.3);
  for (const double factor : {0.6, 1.0, 1.5, 1.7, 2.0, 3.9}) {
    const auto larger = keys(factor);
    CHECK(std::includes(larger.begin(), larger.end(), smaller.begin(), smaller.end()));
    smaller = larger;
  }
}

TEST_CASE("copies share blocks and sessions only within their copy") {
  const Recording trace = ramp(50, 1);
  const Pulled all = pulled(superpose(replay(trace), 4.0));
  std::map<std::uint64_t, int> uses;
  std::map<std::uint64_t, std::set<std::uint64_t>> first_of;  // own hash -> shared hash
  std::set<std::uint64_t> sessions;
  for (std::size_t i = 0; i < all.arrivals.size(); ++i) {
    REQUIRE(all.hashes[i].size() == 2);
    ++uses[all.hashes[i][0]];
    first_of[all.hashes[i][1]].insert(all.hashes[i][0]);
    sessions.insert(all.arrivals[i].session);
  }
  REQUIRE(uses.size() == 4);  // the shared block has one name in each copy
  for (const auto& [hash, n] : uses) CHECK(n == 50);
  CHECK(first_of.size() == 200);
  CHECK(sessions.size() == 100);  // 25 in each copy
}

TEST_CASE("transforms do not depend on the block size of the pulls") {
  const Recording trace = ramp(300, 0.5);
  CHECK(
      same(pulled(superpose(replay(trace), 2.5), 1), pulled(superpose(replay(trace), 2.5), 1000)));
  const SourceFactory open = [&] { return Result<SourcePtr>(replay(trace)); };
  const RepeatOptions options{.times = 3, .neighbours = 20};
  CHECK(same(pulled(repeat(open, options), 1), pulled(repeat(open, options), 1000)));
}

TEST_CASE("another run draws other copies") {
  const Recording trace = ramp(300, 0.5);
  SuperposeOptions options;
  const Pulled first = pulled(superpose(replay(trace), 2, options));
  options.run = 1;
  CHECK_FALSE(same(first, pulled(superpose(replay(trace), 2, options))));
}

TEST_CASE("a trace shorter than the displacement stays within its ends") {
  const Recording trace = ramp(11, 0.1);
  const Pulled all = pulled(superpose(replay(trace), 50));
  CHECK(all.arrivals.size() == 550);
  CHECK(all.arrivals.back().at <= SimTime::from_seconds(1.0));
  const Recording instant = ramp(1, 1);
  CHECK(pulled(superpose(replay(instant), 5)).arrivals.back().at == SimTime::zero());
}

TEST_CASE("compressing divides the times") {
  const Recording trace = ramp(5, 1);
  const Pulled all = pulled(compress(replay(trace), 4));
  for (std::int64_t i = 0; i < 5; ++i)
    CHECK(all.arrivals[static_cast<std::size_t>(i)].at.ns == i * 250'000'000);
  CHECK(pulled(compress(replay(trace), 0.5)).arrivals[4].at.ns == 8'000'000'000);
}

TEST_CASE("a window counts times from its start and leaves out its end") {
  const Recording trace = ramp(10, 1);
  const Pulled all =
      pulled(window(replay(trace), SimTime::from_seconds(3), SimTime::from_seconds(6)), 2);
  REQUIRE(all.arrivals.size() == 3);
  CHECK(all.arrivals[0].at.ns == 0);
  CHECK(all.arrivals[0].prompt_tokens == 4);
  CHECK(all.arrivals[2].at.ns == 2'000'000'000);
  CHECK(all.hashes[0][1] == 103);
  CHECK(pulled(window(replay(trace), SimTime::from_seconds(8.5))).arrivals.size() == 1);
}

TEST_CASE("a limit ends the stream after that many requests") {
  const Recording trace = ramp(10, 1);
  CHECK(pulled(limit_requests(replay(trace), 4), 3).arrivals.size() == 4);
  CHECK(pulled(limit_requests(replay(trace), 40), 3).arrivals.size() == 10);
}

TEST_CASE("caps shorten or drop, and count") {
  const Recording trace = ramp(10, 1);  // prompts 1..10, outputs 10..100, allowed output + 5
  const Pulled clipped = pulled(cap_tokens(replay(trace), {.prompt = 4, .output = 60}));
  REQUIRE(clipped.arrivals.size() == 10);
  CHECK(clipped.counts.clipped == 6);  // prompts 5..10; outputs above 60 are among them
  CHECK(clipped.arrivals[9].prompt_tokens == 4);
  CHECK(clipped.arrivals[9].output_tokens == 60);
  CHECK(clipped.arrivals[9].max_output_tokens == 60);
  CHECK(clipped.arrivals[0].max_output_tokens == 15);
  CHECK(clipped.hashes[9].size() == 1);  // 4 tokens are one block of 4

  const Pulled dropped = pulled(cap_tokens(replay(trace), {.prompt = 4, .drop = true}));
  CHECK(dropped.arrivals.size() == 4);
  CHECK(dropped.counts.over_cap_dropped == 6);

  const Pulled total = pulled(cap_tokens(replay(trace), {.total = 55}));
  // Prompt 5 + output 50 just fits; 6 + 60 becomes 6 + 49.
  CHECK(total.counts.clipped == 5);
  CHECK(total.arrivals[4].output_tokens == 50);
  CHECK(total.arrivals[4].max_output_tokens == 50);
  CHECK(total.arrivals[5].output_tokens == 49);
}

TEST_CASE("a limit on outputs is what every request allows, and where longer ones end") {
  const Recording trace = ramp(10, 1);  // outputs 10..100, allowed output + 5
  const Pulled limited = pulled(limit_outputs(replay(trace), 60));
  CHECK(limited.arrivals[0].output_tokens == 10);
  CHECK(limited.arrivals[0].max_output_tokens == 60);
  CHECK(limited.arrivals[9].output_tokens == 60);
  CHECK(limited.arrivals[9].max_output_tokens == 60);
  CHECK_FALSE(limit_outputs(replay(trace), 0));
}

TEST_CASE("a repetition starts one mean gap after the one before") {
  const Recording trace = ramp(5, 2);
  const SourceFactory open = [&] { return Result<SourcePtr>(replay(trace)); };
  const Pulled kept = pulled(repeat(open, {.times = 3, .fresh_lengths = false}));
  REQUIRE(kept.arrivals.size() == 15);
  for (std::size_t i = 0; i < 15; ++i) {
    CHECK(kept.arrivals[i].at == SimTime::from_seconds(2.0 * double(i)));
    CHECK(kept.arrivals[i].prompt_tokens == static_cast<std::int32_t>(i % 5) + 1);
  }
  CHECK(kept.hashes[0][0] == 7);
  CHECK(kept.hashes[5][0] != 7);  // repetitions share nothing
  CHECK(kept.hashes[5][0] == kept.hashes[9][0]);
}

TEST_CASE("fresh lengths come from the neighbourhood") {
  Recording trace = ramp(1000, 1);
  for (const bool hashed : {true, false}) {
    if (!hashed) {
      trace.hash_block_tokens = 0;
      for (Arrival& a : trace.arrivals) a.hash_count = 0;
    }
    const SourceFactory open = [&] { return Result<SourcePtr>(replay(trace)); };
    const Pulled all = pulled(repeat(open, {.times = 2, .neighbours = 30}));
    REQUIRE(all.arrivals.size() == 2000);
    std::set<std::int32_t> drawn;
    double mean_distance = 0;
    for (std::int32_t i = 0; i < 1000; ++i) {
      const Arrival& a = all.arrivals[1000 + static_cast<std::size_t>(i)];
      CHECK(all.arrivals[static_cast<std::size_t>(i)].prompt_tokens == i + 1);
      CHECK(a.output_tokens == 10 * a.prompt_tokens);  // the pair is drawn together
      drawn.insert(a.prompt_tokens);
      mean_distance += std::abs(a.prompt_tokens - 1 - i) / 1000.0;
      if (!hashed) CHECK(std::abs(a.prompt_tokens - 1 - i) <= 60);
    }
    // A shuffle uses each request once; of draws with replacement 1 - 1/e = 63 % are distinct.
    if (hashed) CHECK(drawn.size() == 1000);
    if (!hashed) CHECK(double(drawn.size()) == Approx(632).margin(50));
    CHECK(mean_distance > 5);
    CHECK(mean_distance < 60);
  }
}

TEST_CASE("an endless repetition is cut by a limit") {
  const Recording trace = ramp(5, 2);
  const SourceFactory open = [&] { return Result<SourcePtr>(replay(trace)); };
  auto endless = repeat(open, {.times = 0});
  REQUIRE(endless);
  CHECK(pulled(limit_requests(std::move(endless).value(), 123)).arrivals.size() == 123);
}

TEST_CASE("transforms refuse values that make no sense") {
  const Recording trace = ramp(2, 1);
  CHECK(error_of(superpose(replay(trace), 0)) ==
        "rate factor is 0, must be above 0 and at most 1000000; "
        "1 keeps the rate, 20 means twenty times the requests");
  CHECK(error_of(window(replay(trace), SimTime::from_seconds(5), SimTime::from_seconds(5))) ==
        "window ends at 5 s, not after its start at 5 s; give an end after the start");
  CHECK(error_of(limit_requests(replay(trace), 0)) ==
        "number of requests is 0, must be at least 1; leave it out for all requests");
  CHECK(error_of(cap_tokens(replay(trace), {.output = -1})) ==
        "cap of output tokens is -1, must not be negative; 0 means no cap");
  const Recording instant = ramp(1, 1);
  const SourceFactory open = [&] { return Result<SourcePtr>(replay(instant)); };
  auto endless = repeat(open, {.times = 2});
  REQUIRE(endless);
  CHECK(pull_all(**endless).error ==
        "cannot repeat a trace whose requests all come at one time; give a trace with a duration");
}

TEST_CASE("a fault of the trace passes through the transforms") {
  const auto path =
      test_file("fault.csv", "arrival_s,prompt_tokens,output_tokens\n0,1,1\n100,1,1\n200,-1,1\n");
  auto source = open_trace(path);
  REQUIRE(source);
  auto twice = superpose(std::move(source).value(), 2);
  REQUIRE(twice);
  const Pulled all = pull_all(**twice);
  CHECK(without_folder(all.error) ==
        "fault.csv:4: prompt_tokens is -1, must be at least 1; fix or delete the row");
}

}  // namespace eph::workload
