#include "app/table.h"

#include <catch2/catch.hpp>

using namespace eph::app;

TEST_CASE("columns line up by characters, not bytes") {
  TextTable table({"a", "bb"}, {TextTable::Align::left});
  table.add({"▁▂", "1"});
  table.add({"x", "100"});
  CHECK(table.text() == "a    bb\n▁▂    1\nx   100\n");
}

TEST_CASE("numbers for people have three digits") {
  CHECK(human(0) == "0");
  CHECK(human(0.01234) == "0.0123");
  CHECK(human(1.236) == "1.24");
  CHECK(human(45.67) == "45.7");
  CHECK(human(456.7) == "457");
  CHECK(human(1234567) == "1,234,567");
  CHECK(human(-1234) == "-1,234");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1000) == "1,000");
  CHECK(percent(0.123) == "12.3 %");
}

TEST_CASE("times for people") {
  CHECK(human_time(0.25) == "250 ms");
  CHECK(human_time(34.5) == "34.5 s");
  CHECK(human_time(3599) == "60 min");
  CHECK(human_time(2 * 3600 + 3 * 60) == "2 h 03 min");
  CHECK(human_time(86400 * 6 + 3600 * 5) == "6 d 5 h");
}

TEST_CASE("a sparkline shows means of equal shares, scaled to the largest") {
  const std::vector<double> values{0, 0, 4, 4, 8, 8};
  CHECK(sparkline(values, 3) == "▁▅█");
  CHECK(sparkline(values, 60) == "▁▁▅▅██");
  CHECK(sparkline(std::vector<double>{0, 0}, 10) == "▁▁");
  CHECK(sparkline(std::vector<double>{}, 10).empty());
}
