#pragma once
// CSV with a header row (RFC 4180 quoting, no line breaks inside quotes), by column name.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/line_source.h"
#include "core/result.h"

namespace eph {

// Splits one line; quoted fields are unquoted. Returns false when a quote is left open.
[[nodiscard]] bool split_csv(std::string_view line, std::vector<std::string>& fields);
[[nodiscard]] std::string csv_field(std::string_view text);  // quoted only where needed

// A small table held whole: measured runs, price lists. Not for traces.
class CsvTable {
 public:
  [[nodiscard]] static Result<CsvTable> load(const std::string& path);
  // A table made in memory. Each row has as many cells as the header; `lines` says where each row
  // came from in `path`.
  [[nodiscard]] static CsvTable of(std::string path, std::vector<std::string> header,
                                   std::vector<std::vector<std::string>> rows,
                                   std::vector<std::int64_t> lines);

  // The table as CSV text, the header first.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }
  [[nodiscard]] std::size_t rows() const { return cells_.size(); }
  [[nodiscard]] std::int64_t line(std::size_t row) const { return lines_[row]; }
  [[nodiscard]] const std::vector<std::string>& row(std::size_t row) const { return cells_[row]; }
  [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;

  // The cell's text, or "" when the table has no such column.
  [[nodiscard]] std::string_view text(std::size_t row, std::string_view column) const;
  // nullopt for an empty or absent cell; an Error (file:line, column, value) for one that is no
  // number.
  [[nodiscard]] Result<std::optional<double>> number(std::size_t row,
                                                     std::string_view column) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::size_t row,
                                                            std::string_view column) const;

 private:
  std::string path_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> cells_;
  std::vector<std::int64_t> lines_;
};

}  // namespace eph
