#include "app/validation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "app/report_tables.h"
#include "core/line_source.h"
#include "core/text.h"

namespace eph::app {
namespace {

// The line with its cells "{{=...}}" filled in.
Result<std::string> fill_cells(std::string_view line, const ReportInput& input) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t open = line.find("{{=", at);
    const std::size_t close = open == std::string_view::npos ? open : line.find("}}", open);
    if (close == std::string_view::npos) {
      out += line.substr(at);
      return out;
    }
    const auto cell = report_cell(line.substr(open + 3, close - open - 3), input);
    if (!cell) return cell.error();
    out += line.substr(at, open - at);
    out += *cell;
    at = close + 2;
  }
}

// Order of the schemes in every table, whatever the files are called.
std::size_t rank(const CrossDocument& document) {
  const auto names = calibration::scheme_names();
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), document.scheme) -
                                  names.begin());
}

Result<void> check_overlap(const ReportInput& input) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const CrossDocument& document : input.cross) {
    std::set<std::string> engines;
    for (const auto& fold : document.folds) engines.insert(fold.engine);
    for (const std::string& engine : engines) {
      if (seen.insert({document.name, engine}).second) continue;
      return usage_error(fmt::format("two results of {} hold {}", document.name, engine),
                         "keep one of them");
    }
  }
  return {};
}

}  // namespace

Result<ReportInput> load_report_input(const std::string& folder) {
  std::vector<std::string> paths, texts;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path().string());
    if (entry.path().extension() == ".md") texts.push_back(entry.path().string());
  }
  if (failed) return io_error(folder, "cannot list results: " + failed.message());
  if (paths.empty()) {
    return io_error(folder, "holds no result of validate",
                    "write some with ephemeris validate --json");
  }
  std::sort(paths.begin(), paths.end());
  ReportInput input;
  for (const std::string& path : texts) {
    auto text = read_file(path);
    if (!text) return text.error();
    input.texts[std::filesystem::path(path).stem().string()] = std::move(*text);
  }
  for (const std::string& path : paths) {
    auto json = load_json(path);
    if (!json) return json.error();
    const Json* command = json->find("command");
    const Json* errors = json->find("errors");
    if (json->find("cross") != nullptr) {
      auto document = read_cross_document(*json, path);
      if (!document) return document.error();
      input.cross.push_back(std::move(*document));
    } else if (command != nullptr && command->is_string() && command->as_string() == "validate" &&
               errors != nullptr && errors->is_array()) {
      input.runs[std::filesystem::path(path).stem().string()] = std::move(*json);
    } else {
      return row_error(path, 1, "is no result of validate", "take it out of the folder");
    }
  }
  std::stable_sort(input.cross.begin(), input.cross.end(),
                   [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (auto ok = check_overlap(input); !ok) return ok.error();
  return input;
}

Result<std::string> render_report(const std::string& text, const std::string& file,
                                  const ReportInput& input) {
  std::string out;
  std::int64_t number = 0;
  std::vector<std::string_view> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (const std::string_view line : lines) {
    ++number;
    const bool whole = line.starts_with("{{") && !line.starts_with("{{=") && line.ends_with("}}");
    const auto filled =
        whole ? report_table(line.substr(2, line.size() - 4), input) : fill_cells(line, input);
    if (!filled) return row_error(file, number, filled.error().what, filled.error().remedy);
    out += *filled;
    if (!whole) out += '\n';
  }
  return out;
}

}  // namespace eph::app
