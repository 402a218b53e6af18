// Azure LLM inference traces of 2023 and 2024 (Azure Public Dataset): date and time, context
// tokens, generated tokens. 2023 has 7 fractional digits and no zone; 2024 has "+00:00" and leaves
// out a fraction of zero.
#include <fmt/format.h>

#include "workload/row_reader.h"

namespace eph::workload {
namespace {

constexpr std::string_view kTime = "TIMESTAMP";
constexpr std::string_view kPrompt = "ContextTokens";
constexpr std::string_view kOutput = "GeneratedTokens";

struct Layout {
  std::size_t columns, time, prompt, output;
};

class AzureReader : public RowReader {
 public:
  AzureReader(LineSource lines, ZeroOutput zero_output, Layout layout)
      : RowReader(std::move(lines), zero_output), layout_(layout) {}

 protected:
  Taken read_ahead(std::string_view lines, std::span<Arrival> out) override {
    if (layout_.time != 0 || layout_.prompt != 1 || layout_.output != 2) return {};
    return each_row(lines, out, [this](RowCursor& in, Arrival& row) {
      std::int64_t ns = 0;
      if (!minute_.read(in, ns) || !in.comma() || !in.tokens(row.prompt_tokens) || !in.comma() ||
          !in.tokens(row.output_tokens) || !in.line_end())
        return false;
      row.max_output_tokens = row.output_tokens;
      if (!zero_) zero_ = ns;
      return plain_time(ns, *zero_, row);
    });
  }

  Row read_row(std::string_view line, Arrival& out) override {
    if (!fields_.split(line) || fields_.count() != layout_.columns) {
      return fault(fmt::format("row \"{}\" does not have the {} fields of the header", shown(line),
                               layout_.columns),
                   "fix or delete the row");
    }
    const std::string_view text = fields_[layout_.time];
    const std::optional<std::int64_t> ns = clock_.parse(text);
    if (!ns) {
      return fault(fmt::format("{} \"{}\" is not a date and time", kTime, shown(text)),
                   "write YYYY-MM-DD HH:MM:SS with optional fraction and zone (+00:00)");
    }
    if (!zero_) zero_ = ns;
    if (!set_time(kTime, text, *ns, *zero_, out)) return Row::faulty;
    if (!read_tokens(kPrompt, fields_[layout_.prompt], out.prompt_tokens)) return Row::faulty;
    return read_output(kOutput, fields_[layout_.output], out);
  }

 private:
  Layout layout_;
  RowFields fields_;
  TimestampParser clock_;
  MinuteClock minute_;
  std::optional<std::int64_t> zero_;  // time of the first row
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_azure_reader(ReaderInput input) {
  Columns columns(input.lines.path(), input.header);
  Layout layout{};
  layout.time = columns.required(kTime);
  layout.prompt = columns.required(kPrompt);
  layout.output = columns.required(kOutput);
  layout.columns = columns.count();
  if (Result<void> ok = columns.finish(TraceFormat::azure); !ok) return ok.error();
  const ZeroOutput zero = input.options.zero_output;
  return std::unique_ptr<ArrivalSource>(
      std::make_unique<AzureReader>(std::move(input.lines), zero, layout));
}

}  // namespace eph::workload
