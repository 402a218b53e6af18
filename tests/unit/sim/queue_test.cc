#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <set>

#include "core/rng.h"
#include "sim/age_queue.h"
#include "sim/backlog_trend.h"
#include "sim/event_queue.h"
#include "sim/kv_blocks.h"
#include "sim/ring.h"

using namespace eph;
using namespace eph::sim;

TEST_CASE("events leave in order of time, then class, then first in first out") {
  EventQueue queue;
  queue.push(SimTime{20}, EventClass::step_done, 1);
  queue.push(SimTime{10}, EventClass::form_batch, 2);
  queue.push(SimTime{10}, EventClass::step_done, 3);
  queue.push(SimTime{10}, EventClass::step_done, 4);
  queue.push(SimTime{10}, EventClass::visible, 5);
  std::vector<std::uint32_t> order;
  while (!queue.empty()) order.push_back(queue.pop().target);
  CHECK(order == std::vector<std::uint32_t>{3, 4, 5, 2, 1});
}

TEST_CASE("the age queue gives the oldest first, whatever order they joined in") {
  Stream stream({5, 0, Purpose::test, 0});
  AgeQueue queue;
  std::multiset<std::uint64_t> reference;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    if (stream.below(5) < 3) {  // one in four joins late
      const std::uint64_t age = stream.below(4) == 0 ? stream.below(i + 1) : i;
      queue.push({age, static_cast<std::uint32_t>(age) + 7});
      reference.insert(age);
    } else if (!queue.empty()) {
      const AgeQueue::Entry oldest = queue.pop();
      REQUIRE(oldest.age == *reference.begin());
      REQUIRE(oldest.item == oldest.age + 7);
      reference.erase(reference.begin());
    }
    REQUIRE(queue.empty() == reference.empty());
  }
}

TEST_CASE("the event queue agrees with a stable reference over a million ties") {
  Stream stream({3, 0, Purpose::test, 0});
  EventQueue queue;
  struct Pending {
    std::uint64_t key;
    std::uint64_t sequence;
    std::uint32_t target;
  };
  std::vector<Pending> reference;  // kept sorted, latest first
  const auto before = [](const Pending& a, const Pending& b) {
    return std::pair(a.key, a.sequence) > std::pair(b.key, b.sequence);
  };
  std::int64_t now = 0;
  std::uint64_t sequence = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    if (reference.size() < 40 && (reference.empty() || stream.below(2) == 0)) {
      const SimTime at{now + static_cast<std::int64_t>(stream.below(4))};
      const auto event_class = static_cast<EventClass>(stream.below(2));
      queue.push(at, event_class, i);
      const Pending pending{Event::key_of(at, event_class), sequence++, i};
      reference.insert(std::lower_bound(reference.begin(), reference.end(), pending, before),
                       pending);
    } else {
      const Event event = queue.pop();
      REQUIRE(event.target == reference.back().target);
      REQUIRE(event.key == reference.back().key);
      reference.pop_back();
      now = event.at().ns;
    }
  }
}

TEST_CASE("an event in the past is our bug") {
  EventQueue queue;
  queue.push(SimTime{20}, EventClass::visible, 0);
  (void)queue.pop();
  CHECK_THROWS_AS(queue.push(SimTime{19}, EventClass::visible, 0), InternalError);
  CHECK_THROWS_AS(Event::key_of(SimTime::never(), EventClass::visible), InternalError);
}

TEST_CASE("the ring agrees with a deque") {
  Stream stream({5, 0, Purpose::test, 0});
  Ring<int> ring;
  std::deque<int> reference;
  for (int i = 0; i < 20000; ++i) {
    switch (stream.below(reference.size() < 30 ? 4 : 6)) {
      case 0:
      case 1:
        ring.push_back(i);
        reference.push_back(i);
        break;
      case 2:
        ring.push_front(i);
        reference.push_front(i);
        break;
      case 3:
      case 4:
        if (reference.empty()) break;
        REQUIRE(ring.pop_front() == reference.front());
        reference.pop_front();
        break;
      default:
        const std::uint64_t at = stream.below(reference.size());
        ring.erase(at);
        reference.erase(reference.begin() + static_cast<std::ptrdiff_t>(at));
    }
    REQUIRE(ring.size() == reference.size());
    if (!reference.empty()) REQUIRE(ring[reference.size() / 2] == reference[reference.size() / 2]);
  }
}

TEST_CASE("kv blocks: free and used add up, and nothing is lent twice") {
  KvBlocks kv({11, 16, 10});
  CHECK(kv.blocks_for(0) == 0);
  CHECK(kv.blocks_for(16) == 1);
  CHECK(kv.blocks_for(17) == 2);
  CHECK(kv.take(7));
  CHECK_FALSE(kv.take(4));
  CHECK(kv.used() == 7);
  CHECK(kv.free() == 3);
  kv.give_back(7);
  CHECK(kv.free() == 10);
  CHECK_THROWS_AS(kv.give_back(1), InternalError);
}

TEST_CASE("the backlog trend tells growth from a level, in bounded memory") {
  // One send per ms; an end per ms of them, or 0.8 of one, with a lag of 100.
  const double matched = GENERATE(1.0, 0.8);
  CAPTURE(matched);
  BacklogTrend trend;
  std::int64_t ended = 0;
  for (std::int64_t i = 0; i < 50000; ++i) {
    trend.on_sent(SimTime{i * 1'000'000});
    while (static_cast<double>(ended) < matched * static_cast<double>(i - 100)) {
      trend.on_ended(SimTime{i * 1'000'000 + 1});
      ++ended;
    }
  }
  CHECK(trend.saturated() == (matched < 1));
}
