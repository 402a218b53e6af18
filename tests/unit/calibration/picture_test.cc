#include "calibration/picture.h"

#include <catch2/catch.hpp>

using namespace eph::calibration;

namespace {

ScoredRow row(const std::string& engine, double measured, double predicted, Figure figure) {
  ScoredRow out;
  out.engine = engine;
  out.scored = {figure};
  out.measured[figure] = measured;
  out.predicted[figure] = predicted;
  return out;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

// Whether every tag is closed in order and every '<' starts one. Attributes hold no '>' here.
bool is_balanced(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    const std::string word = tag.substr(0, tag.find_first_of(" \n"));
    if (tag.back() == '/') continue;
    if (word[0] != '/') {
      open.push_back(word);
    } else if (open.empty() || "/" + open.back() != word) {
      return false;
    } else {
      open.pop_back();
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("a picture has one mark for each prediction and a panel for each figure") {
  std::vector<ScoredRow> rows;
  for (int i = 1; i <= 50; ++i) rows.push_back(row("vllm", i, i * 1.05, Figure::mean_tpot));
  for (int i = 1; i <= 30; ++i) rows.push_back(row("trtllm", 100 * i, 90 * i, Figure::mean_ttft));
  rows.push_back(row("trtllm", 5, 0, Figure::mean_ttft));  // no place on a logarithmic axis
  rows.push_back(row("sglang", 7, 7, Figure::itl_p50));
  rows.back().scored.clear();  // not counted
  const std::string svg = scatter_svg(rows, {"A & B <C>", "\"held out\""});
  CHECK(occurrences(svg, "<circle ") == 80);
  CHECK(occurrences(svg, "class=\"plot\"") == 2);
  CHECK(occurrences(svg, "class=\"diagonal\"") == 3);  // and one in the legend
  CHECK(is_balanced(svg));
  CHECK(svg.find("A &amp; B &lt;C&gt;") != std::string::npos);
  CHECK(svg.find("mean TPOT") != std::string::npos);
  CHECK(svg.find("n 50, MAPE 5.0 %") != std::string::npos);
  CHECK(svg.find("n 30, MAPE 10.0 %") != std::string::npos);
  CHECK(svg.find("TensorRT-LLM") != std::string::npos);
  CHECK(svg.find("SGLang") == std::string::npos);
  CHECK(svg.find("measured, ms") != std::string::npos);
  CHECK(svg == scatter_svg(rows, {"A & B <C>", "\"held out\""}));
}

TEST_CASE("the mark of an exact prediction lies on the diagonal") {
  const std::string svg = scatter_svg({row("vllm", 10, 10, Figure::mean_tpot)}, {"t", ""});
  // One value: the axis spans it symmetrically, so it is in the middle of the 230 pixel square.
  CHECK(svg.find("<circle cx=\"115.0\" cy=\"115.0\"") != std::string::npos);
}

TEST_CASE("thousands of marks and no marks at all make a picture") {
  std::vector<ScoredRow> rows;
  for (int i = 1; i <= 5000; ++i) {
    rows.push_back(row("vllm", 0.001 * i * i, 0.0011 * i * i, static_cast<Figure>(i % 20)));
  }
  const std::string many = scatter_svg(rows, {"many", ""});
  CHECK(occurrences(many, "<circle ") == 5000);
  CHECK(is_balanced(many));
  const std::string none = scatter_svg({}, {"none", ""});
  CHECK(occurrences(none, "<circle ") == 0);
  CHECK(is_balanced(none));
}

TEST_CASE("figures have names and units for people") {
  CHECK(display_name(Figure::ttft_p95) == "TTFT p95");
  CHECK(display_name(Figure::mean_tpot) == "mean TPOT");
  CHECK(display_name(Figure::e2e) == "E2E");
  CHECK(display_name(Figure::achieved_rps) == "request rate");
  CHECK(unit(Figure::achieved_rps) == "requests/s");
  CHECK(unit(Figure::itl_p50) == "ms");
}
