// BurstGPT (v1.0 and v1.2): seconds from midnight of the first day, request and response tokens. A
// row with 0 response tokens is a failed request. The model becomes the class, the session the
// session.
#include <fmt/format.h>

#include "workload/name_table.h"
#include "workload/plain_columns.h"
#include "workload/row_reader.h"

namespace eph::workload {
namespace {

struct Layout {
  std::size_t columns, time, prompt, output, model, session;
};

class BurstGptReader : public RowReader {
 public:
  BurstGptReader(LineSource lines, ZeroOutput zero_output, Layout layout)
      : RowReader(std::move(lines), zero_output),
        layout_(layout),
        plain_(layout.columns, PlainColumns::Kind::unused) {
    plain_.set(layout.time, PlainColumns::Kind::seconds);
    plain_.set(layout.prompt, PlainColumns::Kind::prompt);
    plain_.set(layout.output, PlainColumns::Kind::output);
    plain_.set(layout.session, PlainColumns::Kind::session);
    plain_.set(layout.model, PlainColumns::Kind::name);
  }

  [[nodiscard]] std::span<const std::string> class_names() const override {
    return models_.names();
  }

 protected:
  Taken read_ahead(std::string_view lines, std::span<Arrival> out) override {
    return each_row(lines, out, [this](RowCursor& in, Arrival& row) {
      std::string_view model;
      if (!plain_.read(in, row, model)) return false;
      if (!zero_) zero_ = row.at.ns;
      if (!plain_time(row.at.ns, *zero_, row)) return false;
      row.request_class = models_.index_of(model);
      return true;
    });
  }

  Row read_row(std::string_view line, Arrival& out) override {
    if (!fields_.split(line) || fields_.count() != layout_.columns) {
      return fault(fmt::format("row \"{}\" does not have the {} fields of the header", shown(line),
                               layout_.columns),
                   "fix or delete the row");
    }
    const std::string_view text = fields_[layout_.time];
    const std::optional<std::int64_t> ns = parse_scaled(text, 9);
    if (!ns || *ns < 0) {
      return fault(fmt::format("Timestamp \"{}\" is not a time", shown(text)),
                   "give seconds of at least 0");
    }
    if (!zero_) zero_ = ns;
    if (!set_time("Timestamp", text, *ns, *zero_, out)) return Row::faulty;
    const Row output = read_output("Response tokens", fields_[layout_.output], out);
    if (output != Row::taken) return output;
    if (!read_tokens("Request tokens", fields_[layout_.prompt], out.prompt_tokens))
      return Row::faulty;
    out.request_class = models_.index_of(fields_[layout_.model]);
    if (layout_.session != Columns::kAbsent) out.session = session_id(fields_[layout_.session]);
    return Row::taken;
  }

 private:
  Layout layout_;
  PlainColumns plain_;
  RowFields fields_;
  NameTable models_;
  std::optional<std::int64_t> zero_;  // time of the first row
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_burstgpt_reader(ReaderInput input) {
  Columns columns(input.lines.path(), input.header);
  Layout layout{};
  layout.time = columns.required("Timestamp");
  layout.model = columns.required("Model");
  layout.prompt = columns.required("Request tokens");
  layout.output = columns.required("Response tokens");
  static_cast<void>(columns.required("Total tokens"));
  static_cast<void>(columns.required("Log Type"));
  layout.session = columns.optional("Session ID");
  static_cast<void>(columns.optional("Elapsed time"));
  layout.columns = columns.count();
  if (Result<void> ok = columns.finish(TraceFormat::burstgpt); !ok) return ok.error();
  ZeroOutput zero = input.options.zero_output;
  if (zero == ZeroOutput::by_format) zero = ZeroOutput::drop;
  return std::unique_ptr<ArrivalSource>(
      std::make_unique<BurstGptReader>(std::move(input.lines), zero, layout));
}

}  // namespace eph::workload
