#include <catch2/catch.hpp>

#include <set>

#include "calibration/dataset.h"

using namespace eph::calibration;

TEST_CASE("whole curves are held out, the same for the same seed") {
  std::vector<DataRow> rows(40);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i].curve = std::to_string(i / 4);  // 10 curves of 4
  const auto held = hold_out_curves(rows, 0.3, 7);
  CHECK(std::count(held.begin(), held.end(), true) == 12);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(held[i] == held[i / 4 * 4]);
  CHECK(hold_out_curves(rows, 0.3, 7) == held);
  CHECK(hold_out_curves(rows, 0.3, 8) != held);
  const auto none = hold_out_curves(rows, 0.0, 7);
  CHECK(std::count(none.begin(), none.end(), true) == 0);
}

// A sweep's table gives its cap of 196 for every load; at 10 requests a second of 100 tokens and 4
// ms each, four decode at a time.
TEST_CASE("the mean decode batch is one, the cap or the rate times the decoding time") {
  DataRow row;
  row.concurrency = 196;
  row.osl = 100;
  row.plan.protocol = Protocol::throughput;
  CHECK(mean_decode_batch(row) == 196);
  row.plan.protocol = Protocol::synchronous;
  CHECK(mean_decode_batch(row) == 1);
  row.plan.protocol = Protocol::constant;
  CHECK(mean_decode_batch(row) == 196);  // no rate is known
  row.plan.measured[Figure::achieved_rps] = 10;
  row.plan.measured[Figure::itl_p50] = 4;
  CHECK(mean_decode_batch(row) == Approx(4));
}
