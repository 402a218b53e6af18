#pragma once
// A file of JSON objects, whatever holds them: one document, a list, JSON-lines, or the rows of a
// table.
#include <string>
#include <string_view>
#include <vector>

#include "core/csv.h"
#include "core/json_doc.h"
#include "core/result.h"

namespace eph::calibration {

struct RecordFile {
  std::string path;
  std::vector<Json> records;  // objects; each knows its line
};

[[nodiscard]] bool looks_like_json(std::string_view text);  // starts with { or [
// JSON-lines when the first line is an object by itself and more follows. A document that stops in
// the middle is an error of kind io.
[[nodiscard]] Result<RecordFile> read_records(const std::string& path, std::string_view text);
// Each row as an object with the header's names as keys: numbers where a cell is one, null where it
// is empty.
[[nodiscard]] RecordFile records_of(const CsvTable& table);

}  // namespace eph::calibration
