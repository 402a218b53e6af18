#pragma once
// What the columns of a trace in seconds hold, and the short way of reading its rows.
#include <cstdint>
#include <string_view>
#include <vector>

#include "workload/arrival.h"
#include "workload/name_table.h"
#include "workload/row_cursor.h"

namespace eph::workload {

class PlainColumns {
 public:
  // `empty`: a column that is understood the long way only, unless nothing stands there.
  enum class Kind : std::uint8_t { empty, unused, seconds, prompt, output, session, name };

  PlainColumns(std::size_t count, Kind others) : kinds_(count, others) {}
  // Without effect for a column that the header does not have.
  void set(std::size_t column, Kind kind) {
    if (column < kinds_.size()) kinds_[column] = kind;
  }

  // Time (as it stands there), tokens and session of a row, and its name, which the text holds.
  bool read(RowCursor& in, Arrival& out, std::string_view& name) const {
    bool first = true;
    for (const Kind kind : kinds_) {
      if (!first && !in.comma()) return false;
      first = false;
      if (!read_field(kind, in, out, name)) return false;
    }
    out.max_output_tokens = out.output_tokens;
    return in.line_end();
  }

 private:
  static bool read_field(Kind kind, RowCursor& in, Arrival& out, std::string_view& name) {
    switch (kind) {
      case Kind::empty:
        return in.at_field_end();
      case Kind::unused: {
        std::string_view unused;
        return in.text(unused);
      }
      case Kind::seconds:
        return in.decimal(out.at.ns);
      case Kind::prompt:
        return in.tokens(out.prompt_tokens);
      case Kind::output:
        return in.tokens(out.output_tokens);
      case Kind::session:
        return read_session(in, out.session);
      case Kind::name:
        return in.text(name);
    }
    return false;
  }

  std::vector<Kind> kinds_;
};

}  // namespace eph::workload
