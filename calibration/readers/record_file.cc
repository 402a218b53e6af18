#include "calibration/readers/record_file.h"

#include <fmt/format.h>

#include "core/text.h"

namespace eph::calibration {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

// A file that ends too early is damaged, which is not the same as wrong.
Error kind_of_damage(Error error) {
  const bool cut = error.what.find("unexpected end of input") != std::string::npos ||
                   error.what.find("missing closing quote") != std::string::npos;
  if (!cut) return error;
  error.kind = ErrorKind::io;
  error.what = "the file ends in the middle of a value";
  error.remedy = "it is truncated; write or copy it again";
  return error;
}

Result<Json> parse_line(std::string_view line, const std::string& path, std::int64_t number) {
  return parse_json(line, path, {.allow_special_numbers = true, .first_line = number});
}

// Splits at line ends; `number` counts from 1.
struct Lines {
  std::string_view rest;
  std::int64_t number = 0;
  bool next(std::string_view& line) {
    if (rest.empty()) return false;
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    return true;
  }
};

// The first line with content is one whole object and another line follows.
bool is_json_lines(std::string_view text, const std::string& path) {
  Lines lines{text};
  std::string_view line;
  while (lines.next(line) && line.empty()) {
  }
  if (!line.starts_with('{') || !line.ends_with('}') || trim(lines.rest).empty()) return false;
  return parse_line(line, path, lines.number).has_value();
}

Result<RecordFile> read_lines(const std::string& path, std::string_view text) {
  RecordFile file{path, {}};
  Lines lines{text};
  std::string_view line;
  while (lines.next(line)) {
    if (line.empty()) continue;
    auto json = parse_line(line, path, lines.number);
    if (!json) return trim(lines.rest).empty() ? kind_of_damage(json.error()) : json.error();
    if (!json->is_object()) {
      return row_error(path, lines.number, fmt::format("the line is {}", json->type_name()),
                       "every line of JSON-lines is an object");
    }
    file.records.push_back(std::move(*json));
  }
  return file;
}

Json cell_value(std::string_view cell) {
  const std::string_view text = trim(cell);
  if (text.empty()) return {};
  if (const auto integer = parse_int(text)) return Json::integer(*integer);
  if (const auto number = parse_double(text)) return Json::number(*number);
  return Json::string(std::string(text));
}

}  // namespace

bool looks_like_json(std::string_view text) {
  const std::string_view start = trim(without_mark(text.substr(0, 4096)));
  return start.starts_with('{') || start.starts_with('[');
}

Result<RecordFile> read_records(const std::string& path, std::string_view text) {
  text = without_mark(text);
  if (is_json_lines(text, path)) return read_lines(path, text);
  auto root = parse_json(text, path, {.allow_special_numbers = true});
  if (!root) return kind_of_damage(root.error());
  RecordFile file{path, {}};
  if (root->is_object()) {
    file.records.push_back(std::move(*root));
    return file;
  }
  for (const Json& item : root->items()) {
    if (!item.is_object()) {
      return row_error(path, item.line(), fmt::format("the list holds {}", item.type_name()),
                       "every element of the list is an object");
    }
    file.records.push_back(item);
  }
  return file;
}

RecordFile records_of(const CsvTable& table) {
  RecordFile file{table.path(), {}};
  file.records.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Json record = Json::object();
    record.set_place(table.line(row), 0);
    for (std::size_t c = 0; c < table.header().size(); ++c) {
      Json value = cell_value(table.row(row)[c]);
      value.set_place(table.line(row), 0);
      record.set(table.header()[c], std::move(value));
    }
    file.records.push_back(std::move(record));
  }
  return file;
}

}  // namespace eph::calibration
