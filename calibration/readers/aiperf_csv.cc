// AIPerf and genai-perf summaries in CSV (docs/FORMATS.md).
#include "calibration/readers/aiperf_summary.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

constexpr std::string_view kTool = "aiperf csv";

// "Time to First Token (ms)" is time_to_first_token in ms.
std::string tag_of(std::string_view title, std::string& unit) {
  const std::size_t open = title.rfind('(');
  if (open != std::string_view::npos && title.ends_with(')')) {
    unit = std::string(trim(title.substr(open + 1, title.size() - open - 2)));
    title = trim(title.substr(0, open));
  }
  std::string tag = to_lower(title);
  for (char& c : tag) c = c == ' ' || c == '-' ? '_' : c;
  return tag;
}

struct CsvReader {
  const std::string& path;
  ReadRuns& out;
  std::vector<std::string> header = {};
  AiperfMetrics metrics = {};

  void fault(std::int64_t line, std::string_view column, std::string what,
             std::string remedy) const {
    Error error = row_error(path, line, std::move(what), std::move(remedy));
    error.place.pointer = std::string(column);
    out.faults.add(std::move(error));
  }

  void add_row(const std::vector<std::string>& cells, std::int64_t line) {
    if (cells.size() != header.size()) {
      fault(line, "", fmt::format("{} fields where the header has {}", cells.size(), header.size()),
            "give the file as AIPerf wrote it");
      return;
    }
    AiperfMetric metric;
    const std::string tag = tag_of(trim(cells[0]), metric.unit);
    metric.place = cells[0];
    for (std::size_t i = 1; i < cells.size(); ++i) {
      const std::string_view cell = trim(cells[i]);
      if (cell.empty() || cell == "N/A") continue;
      std::string digits(cell);  // genai-perf groups thousands
      std::erase(digits, ',');
      const auto value = parse_double(digits, true);
      if (!value) {
        fault(line, header[i], fmt::format("\"{}\" is not a number", cell),
              "give the file as AIPerf wrote it");
        continue;
      }
      metric.statistics[to_lower(header[i] == "Value" ? "avg" : header[i])] = *value;
    }
    metrics[tag] = std::move(metric);
  }
};

}  // namespace

bool is_aiperf_csv(std::string_view text) {
  const std::string_view first = trim(text.substr(0, text.find('\n')));
  return first.starts_with("Metric,") && to_lower(first).find(",avg") != std::string::npos;
}

void read_aiperf_csv(const std::string& path, std::string_view text, ReadRuns& out) {
  CsvReader reader{path, out};
  std::vector<std::string> cells;
  std::int64_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty()) {
      reader.header.clear();  // the next block has its own
      continue;
    }
    if (!split_csv(line, cells)) {
      reader.fault(number, "", "a quote is left open", "give the file as AIPerf wrote it");
      return;
    }
    if (reader.header.empty()) {
      reader.header = cells;
    } else {
      reader.add_row(cells, number);
    }
  }
  MeasuredRun run = blank_run(RecordFile{path, {}}, 1, kTool);
  use_aiperf_metrics(reader.metrics, path, run, out.faults);
  if (!run.measured[Figure::e2e_mean] && !run.measured[Figure::mean_ttft]) {
    reader.fault(1, "", "neither Request Latency nor Time to First Token has an average",
                 "give the summary of a run with answers");
  }
  out.runs.push_back(std::move(run));
}

}  // namespace eph::calibration
