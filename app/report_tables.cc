#include "app/report_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/cross_text.h"
#include "core/text.h"

namespace eph::app {
namespace {

using calibration::CrossLine;
using calibration::CrossTable;
using calibration::Figure;
using Words = std::vector<std::string>;

// A row of a Markdown table; a bar inside a cell would end it.
std::string row(const Words& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) {
    out += ' ';
    for (const char c : cell) out += c == '|' ? '/' : c;
    out += " |";
  }
  return out + "\n";
}

std::string table_head(const Words& header) {
  std::string out = row(header) + "|";
  for (std::size_t i = 0; i < header.size(); ++i) out += "---|";
  return out + "\n";
}

std::vector<const CrossDocument*> of_name(const ReportInput& input, std::string_view name) {
  std::vector<const CrossDocument*> out;
  for (const CrossDocument& document : input.cross) {
    if (document.name == name) out.push_back(&document);
  }
  return out;
}

bool wanted(const Words& figures, std::string_view figure) {
  return figures.empty() || std::find(figures.begin(), figures.end(), figure) != figures.end();
}

Result<std::string> schemes(const ReportInput& input, const Words&) {
  std::string out = table_head({"scheme", "held-out rows", "refits", "command"});
  std::set<std::string> commits;
  for (const CrossDocument& d : input.cross) {
    const std::string with = d.settings.empty() ? "" : fmt::format(" ({})", d.settings);
    out += row({d.name + with, fmt::format("{}", d.rows), fmt::format("{}", d.folds.size()),
                fmt::format("`{}`", d.command)});
    commits.insert(d.commit);
  }
  return out + fmt::format("\nProgram version: {}.\n", fmt::join(commits, ", "));
}

const CrossLine* find_line(const CrossTable* table, const Words& key, Figure figure) {
  if (table == nullptr) return nullptr;
  for (const CrossLine& line : table->lines) {
    if (line.key == key && line.figure == figure) return &line;
  }
  return nullptr;
}

std::string three(const CrossLine* line) {
  if (line == nullptr) return "-";
  return fmt::format("{:.1f} / {:.1f} / {:.1f} ({})", line->errors.mape, line->errors.median,
                     line->errors.p90, line->errors.n);
}

Result<std::string> headline(const ReportInput& input, const Words&) {
  const std::vector<Figure> figures{Figure::mean_tpot, Figure::mean_ttft, Figure::itl_p50,
                                    Figure::ttft_p50, Figure::ttft_p95};
  Words header{"scheme", "engine"};
  for (const Figure f : figures) header.emplace_back(calibration::column_name(f));
  std::string out = table_head(header);
  for (const CrossDocument& d : input.cross) {
    const CrossTable* table = find_table(d, "engine");
    std::set<std::string> engines;
    if (table != nullptr) {
      for (const CrossLine& line : table->lines) engines.insert(line.key.front());
    }
    for (const std::string& engine : engines) {
      Words cells{d.name, engine};
      for (const Figure f : figures) cells.push_back(three(find_line(table, {engine}, f)));
      out += row(cells);
    }
  }
  return out;
}

Result<std::string> coverage(const ReportInput& input, const Words& figures) {
  std::string out =
      table_head({"scheme", "engine", "figure", "n", "inside %", "median half-width %"});
  for (const CrossDocument& d : input.cross) {
    const CrossTable* table = find_table(d, "engine");
    if (table == nullptr) continue;
    for (const CrossLine& line : table->lines) {
      const std::string figure(calibration::column_name(line.figure));
      if (line.coverage.n == 0 || !wanted(figures, figure)) continue;
      out += row({d.name, line.key.front(), figure, fmt::format("{}", line.coverage.n),
                  fmt::format("{:.1f}", line.coverage.inside_percent),
                  fmt::format("{:.1f}", line.coverage.half_width_percent)});
    }
  }
  return out;
}

Error missing(std::string_view what) {
  return usage_error(fmt::format("there is no result of {}", what),
                     "run it with --json into the folder of --from");
}

Result<std::string> cross_table(const ReportInput& input, const Words& words) {
  if (words.size() < 2) return usage_error("table needs a scheme and a table");
  const auto documents = of_name(input, words[0]);
  if (documents.empty()) return missing(words[0]);
  const Words figures(words.begin() + 2, words.end());
  std::string out;
  for (const CrossDocument* document : documents) {
    const CrossTable* table = find_table(*document, words[1]);
    if (table == nullptr) {
      return usage_error(fmt::format("{} has no table \"{}\"", words[0], words[1]));
    }
    if (out.empty()) {
      Words header = table->columns;
      for (std::string& cell : error_header()) header.push_back(std::move(cell));
      out = table_head(header);
    }
    for (const CrossLine& line : table->lines) {
      if (!wanted(figures, calibration::column_name(line.figure))) continue;
      Words cells = line.key;
      for (std::string& cell : error_cells(line)) cells.push_back(std::move(cell));
      out += row(cells);
    }
  }
  return out;
}

Result<std::string> worst(const ReportInput& input, const Words& words) {
  if (words.size() != 1) return usage_error("worst needs a scheme");
  const auto documents = of_name(input, words[0]);
  if (documents.empty()) return missing(words[0]);
  std::string out = table_head(worst_header());
  for (const CrossDocument* document : documents) {
    for (const WorstLine& line : document->worst) out += row(worst_cells(line));
  }
  return out;
}

Result<std::string> notes(const ReportInput& input, const Words& words) {
  if (words.size() != 1) return usage_error("notes needs a scheme");
  const auto documents = of_name(input, words[0]);
  if (documents.empty()) return missing(words[0]);
  std::string out;
  for (const CrossDocument* document : documents) {
    for (const std::string& note : document->notes) out += fmt::format("- {}\n", note);
  }
  return out.empty() ? std::string("Nothing was skipped.\n") : out;
}

Result<std::string> picture(const ReportInput& input, const Words& words) {
  if (words.size() != 1) return usage_error("picture needs a scheme");
  if (of_name(input, words[0]).empty()) return missing(words[0]);
  return fmt::format(
      "![Predicted against measured values of held-out rows, {0}](pictures/{0}.svg)\n", words[0]);
}

Result<std::string> runs(const ReportInput& input, const Words& words) {
  if (words.empty()) return usage_error("runs needs the name of a result");
  const auto found = input.runs.find(words[0]);
  if (found == input.runs.end()) return missing(words[0]);
  const Words figures(words.begin() + 1, words.end());
  std::string out =
      table_head({"engine", "protocol", "figure", "n", "MAPE %", "median %", "p90 %", "bias %"});
  for (const Json& line : found->second.find("errors")->items()) {
    const auto text = [&](const char* key) {
      const Json* value = line.find(key);
      return value != nullptr && value->is_string() ? value->as_string() : std::string();
    };
    const auto figure_of = [&](const char* key) {
      const Json* value = line.find(key);
      return value != nullptr && value->is_number() ? value->as_double() : 0.0;
    };
    if (text("protocol").empty() || !text("model").empty()) continue;
    if (!wanted(figures, text("figure"))) continue;
    out += row({text("engine"), text("protocol"), text("figure"),
                fmt::format("{:.0f}", figure_of("n")),
                fmt::format("{:.1f}", figure_of("mape_percent")),
                fmt::format("{:.1f}", figure_of("median_percent")),
                fmt::format("{:.1f}", figure_of("p90_percent")),
                fmt::format("{:+.1f}", figure_of("bias_percent"))});
  }
  return out;
}

}  // namespace

namespace {

Result<std::string> text_file(const ReportInput& input, const Words& words) {
  if (words.size() != 1) return usage_error("text needs the name of a file", "write {{text NAME}}");
  const auto found = input.texts.find(words[0]);
  if (found != input.texts.end()) return found->second;
  return usage_error(fmt::format("there is no {}.md in the folder of --from", words[0]),
                     "scripts/validation-report writes it");
}

}  // namespace

Result<std::string> report_table(std::string_view directive, const ReportInput& input) {
  Words words;
  for (const std::string_view word : split(trim(directive), ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  const std::vector<
      std::pair<std::string, Result<std::string> (*)(const ReportInput&, const Words&)>>
      known{{"schemes", schemes},   {"headline", headline}, {"coverage", coverage},
            {"table", cross_table}, {"worst", worst},       {"notes", notes},
            {"picture", picture},   {"runs", runs},         {"text", text_file}};
  Words names;
  for (const auto& [name, make] : known) {
    if (!words.empty() && words[0] == name)
      return make(input, Words(words.begin() + 1, words.end()));
    names.push_back(name);
  }
  const std::string first = words.empty() ? "" : words[0];
  return usage_error(fmt::format("\"{}\" is no directive", first), suggest(first, names));
}

Result<std::string> report_cell(std::string_view directive, const ReportInput& input) {
  Words words;
  for (const std::string_view word : split(directive, ';')) words.emplace_back(trim(word));
  if (words.size() < 4) return usage_error("a cell needs scheme; table; key; figure");
  const Words key(words.begin() + 2, words.end() - 1);
  const auto documents = of_name(input, words[0]);
  if (documents.empty()) return missing(words[0]);
  for (const CrossDocument* document : documents) {
    const CrossTable* table = find_table(*document, words[1]);
    if (table == nullptr) continue;
    for (const CrossLine& line : table->lines) {
      if (line.key == key && calibration::column_name(line.figure) == words.back()) {
        return three(&line);
      }
    }
  }
  return usage_error(fmt::format("{} has no line {} of {} in a table \"{}\"", words[0],
                                 fmt::join(key, "; "), words.back(), words[1]));
}

}  // namespace eph::app
