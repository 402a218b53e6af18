#include "core/time.h"

#include <catch2/catch.hpp>

#include "core/units.h"

using eph::Duration;
using eph::SimTime;

TEST_CASE("seconds are rounded to nanoseconds half away from zero") {
  CHECK(Duration::from_seconds(1.5).ns == 1'500'000'000);
  CHECK(Duration::from_seconds(2.5e-9).ns == 3);
  CHECK(Duration::from_seconds(-2.5e-9).ns == -3);
  CHECK(Duration::from_seconds(0.4e-9).ns == 0);
  CHECK(SimTime::from_seconds(0.001).ns == 1'000'000);
  CHECK_THROWS_AS(Duration::from_seconds(1e10), eph::InternalError);
  CHECK_THROWS_AS(Duration::from_seconds(std::nan("")), eph::InternalError);
}

TEST_CASE("instants and durations combine as they should") {
  const SimTime start{1000};
  const Duration step{250};
  CHECK((start + step).ns == 1250);
  CHECK((start - step).ns == 750);
  CHECK((start + step) - start == step);
  CHECK((step + step - Duration{100}) * 2 == Duration{800});
  CHECK(SimTime::zero() < start);
  CHECK(start < SimTime::never());
  CHECK(Duration{1'500'000}.ms() == 1.5);
  CHECK(Duration{1'500'000'000}.seconds() == 1.5);
  Duration sum;
  sum += step;
  CHECK(sum == step);
}

TEST_CASE("quantities divide to times only where the physics does") {
  const eph::Seconds load = eph::Bytes{3'350'000'000'000} / eph::BytesPerSecond{3.35e12};
  CHECK(load.value == 1.0);
  const eph::Seconds compute = eph::Flops{989e9} / eph::FlopsPerSecond{989e12};
  CHECK_THAT(compute.value, Catch::WithinRel(0.001, 1e-15));
  CHECK((eph::Tokens{3} + eph::Tokens{4}) * 2 == eph::Tokens{14});
  CHECK(2 * eph::Tokens{3} - eph::Tokens{1} == eph::Tokens{5});
  CHECK(eph::Bytes{2}.as_double() == 2.0);
}
