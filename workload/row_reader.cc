#include "workload/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/csv.h"
#include "core/text.h"

namespace eph::workload {
namespace {

bool is_blank(std::string_view line) {
  return line.empty() || (line.front() <= ' ' && trim(line).empty());
}

bool parse_tokens(std::string_view text, std::int64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc{} && stop == end;
}

}  // namespace

RowReader::RowReader(LineSource lines, ZeroOutput zero_output,
                     std::optional<std::string> first_line)
    : lines_(std::move(lines)), first_line_(std::move(first_line)), zero_output_(zero_output) {}

Result<bool> RowReader::next_line(std::string_view& line) {
  if (first_line_) {
    line = *first_line_;
    return true;
  }
  return lines_.next(line);
}

Result<std::size_t> RowReader::pull(std::span<Arrival> out) {
  EPH_ASSERT(!out.empty(), "pull into an empty block");
  std::size_t filled = 0;
  start_block();
  while (filled < out.size() && !ended_) {
    if (const std::string_view ahead = lines_.ahead(); !ahead.empty() && !first_line_) {
      const Taken taken = read_ahead(ahead, out.subspan(filled));
      lines_.skip(taken.bytes, taken.rows);
      counts_.rows += taken.rows;
      filled += taken.rows;
      if (filled == out.size()) break;
    }
    std::string_view line;
    const Result<bool> more = next_line(line);
    if (!more) {
      failure_ = more.error();
    } else if (!*more) {
      if (counts_.rows == 0) {
        failure_ = row_error(lines_.path(), lines_.line_number(), "the trace has no rows",
                             "give at least one request below the header");
      }
      ended_ = true;
    } else if (!is_blank(line)) {
      out[filled] = Arrival{};
      ++counts_.rows;
      if (read_row(line, out[filled]) == Row::taken) ++filled;
    }
    first_line_.reset();
    ended_ = ended_ || failure_.has_value();
  }
  if (filled == 0 && failure_) return *failure_;
  return filled;
}

RowReader::Row RowReader::fault(std::string what, std::string remedy) {
  failure_ = row_error(lines_.path(), lines_.line_number(), std::move(what), std::move(remedy));
  return Row::faulty;
}

bool RowReader::token_fault(std::string_view column, std::string_view text,
                            std::string_view least) {
  std::int64_t value = 0;
  if (!parse_tokens(text, value)) {
    fault(fmt::format("{} \"{}\" is not a whole number", column, shown(text)),
          fmt::format("give a token count of at least {}", least));
  } else if (value > kMaxTokens) {
    fault(fmt::format("{} is {}, above the limit of {} tokens", column, value, kMaxTokens),
          "fix or delete the row");
  } else {
    fault(fmt::format("{} is {}, must be at least {}", column, value, least),
          "fix or delete the row");
  }
  return false;
}

bool RowReader::read_tokens(std::string_view column, std::string_view text, std::int32_t& out) {
  std::int64_t value = 0;
  if (!parse_tokens(text, value) || value < 1 || value > kMaxTokens)
    return token_fault(column, text, "1");
  out = static_cast<std::int32_t>(value);
  return true;
}

bool RowReader::read_optional_tokens(std::string_view column, std::string_view text,
                                     std::int32_t& out) {
  std::int64_t value = 0;
  if (!text.empty() && (!parse_tokens(text, value) || value < 0 || value > kMaxTokens))
    return token_fault(column, text, "0");
  out = static_cast<std::int32_t>(value);
  return true;
}

RowReader::Row RowReader::read_output(std::string_view column, std::string_view text,
                                      Arrival& out) {
  if (text == "0" && zero_output_ == ZeroOutput::drop) {
    ++counts_.failures_dropped;
    return Row::skipped;
  }
  if (text == "0" && zero_output_ == ZeroOutput::keep_as_one) {
    ++counts_.failures_kept;
    out.output_tokens = 1;
  } else if (!read_tokens(column, text, out.output_tokens)) {
    return Row::faulty;
  }
  out.max_output_tokens = out.output_tokens;
  return Row::taken;
}

bool RowReader::set_time(std::string_view column, std::string_view text, std::int64_t ns,
                         std::int64_t zero, Arrival& out) {
  if (ns < last_ns_) {
    const double back = static_cast<double>(last_ns_ - ns) * 1e-9;
    fault(
        fmt::format("{} {} is {} s earlier than the row before", column, shown(text), number(back)),
        "sort the rows by time");
    return false;
  }
  last_ns_ = ns;
  out.at = SimTime{ns - zero};
  return true;
}

Columns::Columns(std::string file, std::string_view header) : file_(std::move(file)) {
  if (!split_csv(header, names_)) names_.clear();
  for (std::string& name : names_) name = std::string(trim(name));
}

std::size_t Columns::find(std::string_view name) {
  asked_.emplace_back(name);
  const auto at = std::find(names_.begin(), names_.end(), name);
  return at == names_.end() ? kAbsent : static_cast<std::size_t>(at - names_.begin());
}

std::size_t Columns::required(std::string_view name) {
  const std::size_t at = find(name);
  if (at == kAbsent) missing_.emplace_back(name);
  return at;
}

std::size_t Columns::optional(std::string_view name) { return find(name); }

Result<void> Columns::finish(TraceFormat format) {
  const std::string_view kind = name_of(format);
  if (names_.size() > RowFields::kMax) {
    return row_error(file_, 1, fmt::format("header has {} columns", names_.size()),
                     fmt::format("at most {} are read", RowFields::kMax));
  }
  if (!missing_.empty()) {
    return row_error(file_, 1,
                     fmt::format("{} trace without column \"{}\"", kind, missing_.front()),
                     fmt::format("columns found: {}", fmt::join(names_, ", ")));
  }
  for (auto name = names_.begin(); name != names_.end(); ++name) {
    if (std::find(asked_.begin(), asked_.end(), *name) == asked_.end()) {
      return row_error(file_, 1,
                       fmt::format("unknown column \"{}\" ({} trace)", shown(*name), kind),
                       suggest(*name, asked_));
    }
    if (std::find(names_.begin(), name, *name) != name) {
      return row_error(file_, 1, fmt::format("column \"{}\" stands twice", *name),
                       "keep one of them");
    }
  }
  return {};
}

}  // namespace eph::workload
