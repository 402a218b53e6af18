#include "models/token_grid.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace eph::models;

TEST_CASE("tokens are padded to vLLM's default capture sizes") {
  CHECK(padded_tokens(1, 512) == 1);
  CHECK(padded_tokens(3, 512) == 4);
  CHECK(padded_tokens(5, 512) == 8);
  CHECK(padded_tokens(249, 512) == 256);
  CHECK(padded_tokens(257, 512) == 272);
  CHECK(padded_tokens(512, 512) == 512);
  CHECK(padded_tokens(513, 512) == 513);  // eager
  CHECK(padded_tokens(27, 30) == 30);     // no capture above the limit
  CHECK(padded_tokens(7, 0) == 7);        // no graphs
}

TEST_CASE("the grid gives back every node and is linear in between") {
  const std::vector<std::int64_t> nodes = TokenGrid::nodes();
  std::vector<double> table;
  for (std::int64_t n : nodes) table.push_back(3.0 * static_cast<double>(n) + 1);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const GridPlace at = TokenGrid::place(nodes[i]);
    CHECK((at.node == i || (i + 1 == nodes.size() && at.node + 1 == i && at.share == 1)));
  }
  for (std::int64_t t :
       {0, 1, 1023, 1024, 1025, 1041, 8191, 8192, 100001, 4194303, 4194304, 9000000}) {
    CHECK(TokenGrid::read(table, TokenGrid::place(t)) ==
          Approx(3.0 * static_cast<double>(t) + 1).epsilon(1e-12));
  }
}

TEST_CASE("interpolation of a curved function errs by less than 4e-5") {
  // Second derivative of t^2: relative error (1/64)^2 / 4 / 1.6 at most; sqrt and 1/t-like shapes
  // bend less.
  const std::vector<std::int64_t> nodes = TokenGrid::nodes();
  std::vector<double> table;
  for (std::int64_t n : nodes) table.push_back(std::pow(static_cast<double>(n), 1.5));
  for (std::int64_t t = 1024; t < 200000; t += 37) {
    const double exact = std::pow(static_cast<double>(t), 1.5);
    CHECK(std::abs(TokenGrid::read(table, TokenGrid::place(t)) / exact - 1) < 4e-5);
  }
}
