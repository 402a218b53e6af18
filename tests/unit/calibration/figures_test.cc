#include <catch2/catch.hpp>

#include "calibration/replay.h"

using namespace eph;
using namespace eph::calibration;

namespace {

sim::RequestRecord record(double sent, double first, double finish, int output) {
  sim::RequestRecord r;
  r.status = sim::RequestStatus::finished;
  r.sent = SimTime::from_seconds(sent);
  r.first_token = SimTime::from_seconds(first);
  r.finish = SimTime::from_seconds(finish);
  r.output_tokens = output;
  return r;
}

}  // namespace

TEST_CASE("figures are those that the measuring tools print") {
  // Two requests: TTFT 1 and 3 s, end-to-end 2 and 5 s, 11 tokens: gaps 100 and 200 ms.
  RunPlan plan;
  std::size_t counted = 0;
  const FigureSet f = figures_of(plan, {record(0, 1, 2, 11), record(0, 3, 5, 11)}, counted);
  CHECK(counted == 2);
  CHECK(*f[Figure::mean_ttft] == Approx(2000));
  CHECK(*f[Figure::mean_tpot] == Approx(150));
  CHECK(*f[Figure::ttft_p50] == Approx(2000));
  CHECK(*f[Figure::ttft_p95] == Approx(2900));  // linear between order statistics: 1 + 0.95 * 2
  CHECK(*f[Figure::itl_mean] == Approx(150));
  CHECK(*f[Figure::tpot_mean] == Approx((2000.0 / 11 + 5000.0 / 11) / 2));  // includes TTFT
  CHECK(*f[Figure::e2e_mean] == Approx(3500));
  CHECK(*f[Figure::achieved_rps] == Approx(2.0 / 5));
}

TEST_CASE("only requests completed inside the window count") {
  RunPlan plan;
  plan.count_from_s = 2;
  plan.count_to_s = 6;
  std::size_t counted = 0;
  const FigureSet f =
      figures_of(plan, {record(0, 1, 2, 11), record(0, 3, 5, 11), record(4, 5, 6.5, 11)}, counted);
  CHECK(counted == 1);
  CHECK(*f[Figure::mean_ttft] == Approx(3000));
  CHECK(*f[Figure::achieved_rps] == Approx(1.0 / 4));
  CHECK(*f[Figure::output_tps] == Approx(11.0 / 4));
}

TEST_CASE("unfinished requests enter no figure") {
  RunPlan plan;
  std::size_t counted = 9;
  sim::RequestRecord r = record(0, 1, 2, 11);
  r.status = sim::RequestStatus::unfinished;
  const FigureSet f = figures_of(plan, {r}, counted);
  CHECK(counted == 0);
  CHECK_FALSE(f[Figure::mean_ttft].has_value());
}
