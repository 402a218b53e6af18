#include "jobs/parallel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

using namespace eph;

TEST_CASE("every task is done once on any number of threads") {
  for (const int threads : {0, 1, 2, 7}) {
    std::vector<std::atomic<int>> calls(1000);
    jobs::run_in_parallel(calls.size(), threads, [&](std::size_t i) {
      ++calls[i];
      return true;
    });
    for (const auto& count : calls) CHECK(count == 1);
  }
}

TEST_CASE("after a failure all tasks before it are done and the last ones are not begun") {
  for (const int threads : {1, 3}) {
    std::vector<std::atomic<int>> calls(100'000);
    jobs::run_in_parallel(calls.size(), threads, [&](std::size_t i) {
      ++calls[i];
      return i != 10 && i != 20;
    });
    for (std::size_t i = 0; i <= 10; ++i) CHECK(calls[i] == 1);
    CHECK(calls.back() == 0);
  }
}

TEST_CASE("the exception of the first task that throws comes out") {
  const auto throws = [](std::size_t i) -> bool {
    if (i == 5 || i == 6) throw std::runtime_error(i == 5 ? "five" : "six");
    return true;
  };
  CHECK_THROWS_WITH(jobs::run_in_parallel(100, 4, throws), "five");
}
