#include "calibration/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "core/stats.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

struct Mark {
  std::string engine;
  double measured = 0, predicted = 0;
};

// Layout in pixels.
constexpr double kPlot = 230;  // side of a panel's square
constexpr double kLeft = 58, kRight = 18, kAbove = 34, kBelow = 50;
constexpr double kPanelWidth = kLeft + kPlot + kRight, kPanelHeight = kAbove + kPlot + kBelow;
constexpr double kHeader = 84, kMargin = 14;
constexpr std::size_t kColumns = 4;
constexpr double kBand = 1.1;
constexpr double kMarkRadius = 2.3;

// Colours that stay apart for the colour-blind (Okabe and Ito), with fixed ones for known engines.
std::string_view colour_of(const std::string& engine, std::size_t index) {
  if (engine == "vllm") return "#0072b2";
  if (engine == "sglang") return "#d55e00";
  if (engine == "trtllm") return "#009e73";
  constexpr std::array<std::string_view, 4> kOthers{"#cc79a7", "#e69f00", "#56b4e9", "#555555"};
  return kOthers[index % kOthers.size()];
}

// A logarithmic axis of kPlot pixels.
class Axis {
 public:
  Axis(double low, double high) {
    from_ = std::log10(low) - 0.04;
    to_ = std::log10(high) + 0.04;
    const double least = 0.5;  // decades: a narrow range would blow up small errors
    if (to_ - from_ < least) {
      const double middle = (from_ + to_) / 2;
      from_ = middle - least / 2;
      to_ = middle + least / 2;
    }
  }
  [[nodiscard]] double at(double value) const {
    return kPlot * (std::log10(value) - from_) / (to_ - from_);
  }
  [[nodiscard]] double low() const { return std::pow(10.0, from_); }
  [[nodiscard]] double high() const { return std::pow(10.0, to_); }

  // Decades; with 2 and 5 between them, or every digit, where the range is short. At most about
  // eight.
  [[nodiscard]] std::vector<double> ticks() const {
    const double decades = to_ - from_;
    std::vector<double> digits{1};
    if (decades < 2.6) digits = {1, 2, 5};
    if (decades < 0.8) digits = {1, 1.5, 2, 3, 4, 5, 6, 8};
    const int stride = decades > 8 ? 2 : 1;
    std::vector<double> out;
    for (int e = static_cast<int>(std::floor(from_)); e <= static_cast<int>(std::ceil(to_)); ++e) {
      if (e % stride != 0) continue;
      for (const double digit : digits) {
        const double value = digit * std::pow(10.0, e);
        const double position = at(value);
        if (position >= 0 && position <= kPlot) out.push_back(value);
      }
    }
    return out;
  }

 private:
  double from_ = 0, to_ = 1;
};

std::string tick_label(double value) {
  if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:.3g}k", value / 1e3);
  return fmt::format("{:.3g}", value);
}

double mape_of(const std::vector<Mark>& marks) {
  std::vector<double> predicted, measured;
  for (const Mark& mark : marks) {
    predicted.push_back(mark.predicted);
    measured.push_back(mark.measured);
  }
  return summarise_errors(predicted, measured).mape;
}

void add_frame(const Axis& axis, std::string& out) {
  out += fmt::format("<rect class=\"plot\" width=\"{0}\" height=\"{0}\"/>\n", kPlot);
  for (const double tick : axis.ticks()) {
    const double x = axis.at(tick), y = kPlot - x;
    out += fmt::format("<path class=\"grid\" d=\"M{0:.1f} 0V{1}M0 {2:.1f}H{1}\"/>", x, kPlot, y);
    out +=
        fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{:.1f}\" y=\"{}\">{}</text>",
                    x, kPlot + 15, tick_label(tick));
    out += fmt::format("<text class=\"tick\" text-anchor=\"end\" x=\"-6\" y=\"{:.1f}\">{}</text>\n",
                       y + 3.5, tick_label(tick));
  }
}

// The diagonal and its band, clipped to the square by construction.
void add_diagonal(const Axis& axis, std::string& out) {
  const double shift = axis.at(axis.low() * kBand);
  out += fmt::format(
      "<polygon class=\"band\" points=\"0,{0} 0,{1:.1f} {2:.1f},0 {0},0 {0},{3:.1f} "
      "{3:.1f},{0}\"/>",
      kPlot, kPlot - shift, kPlot - shift, shift);
  out += fmt::format("<path class=\"diagonal\" d=\"M0 {0}L{0} 0\"/>\n", kPlot);
}

void add_panel(Figure figure, const std::vector<Mark>& marks,
               const std::map<std::string, std::string_view>& colours, std::string& out) {
  double low = marks.front().measured, high = low;
  for (const Mark& mark : marks) {
    low = std::min({low, mark.measured, mark.predicted});
    high = std::max({high, mark.measured, mark.predicted});
  }
  const Axis axis(low, high);
  out += fmt::format("<text class=\"panel\" x=\"0\" y=\"-12\">{}</text>", display_name(figure));
  out += fmt::format(
      "<text class=\"note\" text-anchor=\"end\" x=\"{}\" y=\"-12\">n {}, MAPE {:.1f} %</text>\n",
      kPlot, marks.size(), mape_of(marks));
  add_frame(axis, out);
  add_diagonal(axis, out);
  for (const auto& [engine, colour] : colours) {
    std::string circles;
    for (const Mark& mark : marks) {
      if (mark.engine != engine) continue;
      circles += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>\n",
                             axis.at(mark.measured), kPlot - axis.at(mark.predicted), kMarkRadius);
    }
    if (!circles.empty())
      out += fmt::format("<g class=\"marks\" fill=\"{}\">\n{}</g>\n", colour, circles);
  }
  out += fmt::format(
      "<text class=\"axis\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">measured, {}</text>",
      kPlot / 2, kPlot + 33, unit(figure));
  out += fmt::format(
      "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(-42 {}) rotate(-90)\">"
      "predicted, {}</text>\n",
      kPlot / 2, unit(figure));
}

void add_legend(const std::map<std::string, std::string_view>& colours, std::string& out) {
  double x = kMargin;
  const double y = kHeader - 20;
  for (const auto& [engine, colour] : colours) {
    const auto kind = models::parse_engine(engine);
    const std::string shown = kind ? std::string(models::display(*kind)) : engine;
    out +=
        fmt::format("<rect x=\"{}\" y=\"{}\" width=\"11\" height=\"11\" rx=\"5.5\" fill=\"{}\"/>",
                    x, y, colour);
    out += fmt::format("<text class=\"legend\" x=\"{}\" y=\"{}\">{}</text>\n", x + 17, y + 10,
                       svg_escaped(shown));
    x += 17 + 8 * static_cast<double>(shown.size()) + 22;
  }
  out += fmt::format("<path class=\"diagonal\" d=\"M{} {}h22\"/>", x, y + 5.5);
  out += fmt::format("<text class=\"legend\" x=\"{}\" y=\"{}\">predicted = measured</text>\n",
                     x + 28, y + 10);
  x += 28 + 150;
  out += fmt::format("<rect class=\"band\" x=\"{}\" y=\"{}\" width=\"22\" height=\"11\"/>", x, y);
  out +=
      fmt::format("<text class=\"legend\" x=\"{}\" y=\"{}\">within 10 %</text>\n", x + 28, y + 10);
}

std::string head(double width, double height) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
      "<style>"
      "text{{fill:#222}}.title{{font-size:18px;font-weight:bold}}"
      ".subtitle,.legend{{font-size:12.5px}}.subtitle,.note,.axis,.tick{{fill:#555}}"
      ".panel{{font-size:14px;font-weight:bold}}.note,.axis{{font-size:11.5px}}"
      ".tick{{font-size:10.5px}}.plot{{fill:#fff;stroke:#999}}"
      ".grid{{stroke:#e6e6e6;fill:none}}.band{{fill:#f2c14e;fill-opacity:.6}}"
      ".diagonal{{stroke:#444;fill:none;stroke-width:.9}}.marks{{fill-opacity:.55}}"
      "</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fcfcfc\"/>\n",
      width, height);
}

}  // namespace

std::string svg_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string display_name(Figure figure) {
  std::string out(column_name(figure));
  if (out.ends_with("_ms")) out.resize(out.size() - 3);
  switch (figure) {
    case Figure::achieved_rps:
      return "request rate";
    case Figure::output_tps:
    case Figure::max_output_tps:
      return "output rate";
    case Figure::mean_concurrency:
      return "requests in flight";
    default:
      break;
  }
  std::string words;
  for (const std::string_view part : split(out, '_')) {
    if (!words.empty()) words += ' ';
    const bool acronym = part == "ttft" || part == "tpot" || part == "itl" || part == "e2e";
    for (const char c : part) {
      words += acronym ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : c;
    }
  }
  return words;
}

std::string_view unit(Figure figure) {
  switch (figure) {
    case Figure::achieved_rps:
      return "requests/s";
    case Figure::output_tps:
    case Figure::max_output_tps:
      return "tokens/s";
    case Figure::mean_concurrency:
      return "requests";
    default:
      return "ms";
  }
}

std::string scatter_svg(const std::vector<ScoredRow>& rows, const PictureText& text) {
  std::map<Figure, std::vector<Mark>> panels;
  std::map<std::string, std::string_view> colours;
  for (const ScoredRow& row : rows) {
    for (const Figure figure : row.scored) {
      const auto& measured = row.measured[figure];
      const auto& predicted = row.predicted[figure];
      if (!measured || !predicted || !(*measured > 0) || !(*predicted > 0)) continue;
      if (!std::isfinite(*measured) || !std::isfinite(*predicted)) continue;
      panels[figure].push_back({row.engine, *measured, *predicted});
      colours.emplace(row.engine, "");
    }
  }
  std::size_t index = 0;
  for (auto& [engine, colour] : colours) colour = colour_of(engine, index++);

  const std::size_t columns = std::clamp<std::size_t>(panels.size(), 2, kColumns);
  const std::size_t lines = (panels.size() + columns - 1) / columns;
  const double width = 2 * kMargin + static_cast<double>(columns) * kPanelWidth;
  const double height = kHeader + static_cast<double>(lines) * kPanelHeight + kMargin;
  std::string out = head(width, height);
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"28\">{}</text>\n", kMargin,
                     svg_escaped(text.title));
  out += fmt::format("<text class=\"subtitle\" x=\"{}\" y=\"48\">{}</text>\n", kMargin,
                     svg_escaped(text.subtitle));
  add_legend(colours, out);
  std::size_t place = 0;
  for (const auto& [figure, marks] : panels) {
    const double x = kMargin + static_cast<double>(place % columns) * kPanelWidth + kLeft;
    const double y = kHeader + static_cast<double>(place / columns) * kPanelHeight + kAbove;
    out += fmt::format("<g transform=\"translate({} {})\">\n", x, y);
    add_panel(figure, marks, colours, out);
    out += "</g>\n";
    ++place;
  }
  out += "</svg>\n";
  return out;
}

}  // namespace eph::calibration
