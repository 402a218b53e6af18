#include "app/intervals.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace eph::app;

// Table of Student's t, one-sided 95 % (for instance NIST/SEMATECH e-Handbook, 1.3.6.7.2).
TEST_CASE("quantiles of Student's t are those of the tables") {
  CHECK(student_quantile(0.95, 1) == Approx(6.314).margin(0.0005));
  CHECK(student_quantile(0.95, 2) == Approx(2.920).margin(0.0005));
  CHECK(student_quantile(0.95, 3) == Approx(2.353).margin(0.0005));
  CHECK(student_quantile(0.95, 4) == Approx(2.132).margin(0.0005));
  CHECK(student_quantile(0.95, 9) == Approx(1.833).margin(0.0005));
  CHECK(student_quantile(0.95, 100) == Approx(1.660).margin(0.0005));
}

TEST_CASE("the distribution is symmetric") {
  for (int dof : {1, 2, 5, 8}) {
    CHECK(student_cdf(0, dof) == Approx(0.5));
    CHECK(student_cdf(1.3, dof) + student_cdf(-1.3, dof) == Approx(1));
  }
}

// Mean 2, standard deviation 1, n = 3: half width 2.920 / sqrt(3) = 1.686.
TEST_CASE("the interval of three values follows from the t of two degrees of freedom") {
  const std::vector<double> values{1, 2, 3};
  const Interval interval = mean_interval(values);
  CHECK(interval.mean == Approx(2));
  CHECK(interval.high - interval.mean == Approx(1.6859).margin(0.0005));
  CHECK(interval.mean - interval.low == Approx(1.6859).margin(0.0005));
}
