#pragma once
// The Markdown tables of the validation report, one for each directive (validation_report.h).
#include <string>
#include <vector>

#include "app/validation_report.h"

namespace eph::app {

// What replaces a line "{{NAME WORDS...}}"; `directive` is the text between the braces.
[[nodiscard]] Result<std::string> report_table(std::string_view directive,
                                               const ReportInput& input);
// What replaces "{{= SCHEME; TABLE; KEY...; FIGURE}}" inside a line: "MAPE / median / p90 (n)" of
// that line of the table; `directive` is the text after the '='.
[[nodiscard]] Result<std::string> report_cell(std::string_view directive, const ReportInput& input);

}  // namespace eph::app
