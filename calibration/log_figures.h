#pragma once
// Measured and predicted figures of a request log: request by request and of the whole run.
#include <span>
#include <string>
#include <vector>

#include "calibration/error_table.h"
#include "calibration/request_log.h"
#include "calibration/validate.h"
#include "sim/records.h"

namespace eph::calibration {

// Queue time, TTFT, TPOT and end-to-end time of one request, ms; what was not logged or did not
// happen stays empty.
[[nodiscard]] FigureSet measured_figures(const RequestLog& log, const LoggedRequest& request);
[[nodiscard]] FigureSet predicted_figures(const sim::RequestRecord& record);

// Figures of the requests from `first` on, in the log's order.
struct LogComparison {
  const RequestLog* log = nullptr;
  std::span<const FigureSet> measured, predicted;
  std::span<const sim::RequestRecord> records;
  std::size_t first = 0;
};
// Each request, and mean and percentiles over the requests.
[[nodiscard]] std::vector<ScoredRow> log_scores(const LogComparison& c);
// Mean, p50, p95 and p99 of TTFT, TPOT and queue time, makespan of the run.
[[nodiscard]] std::vector<ComparedFigure> compared_figures(const LogComparison& c);
[[nodiscard]] std::string log_csv(const LogComparison& c, const std::vector<ValidatedRow>& rows);

}  // namespace eph::calibration
