#include "calibration/damped_descent.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace eph::calibration;

namespace {

// Like the TTFT of a constant rate: it grows with the factor and many times over beyond saturation.
double loaded(double x) { return x < 0.5 ? std::exp(x) : 400 * std::exp(x); }

}  // namespace

TEST_CASE("a descent finds the zero of a linear residual but for its prior") {
  const DescentProblem problem{[](const std::vector<double>& x) {
                                 return std::vector<double>{x[0] - 0.4, x[1] + 0.2};
                               },
                               {1, 1},
                               {10, 10}};
  const Descent found = descend(problem, {0, 0});
  CHECK(found.x[0] == Approx(0.4).margin(1e-3));
  CHECK(found.x[1] == Approx(-0.2).margin(1e-3));
  CHECK(found.cost < 1e-2);
}

TEST_CASE("a descent whose full step lands beyond saturation takes a shorter one") {
  // The second figure pulls towards x = 1.2, and the first full step from 0 is 0.73; the first
  // figure wants log(1.5) = 0.405 and is many times too high from 0.5 on. The loss falls up to
  // there.
  const DescentProblem problem{
      [](const std::vector<double>& x) {
        return std::vector<double>{std::log(loaded(x[0]) / 1.5), 2 * (x[0] - 1.2)};
      },
      {1, 1},
      {10}};
  const Descent found = descend(problem, {0});
  CHECK(found.x[0] > 0.4);
  CHECK(found.x[0] < 0.5);
}
