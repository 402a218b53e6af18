#pragma once
// What the trace readers share: the pull loop over lines, faults with file and line, order of
// times.
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "core/line_source.h"
#include "workload/arrival.h"
#include "workload/row_cursor.h"
#include "workload/row_fields.h"
#include "workload/trace_reader.h"

namespace eph::workload {

class RowReader : public ArrivalSource {
 public:
  [[nodiscard]] Result<std::size_t> pull(std::span<Arrival> out) final;
  [[nodiscard]] SourceCounts counts() const final { return counts_; }

 protected:
  enum class Row { taken, skipped, faulty };

  // `lines` stands after the header, or at the start when `first_line` holds the first row.
  RowReader(LineSource lines, ZeroOutput zero_output, std::optional<std::string> first_line = {});

  // One row that is not blank. A faulty one has called fault().
  virtual Row read_row(std::string_view line, Arrival& out) = 0;
  virtual void start_block() {}  // before the first row of a pull

  // Rows at the beginning of `lines` (LineSource::ahead), as many as can be read the short way;
  // what follows them goes through read_row.
  struct Taken {
    std::size_t rows = 0, bytes = 0;
  };
  virtual Taken read_ahead(std::string_view /*lines*/, std::span<Arrival> /*out*/) { return {}; }
  // With `read(cursor, arrival)`, false for a row that needs read_row.
  template <class Read>
  static Taken each_row(std::string_view lines, std::span<Arrival> out, Read read) {
    RowCursor cursor(lines.data());
    const char* const end = lines.data() + lines.size();
    const char* row = lines.data();
    std::size_t taken = 0;
    while (taken < out.size() && row != end) {
      out[taken] = Arrival{};
      if (!read(cursor, out[taken])) break;
      row = cursor.at();
      ++taken;
    }
    return {taken, static_cast<std::size_t>(row - lines.data())};
  }
  // set_time without a fault.
  bool plain_time(std::int64_t ns, std::int64_t zero, Arrival& out) {
    if (ns < last_ns_) return false;
    last_ns_ = ns;
    out.at = SimTime{ns - zero};
    return true;
  }

  // Each returns false after calling fault().
  bool read_tokens(std::string_view column, std::string_view text, std::int32_t& out);
  // At least 0; the text may be empty (0).
  bool read_optional_tokens(std::string_view column, std::string_view text, std::int32_t& out);
  // Checks that times never decrease; `zero` is subtracted.
  bool set_time(std::string_view column, std::string_view text, std::int64_t ns, std::int64_t zero,
                Arrival& out);
  // Output tokens under the policy for rows without any.
  Row read_output(std::string_view column, std::string_view text, Arrival& out);
  Row fault(std::string what, std::string remedy);

 private:
  bool token_fault(std::string_view column, std::string_view text, std::string_view least);
  Result<bool> next_line(std::string_view& line);

  LineSource lines_;
  std::optional<std::string> first_line_;
  ZeroOutput zero_output_;
  std::int64_t last_ns_ = std::numeric_limits<std::int64_t>::min();
  std::optional<Error> failure_;
  bool ended_ = false;
  SourceCounts counts_;
};

// Makers of the single readers; `header` is the first line. They check the columns.
struct ReaderInput {
  LineSource lines;
  std::string header;
  const TraceOptions& options;
};
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_azure_reader(ReaderInput input);
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_burstgpt_reader(ReaderInput input);
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_mooncake_reader(ReaderInput input);
[[nodiscard]] Result<std::unique_ptr<ArrivalSource>> make_plain_reader(ReaderInput input);

// Positions of named columns in a header.
class Columns {
 public:
  static constexpr std::size_t kAbsent = RowFields::kMax;

  Columns(std::string file, std::string_view header);
  // Position of a column, kAbsent when missing (a fault when required).
  std::size_t required(std::string_view name);
  std::size_t optional(std::string_view name);
  // The first fault: a missing, unknown or repeated column.
  [[nodiscard]] Result<void> finish(TraceFormat format);
  [[nodiscard]] std::size_t count() const { return names_.size(); }

 private:
  std::size_t find(std::string_view name);

  std::string file_;
  std::vector<std::string> names_;
  std::vector<std::string> asked_;
  std::vector<std::string> missing_;
};

}  // namespace eph::workload
