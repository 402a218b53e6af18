#include "calibration/row_cells.h"

#include "core/text.h"

namespace eph::calibration {

std::string RowCells::text(std::string_view column) const {
  return std::string(trim(table_->text(row_, column)));
}

void RowCells::fault(std::string_view column, std::string what, std::string remedy) {
  Error error = row_error(table_->path(), table_->line(row_), std::move(what), std::move(remedy));
  error.place.pointer = std::string(column);
  faults_->add(std::move(error));
}

std::int64_t RowCells::integer(std::string_view column, std::int64_t min,
                               std::optional<std::int64_t> fallback) {
  const auto cell = table_->integer(row_, column);
  if (!cell) {
    faults_->add(cell.error());
    return fallback.value_or(min);
  }
  if (!cell->has_value()) {
    if (!fallback) fault(column, "empty cell", "give a whole number");
    return fallback.value_or(min);
  }
  if (**cell < min) {
    fault(column, fmt::format("{} is below {}", **cell, min),
          fmt::format("give a number of at least {}", min));
    return min;
  }
  return **cell;
}

std::optional<double> RowCells::number(std::string_view column) {
  const auto cell = table_->number(row_, column);
  if (!cell) {
    faults_->add(cell.error());
    return std::nullopt;
  }
  return *cell;
}

std::optional<double> RowCells::positive(std::string_view column) {
  const std::optional<double> value = number(column);
  if (value && !(*value > 0)) {
    fault(column, fmt::format("{} is not above zero", eph::number(*value)),
          "leave the cell empty when it was not measured");
    return std::nullopt;
  }
  return value;
}

double RowCells::non_negative(std::string_view column, double fallback) {
  const std::optional<double> value = number(column);
  if (!value) return fallback;
  if (*value < 0) {
    fault(column, fmt::format("{} is negative", eph::number(*value)), "give zero or more");
    return fallback;
  }
  return *value;
}

bool require_columns(const CsvTable& table, std::initializer_list<std::string_view> columns,
                     Diagnostics& faults) {
  bool all = true;
  for (const std::string_view column : columns) {
    if (table.column(column)) continue;
    all = false;
    faults.add(row_error(table.path(), 1, fmt::format("no column \"{}\"", column),
                         suggest(column, table.header())));
  }
  return all;
}

}  // namespace eph::calibration
