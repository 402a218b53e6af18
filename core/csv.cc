#include "core/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/assert.h"
#include "core/text.h"

namespace eph {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Error cell_error(const std::string& path, std::int64_t line, std::string_view column,
                 std::string_view text, std::string_view noun) {
  Error error = row_error(path, line, fmt::format("\"{}\" is not {}", text, noun),
                          "write a plain number or leave the cell empty");
  error.place.pointer = std::string(column);
  return error;
}

}  // namespace

bool split_csv(std::string_view line, std::vector<std::string>& fields) {
  fields.clear();
  std::size_t at = 0;
  for (;;) {
    std::string& field = fields.emplace_back();
    if (at < line.size() && line[at] == '"') {
      ++at;
      for (;;) {
        const std::size_t quote = line.find('"', at);
        if (quote == std::string_view::npos) return false;
        field += line.substr(at, quote - at);
        at = quote + 1;
        if (at >= line.size() || line[at] != '"') break;
        field += '"';
        ++at;
      }
    }
    const std::size_t comma = std::min(line.find(',', at), line.size());
    field += line.substr(at, comma - at);
    if (comma == line.size()) return true;
    at = comma + 1;
  }
}

std::string csv_field(std::string_view text) {
  const bool blank_edge = !text.empty() && trim(text).size() != text.size();
  if (!blank_edge && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

Result<CsvTable> CsvTable::load(const std::string& path) {
  auto source = LineSource::open(path);
  if (!source) return source.error();
  CsvTable table;
  table.path_ = path;
  std::vector<std::string> fields;
  for (std::string_view line;;) {
    const auto more = source->next(line);
    if (!more) return more.error();
    if (!*more) break;
    const std::int64_t at = source->line_number();
    if (at == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    if (trim(line).empty()) continue;
    if (!split_csv(line, fields)) {
      return row_error(path, at, "a quote is left open", "close it; a field may not span lines");
    }
    if (table.header_.empty()) {
      for (std::string& name : fields) name = std::string(trim(name));
      for (auto name = fields.begin(); name != fields.end(); ++name) {
        if (!name->empty() && std::find(fields.begin(), name, *name) != name) {
          return row_error(path, at, fmt::format("column \"{}\" appears twice", *name),
                           "rename one of them");
        }
      }
      table.header_ = fields;
      continue;
    }
    if (fields.size() != table.header_.size()) {
      return row_error(
          path, at,
          fmt::format("{} fields where the header has {}", fields.size(), table.header_.size()),
          "quote fields that hold a comma");
    }
    table.cells_.push_back(fields);
    table.lines_.push_back(at);
  }
  if (table.header_.empty()) {
    return row_error(path, 1, "no header row", "name the columns in the first line");
  }
  return table;
}

CsvTable CsvTable::of(std::string path, std::vector<std::string> header,
                      std::vector<std::vector<std::string>> rows, std::vector<std::int64_t> lines) {
  EPH_ASSERT(rows.size() == lines.size(), "{} rows with {} lines", rows.size(), lines.size());
  for (const auto& row : rows) {
    EPH_ASSERT(row.size() == header.size(), "{} cells under {} names", row.size(), header.size());
  }
  CsvTable table;
  table.path_ = std::move(path);
  table.header_ = std::move(header);
  table.cells_ = std::move(rows);
  table.lines_ = std::move(lines);
  return table;
}

std::string CsvTable::text() const {
  std::string out;
  const auto add_line = [&out](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += ',';
      out += csv_field(cells[i]);
    }
    out += '\n';
  };
  add_line(header_);
  for (const auto& row : cells_) add_line(row);
  return out;
}

std::optional<std::size_t> CsvTable::column(std::string_view name) const {
  const auto at = std::find(header_.begin(), header_.end(), name);
  if (at == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - header_.begin());
}

std::string_view CsvTable::text(std::size_t row, std::string_view column_name) const {
  const auto at = column(column_name);
  return at ? std::string_view(cells_[row][*at]) : std::string_view{};
}

Result<std::optional<double>> CsvTable::number(std::size_t row,
                                               std::string_view column_name) const {
  const std::string_view cell = trim(text(row, column_name));
  if (cell.empty()) return std::optional<double>{};
  const auto value = parse_double(cell);
  if (!value) return cell_error(path_, lines_[row], column_name, cell, "a number");
  return value;
}

Result<std::optional<std::int64_t>> CsvTable::integer(std::size_t row,
                                                      std::string_view column_name) const {
  const std::string_view cell = trim(text(row, column_name));
  if (cell.empty()) return std::optional<std::int64_t>{};
  const auto value = parse_int(cell);
  if (!value) return cell_error(path_, lines_[row], column_name, cell, "a whole number");
  return value;
}

}  // namespace eph
