#include "planner/count_search.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

using eph::Result;
using eph::planner::CountAnswer;
using eph::planner::smallest_count;
using eph::planner::Trial;

namespace {

struct Asked {
  std::set<int> counts;
  bool twice = false;
};

CountAnswer search(int needed, int guess, int max, Asked& asked) {
  auto trial = [&](int count) -> Result<Trial> {
    asked.twice = asked.twice || !asked.counts.insert(count).second;
    return count >= needed ? Trial::pass : Trial::fail;
  };
  Result<CountAnswer> answer = smallest_count(
      trial, [guess] { return guess; }, max);
  REQUIRE(answer);
  return *answer;
}

}  // namespace

TEST_CASE("the smallest passing count is found from any forecast, without asking twice") {
  for (int needed = 1; needed <= 40; ++needed) {
    for (int guess : {1, 2, 3, 7, 20, 39, 40, 64, 1000}) {
      Asked asked;
      const CountAnswer answer = search(needed, guess, 64, asked);
      INFO("needed " << needed << ", guess " << guess);
      REQUIRE(answer.smallest == needed);
      CHECK_FALSE(asked.twice);
      // The answer is certified: one fewer was tried and failed.
      if (needed > 1) CHECK(asked.counts.count(needed - 1) == 1);
      CHECK(answer.largest_refused == needed - 1);
      CHECK(answer.trials == static_cast<int>(asked.counts.size()));
    }
  }
}

TEST_CASE("a search costs a logarithmic number of trials") {
  for (int needed : {1, 17, 300, 2999, 4096}) {
    Asked asked;
    const CountAnswer answer = search(needed, 100, 4096, asked);
    CHECK(answer.smallest == needed);
    // Two trials of the forecast, then steps double from 6 and bisection halves: at most about
    // 2 + 2 * log2(4096 / 6).
    CHECK(answer.trials <= 21);
  }
}

TEST_CASE("nothing up to the maximum is an answer without a count") {
  Asked asked;
  const CountAnswer answer = search(100, 3, 64, asked);
  CHECK_FALSE(answer.smallest);
  CHECK(answer.largest_refused == 64);
  CHECK(asked.counts.count(64) == 1);
}

TEST_CASE("a trial that says more cannot help ends the search") {
  int trials = 0;
  auto trial = [&](int) -> Result<Trial> {
    ++trials;
    return Trial::fail_forever;
  };
  Result<CountAnswer> answer = smallest_count(
      trial, [] { return 8; }, 64);
  REQUIRE(answer);
  CHECK_FALSE(answer->smallest);
  CHECK(trials == 1);
}

TEST_CASE("an error of a trial is the error of the search") {
  auto trial = [](int) -> Result<Trial> { return eph::usage_error("no such engine"); };
  Result<CountAnswer> answer = smallest_count(
      trial, [] { return 8; }, 64);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().what == "no such engine");
}

TEST_CASE("a true forecast costs one trial that fails and one that passes") {
  for (int needed : {2, 5, 9, 64}) {
    Asked asked;
    const CountAnswer answer = search(needed, needed, 64, asked);
    CHECK(answer.smallest == needed);
    CHECK(asked.counts == std::set<int>{needed - 1, needed});
  }
  Asked asked;
  CHECK(search(1, 1, 64, asked).trials == 1);
}

TEST_CASE("forecasts that learn from trials are followed") {
  // Says twice of what it is told to be needed, until a trial shows it the truth.
  std::set<int> counts;
  auto trial = [&](int count) -> Result<Trial> {
    counts.insert(count);
    return count >= 12 ? Trial::pass : Trial::fail;
  };
  const auto answer = smallest_count(
      trial, [&] { return counts.empty() ? 24 : 12; }, 64);
  REQUIRE(answer);
  CHECK(answer->smallest == 12);
  CHECK(counts == std::set<int>{11, 12, 23});
}

TEST_CASE("a search ends whatever the forecasts say") {
  int call = 0;
  auto wild = [&call] { return (++call * 7919) % 5000 - 400; };
  for (int needed : {1, 40, 700, 4096}) {
    auto trial = [&](int count) -> Result<Trial> {
      return count >= needed ? Trial::pass : Trial::fail;
    };
    const auto answer = smallest_count(trial, wild, 4096);
    REQUIRE(answer);
    CHECK(answer->smallest == needed);
    CHECK(answer->trials <= 30);
  }
}
