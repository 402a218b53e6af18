#pragma once
// docs/VALIDATION.md: a text kept by hand with tables filled in from the results of `validate`.
#include <map>
#include <string>
#include <vector>

#include "app/cross_document.h"
#include "core/json_doc.h"
#include "core/result.h"

namespace eph::app {

struct ReportInput {
  std::vector<CrossDocument> cross;
  std::map<std::string, Json> runs;          // `validate --runs --json`, by file name without .json
  std::map<std::string, std::string> texts;  // *.md beside them, by file name without .md
};

// Reads every *.json of a folder. Error: no file, one that is no result of validate, or an engine
// that two files hold for the same scheme.
[[nodiscard]] Result<ReportInput> load_report_input(const std::string& folder);

// The template with each line "{{...}}" replaced by a Markdown table:
//   {{schemes}}                     what was held out, how many rows, by which command
//   {{headline}}                    time per output token and TTFT by scheme and engine
//   {{coverage}}                    how often the 90 % intervals hold, by scheme, engine and figure
//   {{table SCHEME TABLE [FIGURE]...}}  a table of calibration/cross_tables.h, all its figures or
//   those named
//   {{worst SCHEME}}                the worst rows
//   {{notes SCHEME}}                what the scheme skipped, as a list
//   {{picture SCHEME}}              a link to pictures/SCHEME.svg beside the report
// (SCHEME is CrossDocument::name)
//   {{runs NAME [FIGURE]...}}       errors by engine and protocol of `validate --runs`
//   {{text NAME}}                   NAME.md as it is (scripts/preset-table)
// and each "{{=SCHEME; TABLE; KEY; ...; FIGURE}}" inside a line by "MAPE / median / p90 (n)".
// Error with the template's line: an unknown directive, or one whose result is not in the input.
[[nodiscard]] Result<std::string> render_report(const std::string& text, const std::string& file,
                                                const ReportInput& input);

}  // namespace eph::app
