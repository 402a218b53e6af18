// The project's own CSV: arrival_s,prompt_tokens,output_tokens and optional columns.
#include <fmt/format.h>

#include "core/text.h"
#include "workload/name_table.h"
#include "workload/plain_columns.h"
#include "workload/row_reader.h"

namespace eph::workload {
namespace {

constexpr std::int64_t kLatestNs = 9'000'000'000'000'000'000;          // 285 years
constexpr std::int64_t kLongestTimeoutNs = 1'000'000'000'000'000'000;  // 32 years

struct Layout {
  std::size_t columns, time, prompt, output, max_output, group, prefix, session, name, priority,
      timeout;
};

class PlainReader : public RowReader {
 public:
  PlainReader(LineSource lines, ZeroOutput zero_output, Layout layout)
      : RowReader(std::move(lines), zero_output),
        layout_(layout),
        plain_(layout.columns, PlainColumns::Kind::empty) {
    plain_.set(layout.time, PlainColumns::Kind::seconds);
    plain_.set(layout.prompt, PlainColumns::Kind::prompt);
    plain_.set(layout.output, PlainColumns::Kind::output);
    plain_.set(layout.session, PlainColumns::Kind::session);
    plain_.set(layout.name, PlainColumns::Kind::name);
  }

  [[nodiscard]] std::span<const std::string> class_names() const override {
    return classes_.names();
  }

 protected:
  Taken read_ahead(std::string_view lines, std::span<Arrival> out) override {
    return each_row(lines, out, [this](RowCursor& in, Arrival& row) {
      std::string_view name;
      if (!plain_.read(in, row, name) || !plain_time(row.at.ns, 0, row)) return false;
      if (layout_.name != Columns::kAbsent) row.request_class = classes_.index_of(name);
      return true;
    });
  }

  Row read_row(std::string_view line, Arrival& out) override {
    if (!fields_.split(line) || fields_.count() != layout_.columns) {
      return fault(fmt::format("row \"{}\" does not have the {} fields of the header", shown(line),
                               layout_.columns),
                   "fix or delete the row");
    }
    if (!read_time(out)) return Row::faulty;
    if (!read_tokens("prompt_tokens", fields_[layout_.prompt], out.prompt_tokens))
      return Row::faulty;
    const Row output = read_output("output_tokens", fields_[layout_.output], out);
    if (output != Row::taken) return output;
    if (!read_max_output(out) || !read_prefix(out) || !read_priority(out) || !read_timeout(out))
      return Row::faulty;
    if (layout_.session != Columns::kAbsent) out.session = session_id(fields_[layout_.session]);
    if (layout_.name != Columns::kAbsent)
      out.request_class = classes_.index_of(fields_[layout_.name]);
    return Row::taken;
  }

 private:
  bool read_time(Arrival& out) {
    const std::string_view text = fields_[layout_.time];
    const std::optional<std::int64_t> ns = parse_scaled(text, 9);
    if (!ns || *ns < 0 || *ns > kLatestNs) {
      fault(fmt::format("arrival_s \"{}\" is not a time", shown(text)),
            "give seconds of at least 0 from the start of the run");
      return false;
    }
    return set_time("arrival_s", text, *ns, 0, out);
  }

  bool read_max_output(Arrival& out) {
    if (layout_.max_output == Columns::kAbsent || fields_[layout_.max_output].empty()) return true;
    if (!read_tokens("max_output_tokens", fields_[layout_.max_output], out.max_output_tokens))
      return false;
    if (out.max_output_tokens >= out.output_tokens) return true;
    fault(fmt::format("max_output_tokens {} is below output_tokens {}", out.max_output_tokens,
                      out.output_tokens),
          "give at least output_tokens, or leave it empty");
    return false;
  }

  bool read_prefix(Arrival& out) {
    const std::string_view group = field(layout_.group);
    const std::string_view tokens = field(layout_.prefix);
    if (!read_optional_tokens("prefix_tokens", tokens, out.prefix_tokens)) return false;
    if (out.prefix_tokens > out.prompt_tokens) {
      fault(fmt::format("prefix_tokens {} is above prompt_tokens {}", out.prefix_tokens,
                        out.prompt_tokens),
            "the shared prefix is a part of the prompt: give at most prompt_tokens");
      return false;
    }
    if (out.prefix_tokens > 0 && group.empty()) {
      fault(fmt::format("prefix_tokens {} without a prefix_group", out.prefix_tokens),
            "name the group that shares the prefix, or leave prefix_tokens empty");
      return false;
    }
    if (!group.empty() && tokens.empty()) {
      fault(fmt::format("prefix_group \"{}\" without prefix_tokens", shown(group)),
            "give the number of leading prompt tokens that the group shares (0: none)");
      return false;
    }
    if (out.prefix_tokens > 0) out.prefix_group = groups_.index_of(group);
    return true;
  }

  bool read_priority(Arrival& out) {
    const std::string_view text = field(layout_.priority);
    if (text.empty()) return true;
    const auto value = parse_int(text);
    constexpr std::int64_t kMost = 1'000'000'000;
    if (value && *value >= -kMost && *value <= kMost) {
      out.priority = static_cast<std::int32_t>(*value);
      return true;
    }
    fault(fmt::format("priority \"{}\" is not a whole number", shown(text)),
          "lower numbers are served first; leave it empty for 0");
    return false;
  }

  bool read_timeout(Arrival& out) {
    const std::string_view text = field(layout_.timeout);
    if (text.empty()) return true;
    const std::optional<std::int64_t> ns = parse_scaled(text, 9);
    if (ns && *ns > 0 && *ns <= kLongestTimeoutNs) {
      out.timeout = Duration{*ns};
      return true;
    }
    fault(fmt::format("timeout_s \"{}\" is no time above 0", shown(text)),
          "give seconds, or leave it empty for none of its own");
    return false;
  }

  [[nodiscard]] std::string_view field(std::size_t column) const {
    return column == Columns::kAbsent ? std::string_view{} : fields_[column];
  }

  Layout layout_;
  PlainColumns plain_;
  RowFields fields_;
  NameTable classes_;
  NameTable groups_;
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_plain_reader(ReaderInput input) {
  Columns columns(input.lines.path(), input.header);
  Layout layout{};
  layout.time = columns.required("arrival_s");
  layout.prompt = columns.required("prompt_tokens");
  layout.output = columns.required("output_tokens");
  layout.max_output = columns.optional("max_output_tokens");
  layout.group = columns.optional("prefix_group");
  layout.prefix = columns.optional("prefix_tokens");
  layout.session = columns.optional("session");
  layout.name = columns.optional("class");
  layout.priority = columns.optional("priority");
  layout.timeout = columns.optional("timeout_s");
  layout.columns = columns.count();
  if (Result<void> ok = columns.finish(TraceFormat::plain); !ok) return ok.error();
  const ZeroOutput zero = input.options.zero_output;
  return std::unique_ptr<ArrivalSource>(
      std::make_unique<PlainReader>(std::move(input.lines), zero, layout));
}

}  // namespace eph::workload
