#include "workload/trace_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/csv.h"
#include "core/text.h"
#include "workload/row_reader.h"

namespace eph::workload {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool has_any(const std::vector<std::string>& names,
             std::initializer_list<std::string_view> wanted) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::find(wanted.begin(), wanted.end(), trim(name)) != wanted.end();
  });
}

// By any column that only this format has, so that a missing column is reported as such.
std::optional<TraceFormat> format_of(std::string_view first_line) {
  if (!first_line.empty() && first_line.front() == '{') return TraceFormat::mooncake;
  std::vector<std::string> names;
  if (!split_csv(first_line, names)) return std::nullopt;
  if (has_any(names, {"TIMESTAMP", "ContextTokens", "GeneratedTokens"})) return TraceFormat::azure;
  if (has_any(names, {"Request tokens", "Response tokens"})) return TraceFormat::burstgpt;
  if (has_any(names, {"arrival_s", "prompt_tokens", "output_tokens"})) return TraceFormat::plain;
  return std::nullopt;
}

Error unknown_header(const std::string& path, std::int64_t line, std::string_view header) {
  return row_error(path, line, fmt::format("unknown trace header \"{}\"", shown(header, 80)),
                   "supported: Azure LLM (TIMESTAMP,ContextTokens,GeneratedTokens), "
                   "BurstGPT (Timestamp,...,Request tokens,Response tokens,...), "
                   "Mooncake JSONL ({\"timestamp\": ...}), "
                   "own CSV (arrival_s,prompt_tokens,output_tokens[,...])");
}

struct Opened {
  LineSource lines;
  std::string header;
  TraceFormat format;
};

// Reads up to the first line that is not blank.
Result<Opened> open(const std::string& path, std::size_t max_line_bytes) {
  Result<LineSource> opened = LineSource::open(path, max_line_bytes);
  if (!opened) return opened.error();
  LineSource lines = std::move(opened).value();
  std::string_view line;
  do {
    const Result<bool> more = lines.next(line);
    if (!more) return more.error();
    if (!*more) {
      Error empty = row_error(path, 0, "the trace is empty", "give a file with a header and rows");
      return empty;
    }
    if (lines.line_number() == 1 && line.substr(0, 3) == kByteOrderMark) line.remove_prefix(3);
    line = trim(line);
  } while (line.empty());
  const std::optional<TraceFormat> format = format_of(line);
  if (!format) return unknown_header(path, lines.line_number(), line);
  std::string header(line);
  return Opened{std::move(lines), std::move(header), *format};
}

}  // namespace

std::string_view name_of(TraceFormat format) {
  switch (format) {
    case TraceFormat::azure:
      return "Azure LLM";
    case TraceFormat::burstgpt:
      return "BurstGPT";
    case TraceFormat::mooncake:
      return "Mooncake";
    case TraceFormat::plain:
      return "plain";
  }
  return "";
}

Result<TraceFormat> detect_trace_format(const std::string& path) {
  const Result<Opened> opened = open(path, LineSource::kMaxLineBytes);
  if (!opened) return opened.error();
  return opened->format;
}

Result<bool> has_column(const std::string& path, std::string_view name) {
  const Result<Opened> opened = open(path, LineSource::kMaxLineBytes);
  if (!opened) return opened.error();
  std::vector<std::string> names;
  return opened->format == TraceFormat::plain && split_csv(opened->header, names) &&
         has_any(names, {name});
}

Result<std::unique_ptr<ArrivalSource>> open_trace(const std::string& path,
                                                  const TraceOptions& options) {
  Result<Opened> opened = open(path, options.max_line_bytes);
  if (!opened) return opened.error();
  const TraceFormat format = opened->format;
  if (options.dequantise && format != TraceFormat::mooncake) {
    return usage_error(
        fmt::format("times of {} are not quantised ({} trace)", path, name_of(format)),
        "spread times only of Mooncake traces");
  }
  ReaderInput input{std::move(opened->lines), std::move(opened->header), options};
  switch (format) {
    case TraceFormat::azure:
      return make_azure_reader(std::move(input));
    case TraceFormat::burstgpt:
      return make_burstgpt_reader(std::move(input));
    case TraceFormat::mooncake:
      return make_mooncake_reader(std::move(input));
    case TraceFormat::plain:
      return make_plain_reader(std::move(input));
  }
  return unknown_header(path, 1, "");
}

}  // namespace eph::workload
