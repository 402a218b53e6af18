#include "calibration/log_picture.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/text.h"

namespace eph::calibration {
namespace {

// Layout in pixels.
constexpr double kPlotWidth = 430, kPlotHeight = 170;
constexpr double kLeft = 58, kRight = 16, kAbove = 30, kBelow = 42;
constexpr double kPanelWidth = kLeft + kPlotWidth + kRight;
constexpr double kPanelHeight = kAbove + kPlotHeight + kBelow;
constexpr double kHeader = 84, kMargin = 14;
constexpr std::string_view kMeasured = "#333333", kPredicted = "#d55e00";

struct Point {
  double x = 0, y = 0;
};

struct Panel {
  std::string title, note, x_label, y_label;
  std::vector<Point> measured, predicted;
  bool lines = true;  // else marks
};

// From zero to a round number, with about five ticks.
struct Axis {
  double most = 1, step = 1;

  explicit Axis(double largest) {
    if (!(largest > 0)) return;
    const double rough = largest / 5, decade = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double digit : {1.0, 2.0, 2.5, 5.0, 10.0}) {
      step = digit * decade;
      if (step >= rough) break;
    }
    most = step * std::ceil(largest / step);
  }
};

void add_curve(const std::vector<Point>& points, const Axis& x, const Axis& y, bool lines,
               std::string_view colour, std::string& out) {
  const auto across = [&](const Point& p) { return kPlotWidth * p.x / x.most; };
  const auto down = [&](const Point& p) { return kPlotHeight * (1 - p.y / y.most); };
  if (!lines) {
    out += fmt::format("<g fill=\"{}\" fill-opacity=\".55\">\n", colour);
    for (const Point& p : points)
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"1.9\"/>\n", across(p), down(p));
    out += "</g>\n";
    return;
  }
  std::string path;
  for (const Point& p : points)
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", across(p), down(p));
  out += fmt::format("<path class=\"curve\" stroke=\"{}\" d=\"{}\"/>\n", colour, path);
}

void add_panel(const Panel& panel, std::string& out) {
  double wide = 0, high = 0;
  for (const auto* points : {&panel.measured, &panel.predicted}) {
    for (const Point& p : *points) {
      wide = std::max(wide, p.x);
      high = std::max(high, p.y);
    }
  }
  const Axis x(wide), y(high);
  out += fmt::format("<text class=\"panel\" x=\"0\" y=\"-10\">{}</text>", panel.title);
  out += fmt::format("<text class=\"note\" text-anchor=\"end\" x=\"{}\" y=\"-10\">{}</text>\n",
                     kPlotWidth, panel.note);
  out +=
      fmt::format("<rect class=\"plot\" width=\"{}\" height=\"{}\"/>\n", kPlotWidth, kPlotHeight);
  const auto ticks = [](const Axis& axis) {
    return static_cast<int>(std::lround(axis.most / axis.step));
  };
  for (int i = 0; i <= ticks(x); ++i) {
    const double at = kPlotWidth * i * x.step / x.most;
    out += fmt::format("<path class=\"grid\" d=\"M{0:.1f} 0V{1}\"/>", at, kPlotHeight);
    out += fmt::format(
        "<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{}\">{:g}</text>\n", at,
        kPlotHeight + 14, i * x.step);
  }
  for (int i = 0; i <= ticks(y); ++i) {
    const double at = kPlotHeight * (1 - i * y.step / y.most);
    out += fmt::format("<path class=\"grid\" d=\"M0 {0:.1f}H{1}\"/>", at, kPlotWidth);
    out +=
        fmt::format("<text class=\"tick\" text-anchor=\"end\" x=\"-6\" y=\"{:.1f}\">{:g}</text>\n",
                    at + 3.5, i * y.step);
  }
  add_curve(panel.measured, x, y, panel.lines, kMeasured, out);
  add_curve(panel.predicted, x, y, panel.lines, kPredicted, out);
  out += fmt::format("<text class=\"axis\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>\n",
                     kPlotWidth / 2, kPlotHeight + 30, panel.x_label);
  out += fmt::format(
      "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(-42 {}) rotate(-90)\">{}"
      "</text>\n",
      kPlotHeight / 2, panel.y_label);
}

Panel level_panel(const LogTimeline& timeline, std::string title, std::string y_label,
                  double Level::*value) {
  Panel panel;
  double apart = 0;
  for (std::size_t i = 0; i < timeline.measured.size(); ++i) {
    const Level &m = timeline.measured[i], &p = timeline.predicted[i];
    panel.measured.push_back({std::max(0.0, m.at_s), m.*value});
    panel.predicted.push_back({std::max(0.0, p.at_s), p.*value});
    apart += std::abs(m.*value - p.*value);
  }
  panel.note =
      fmt::format("{:.3g} apart on average",
                  apart / static_cast<double>(std::max<std::size_t>(1, panel.measured.size())));
  panel.title = std::move(title);
  panel.x_label = "time since the first arrival, s";
  panel.y_label = std::move(y_label);
  return panel;
}

Panel request_panel(std::span<const ScoredRow> requests, std::string title, std::string y_label,
                    Figure figure, double scale) {
  Panel panel;
  panel.lines = false;
  double number = 0;
  std::vector<double> measured, predicted;
  for (const ScoredRow& row : requests) {
    ++number;
    const auto &m = row.measured[figure], &p = row.predicted[figure];
    if (!m || !p) continue;
    panel.measured.push_back({number, std::max(0.0, scale * *m)});
    panel.predicted.push_back({number, std::max(0.0, scale * *p)});
    measured.push_back(*m);
    predicted.push_back(*p);
  }
  if (!measured.empty()) {
    panel.note = fmt::format("mean {:+.1f} %", 100 * (mean(predicted) / mean(measured) - 1));
  }
  panel.title = std::move(title);
  panel.x_label = "request, by arrival";
  panel.y_label = std::move(y_label);
  return panel;
}

std::string head(double width, double height, const PictureText& text) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
      "<style>text{{fill:#222}}.title{{font-size:18px;font-weight:bold}}"
      ".subtitle,.legend{{font-size:12.5px}}.subtitle,.note,.axis,.tick{{fill:#555}}"
      ".panel{{font-size:14px;font-weight:bold}}.note,.axis{{font-size:11.5px}}.tick{{font-size:10."
      "5px}}"
      ".plot{{fill:#fff;stroke:#999}}.grid{{stroke:#e6e6e6;fill:none}}"
      ".curve{{fill:none;stroke-width:1.4;stroke-opacity:.85}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfc\"/>\n",
      width, height);
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"28\">{}</text>\n", kMargin,
                     svg_escaped(text.title));
  out += fmt::format("<text class=\"subtitle\" x=\"{}\" y=\"48\">{}</text>\n", kMargin,
                     svg_escaped(text.subtitle));
  double x = kMargin;
  for (const auto& [colour, word] : {std::pair{kMeasured, "measured"}, {kPredicted, "simulated"}}) {
    out +=
        fmt::format("<rect x=\"{}\" y=\"66\" width=\"22\" height=\"4\" fill=\"{}\"/>", x, colour);
    out += fmt::format("<text class=\"legend\" x=\"{}\" y=\"72\">{}</text>\n", x + 28, word);
    x += 120;
  }
  return out;
}

}  // namespace

std::string log_svg(const LogTimeline& timeline, std::span<const ScoredRow> requests,
                    const PictureText& text) {
  std::vector<std::vector<Panel>> columns;
  if (!timeline.measured.empty()) {
    columns.push_back({level_panel(timeline, "Running", "requests", &Level::running),
                       level_panel(timeline, "Waiting", "requests", &Level::waiting)});
    if (timeline.kv)
      columns.back().push_back(level_panel(timeline, "KV cache", "%", &Level::kv_percent));
  }
  columns.push_back({request_panel(requests, "Queue time", "s", Figure::queue, 1e-3),
                     request_panel(requests, "TTFT", "s", Figure::ttft, 1e-3),
                     request_panel(requests, "TPOT", "ms", Figure::tpot, 1)});
  const double width = 2 * kMargin + static_cast<double>(columns.size()) * kPanelWidth;
  std::string out = head(width, kHeader + 3 * kPanelHeight + kMargin, text);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    for (std::size_t r = 0; r < columns[c].size(); ++r) {
      out += fmt::format("<g transform=\"translate({} {})\">\n",
                         kMargin + static_cast<double>(c) * kPanelWidth + kLeft,
                         kHeader + static_cast<double>(r) * kPanelHeight + kAbove);
      add_panel(columns[c][r], out);
      out += "</g>\n";
    }
  }
  return out + "</svg>\n";
}

}  // namespace eph::calibration
