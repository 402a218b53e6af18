#include "calibration/interval.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "calibration/cross_tables.h"
#include "core/rng.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// A row whose prediction of mean TPOT is e^`log_ratio` times the measured 10 ms.
HeldOutRow row(const std::string& unit, double log_ratio, const std::string& protocol = "burst") {
  HeldOutRow out;
  out.facts.protocol = protocol;
  out.facts.engine = "vllm";
  out.unit = out.fold = unit;
  out.score.engine = "vllm";
  out.score.model = "m";
  out.score.protocol = protocol;
  out.score.scored = {Figure::mean_tpot};
  out.score.measured[Figure::mean_tpot] = 10;
  out.score.predicted[Figure::mean_tpot] = 10 * std::exp(log_ratio);
  return out;
}

double normal(Stream& stream) {
  return std::sqrt(-2 * std::log(stream.unit_open())) * std::cos(2 * M_PI * stream.unit());
}

}  // namespace

TEST_CASE("the interval is the conformal quantile of the other units' residuals") {
  // Unit b has residuals 0.01 .. 0.19 (19 rows): rank ceil(0.9 * 20) = 18, so h = 0.18 for unit a.
  std::vector<HeldOutRow> rows{row("a", 1.0)};
  for (int i = 1; i <= 19; ++i) rows.push_back(row("b", (i % 2 == 0 ? 0.01 : -0.01) * i));
  const auto widths = interval_half_widths(rows);
  REQUIRE(widths[0][Figure::mean_tpot].has_value());
  CHECK(*widths[0][Figure::mean_tpot] == Approx(0.18));
  // The rows of b have one other row, and rank ceil(0.9 * 2) = 2 of 1 does not exist.
  CHECK_FALSE(widths[1][Figure::mean_tpot].has_value());
}

TEST_CASE("a load class with few rows falls back to all rows of the figure") {
  std::vector<HeldOutRow> rows{row("a", 0.0, "constant")};
  for (int i = 1; i <= 19; ++i) rows.push_back(row("b", 0.01 * i, "synchronous"));
  CHECK(*interval_half_widths(rows)[0][Figure::mean_tpot] == Approx(0.18));
  // Nine of its own class are enough: rank ceil(0.9 * 10) = 9 of 9.
  for (int i = 1; i <= 9; ++i) rows.push_back(row("c", 0.5 * i, "constant"));
  CHECK(*interval_half_widths(rows)[0][Figure::mean_tpot] == Approx(4.5));
}

TEST_CASE("90 % intervals hold for 90 % of normal residuals") {
  // 2000 residuals of sd 0.1 in 10 units: the share inside is 0.9 within 3 standard errors (0.0067
  // each), and h is near 1.645 * 0.1, a half-width of 17.9 %.
  Stream stream({7, 0, Purpose::test, 0});
  std::vector<HeldOutRow> rows;
  for (int i = 0; i < 2000; ++i) {
    rows.push_back(row("unit" + std::to_string(i % 10), 0.1 * normal(stream)));
  }
  const auto widths = interval_half_widths(rows);
  CoverageCount count;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    count.add(*rows[i].score.predicted[Figure::mean_tpot], 10, *widths[i][Figure::mean_tpot]);
  }
  const Coverage coverage = count.result();
  CHECK(coverage.n == 2000);
  CHECK(coverage.inside_percent == Approx(90).margin(2));
  CHECK(coverage.half_width_percent == Approx(17.9).margin(1.5));
}

TEST_CASE("coverage counts what is inside, both edges included") {
  CoverageCount count;
  count.add(10, 10, 0.1);
  count.add(10, 10 * std::exp(0.2), 0.1);
  count.add(10, 10 * std::exp(-0.05), 0.1);
  count.add(10, 10 * std::exp(-0.5), 0.4);
  const Coverage coverage = count.result();
  CHECK(coverage.n == 4);
  CHECK(coverage.inside_percent == Approx(50));
  CHECK(coverage.half_width_percent == Approx(100 * std::expm1(0.1)));
  CHECK(CoverageCount().result().n == 0);
}

TEST_CASE("tables group by engine, protocol, model, load class and fold") {
  std::vector<HeldOutRow> rows{row("a", std::log(1.1)), row("b", std::log(0.8))};
  rows.push_back(row("b", 0.0, "constant"));
  rows.back().facts.host = "cloud box";
  rows.back().facts.load_fraction = 0.95;
  rows.back().facts.parameters = 5e8;
  const auto tables = cross_tables(rows);
  REQUIRE(tables.size() == 5);
  CHECK(tables[0].name == "engine");
  REQUIRE(tables[0].lines.size() == 1);
  CHECK(tables[0].lines[0].errors.n == 3);
  CHECK(tables[0].lines[0].errors.mape == Approx(10));  // 10, 20 and 0 %
  CHECK(tables[1].lines.size() == 2);
  REQUIRE(tables[3].lines.size() == 1);  // GuideLLM rows only
  CHECK(tables[3].lines[0].key == std::vector<std::string>{"vllm", "constant > 0.9", "< 1B"});
  REQUIRE(tables[4].lines.size() == 2);
  CHECK(tables[4].lines[1].key == std::vector<std::string>{"vllm", "b"});
  CHECK(tables[4].lines[1].errors.mape == Approx(10));
}

TEST_CASE("the worst rows come first, over- and under-predictions alike, each row once") {
  std::vector<HeldOutRow> rows{row("a", 0.1), row("a", -0.5), row("b", 0.3), row("b", -0.4)};
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].facts.line = static_cast<std::int64_t>(i);
  rows[3].facts.line = 1;  // the same row, held out again
  CHECK(worst_rows(rows, 20) == std::vector<std::size_t>{1, 2, 0});
  CHECK(worst_rows(rows, 1) == std::vector<std::size_t>{1});
  // A figure that no plan rests on does not make a row bad.
  rows[0].score.scored = {Figure::ttft_p99};
  CHECK_FALSE(worst_figure(rows[0]).has_value());
}

TEST_CASE("thousands of held-out rows are no trouble") {
  std::vector<HeldOutRow> rows;
  for (int i = 0; i < 6000; ++i) {
    rows.push_back(row("unit" + std::to_string(i % 500), 0.0001 * (i % 997)));
    rows.back().facts.line = i;
  }
  const auto widths = interval_half_widths(rows);
  CHECK(std::all_of(widths.begin(), widths.end(),
                    [](const FigureSet& w) { return w[Figure::mean_tpot].has_value(); }));
  CHECK(cross_tables(rows).size() == 5);
}
