#pragma once
// The result of a cross-validation as it is printed, written as JSON and read back for the report.
#include <string>
#include <vector>

#include "calibration/cross_validation.h"
#include "core/json_doc.h"
#include "core/result.h"

namespace eph::app {

// A row that was predicted badly, with all that identifies it.
struct WorstLine {
  calibration::RowFacts facts;
  std::string held_out;  // the fold
  calibration::Figure figure = calibration::Figure::mean_tpot;
  double measured = 0, predicted = 0;
  double low = 0, high = 0;  // of the interval; 0: none
};

struct CrossDocument {
  std::string name;  // the scheme, with "+host" where host speeds come from one run each
  std::string scheme, settings, gpu, command, commit;
  std::size_t rows = 0;           // predictions, a row counted each time it was held out
  std::size_t not_predicted = 0;  // of them
  std::vector<calibration::FoldResult> folds;
  std::vector<std::string> notes;
  std::vector<calibration::CrossTable> tables;
  std::vector<WorstLine> worst;
};

[[nodiscard]] CrossDocument make_document(const calibration::CrossReport& report,
                                          const calibration::CrossOptions& options,
                                          std::string command);

[[nodiscard]] Json to_json(const CrossDocument& document);
// Strict: every key, type and figure name is checked. `file` is used in messages.
[[nodiscard]] Result<CrossDocument> read_cross_document(const Json& json, const std::string& file);

// nullptr when the document has no table of that name.
[[nodiscard]] const calibration::CrossTable* find_table(const CrossDocument& document,
                                                        std::string_view name);

}  // namespace eph::app
