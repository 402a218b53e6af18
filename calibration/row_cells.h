#pragma once
// Typed cells of one table row, collecting every fault of the table.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/csv.h"
#include "core/error.h"

namespace eph::calibration {

// Each read names the column it wants; a bad cell adds one fault (file:line, column, value) and
// gives nullopt or the fallback, so that the whole table is checked in one pass.
class RowCells {
 public:
  RowCells(const CsvTable& table, std::size_t row, Diagnostics& faults)
      : table_(&table), row_(row), faults_(&faults) {}

  [[nodiscard]] std::string text(std::string_view column) const;
  // At least `min`; an empty or absent cell gives `fallback`, or a fault when there is none.
  std::int64_t integer(std::string_view column, std::int64_t min,
                       std::optional<std::int64_t> fallback = std::nullopt);
  // Above zero, else a fault; nullopt when the cell is empty or absent.
  std::optional<double> positive(std::string_view column);
  // Not negative; an empty or absent cell gives `fallback`.
  double non_negative(std::string_view column, double fallback);

 private:
  std::optional<double> number(std::string_view column);
  void fault(std::string_view column, std::string what, std::string remedy);

  const CsvTable* table_;
  std::size_t row_;
  Diagnostics* faults_;
};

// Fault for each of `columns` that the table lacks; true when none is missing.
bool require_columns(const CsvTable& table, std::initializer_list<std::string_view> columns,
                     Diagnostics& faults);

}  // namespace eph::calibration
