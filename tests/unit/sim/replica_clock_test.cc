#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "core/rng.h"
#include "sim/replica_clock.h"

using namespace eph;
using namespace eph::sim;

namespace {

ReplicaClock clock_of(std::size_t replicas) {
  ReplicaClock clock;
  for (std::size_t i = 0; i < replicas; ++i) clock.add();
  return clock;
}

}  // namespace

TEST_CASE("replicas' events leave in order of time, class, replica") {
  ReplicaClock clock = clock_of(5);
  CHECK(clock.next_key() == ReplicaClock::kNothing);
  clock.set(ReplicaId{0}, SimTime{20}, EventClass::step_done);
  clock.set(ReplicaId{1}, SimTime{10}, EventClass::form_batch);
  clock.set(ReplicaId{4}, SimTime{10}, EventClass::step_done);
  clock.set(ReplicaId{3}, SimTime{10}, EventClass::step_done);
  std::vector<std::uint32_t> order;
  while (clock.next_key() != ReplicaClock::kNothing) order.push_back(clock.pop().target);
  CHECK(order == std::vector<std::uint32_t>{3, 4, 1, 0});
}

TEST_CASE("a replica's event that is announced anew or withdrawn leaves nothing behind") {
  ReplicaClock clock = clock_of(2);
  clock.set(ReplicaId{0}, SimTime{30}, EventClass::step_done);
  clock.set(ReplicaId{1}, SimTime{20}, EventClass::step_done);
  clock.set(ReplicaId{0}, SimTime{10}, EventClass::form_batch);  // earlier, and of another class
  const Event first = clock.pop();
  CHECK(first.target == 0);
  CHECK(first.at() == SimTime{10});
  CHECK(first.event_class() == EventClass::form_batch);
  clock.set(ReplicaId{1}, SimTime{40}, EventClass::step_done);  // later
  CHECK(clock.pop().at() == SimTime{40});
  CHECK(clock.next_key() == ReplicaClock::kNothing);
  clock.set(ReplicaId{0}, SimTime{50}, EventClass::step_done);
  clock.clear(ReplicaId{0});
  CHECK(clock.next_key() == ReplicaClock::kNothing);
}

TEST_CASE("a replica that joins disturbs no event") {
  ReplicaClock clock;
  for (std::uint32_t i = 0; i < 100; ++i) {
    clock.add();
    clock.set(ReplicaId{i}, SimTime{1000 - i}, EventClass::step_done);
  }
  for (std::uint32_t i = 100; i-- > 0;) {
    REQUIRE(clock.pop().target == i);
    clock.add();  // between a pop and the next event of the replica popped
  }
  CHECK(clock.next_key() == ReplicaClock::kNothing);
}

TEST_CASE("the replicas' clock agrees with a search through all of them over a million ties") {
  Stream stream({7, 0, Purpose::test, 0});
  ReplicaClock clock;
  std::vector<std::optional<std::uint64_t>> reference;
  SimTime now{};
  bool popped = false;  // just now
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t what = stream.below(100);
    if (reference.empty() || (what == 0 && reference.size() < 37)) {
      clock.add();
      reference.emplace_back();
      popped = false;
      continue;
    }
    const auto replica = static_cast<std::uint32_t>(stream.below(reference.size()));
    if (what < 5) {
      clock.clear(ReplicaId{replica});
      reference[replica].reset();
      popped = false;
    } else if (what < 50) {
      const SimTime at{now.ns + static_cast<std::int64_t>(stream.below(4))};
      const auto event_class =
          stream.below(2) == 0 ? EventClass::step_done : EventClass::form_batch;
      clock.set(ReplicaId{replica}, at, event_class);
      reference[replica] = Event::key_of(at, event_class);
      popped = false;
    } else {
      const auto due =
          std::min_element(reference.begin(), reference.end(), [](const auto& a, const auto& b) {
            return a.value_or(ReplicaClock::kNothing) < b.value_or(ReplicaClock::kNothing);
          });
      REQUIRE(clock.next_key() == due->value_or(ReplicaClock::kNothing));
      if (!due->has_value()) continue;
      const Event event = clock.pop();
      REQUIRE(event.key == **due);
      REQUIRE(event.target == static_cast<std::uint32_t>(due - reference.begin()));
      due->reset();
      now = event.at();
      popped = true;
    }
    if (!popped) continue;
    std::optional<std::uint64_t> next;
    for (const auto& key : reference)
      if (key && (!next || *key < *next)) next = key;
    const bool now_too = next && *next >> 8 == static_cast<std::uint64_t>(now.ns);
    REQUIRE(clock.nothing_now() == !now_too);
    const std::optional<ReplicaId> following = clock.following();
    REQUIRE(following.has_value() == next.has_value());
    if (following) REQUIRE(reference[index(*following)] == next);
  }
}

TEST_CASE("a replica's event in the past is our bug") {
  ReplicaClock clock = clock_of(1);
  clock.set(ReplicaId{0}, SimTime{20}, EventClass::step_done);
  (void)clock.pop();
  CHECK_THROWS_AS(clock.set(ReplicaId{0}, SimTime{19}, EventClass::step_done), InternalError);
}
