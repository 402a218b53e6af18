#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/json_doc.h"
#include "core/text.h"

namespace eph {

namespace {

// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), 0 if
// none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool too_high = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

// Quoted; bytes that are not UTF-8 become U+FFFD, so that the output is always valid JSON.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    std::size_t length = 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else if (const std::size_t valid = utf8_length(text); valid > 0) {
          out += text.substr(0, valid);
          length = valid;
        } else {
          out += "\xef\xbf\xbd";
        }
    }
    text.remove_prefix(length);
  }
  out += '"';
}

bool is_scalar(const Json& json) { return !json.is_array() && !json.is_object(); }

class Writer {
 public:
  Writer(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const Json& json) {
    switch (json.type()) {
      case Json::Type::null:
        out_ += "null";
        break;
      case Json::Type::boolean:
        out_ += json.as_bool() ? "true" : "false";
        break;
      case Json::Type::integer:
        out_ += fmt::format("{}", json.as_int());
        break;
      case Json::Type::number:
        out_ += std::isfinite(json.as_double()) ? number(json.as_double()) : "null";
        break;
      case Json::Type::string:
        append_string(out_, json.as_string());
        break;
      case Json::Type::array:
        write_array(json);
        break;
      case Json::Type::object:
        write_object(json);
        break;
    }
  }

 private:
  void write_array(const Json& json) {
    const auto& items = json.items();
    const bool one_line = indent_ < 0 || std::all_of(items.begin(), items.end(), is_scalar);
    out_ += '[';
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += one_line && indent_ >= 0 ? ", " : ",";
      if (!one_line) new_line();
      write(items[i]);
    }
    --depth_;
    if (!one_line) new_line();
    out_ += ']';
  }

  void write_object(const Json& json) {
    const auto& members = json.members();
    out_ += '{';
    ++depth_;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += ',';
      if (indent_ >= 0) new_line();
      append_string(out_, members[i].first);
      out_ += indent_ >= 0 ? ": " : ":";
      write(members[i].second);
    }
    --depth_;
    if (indent_ >= 0 && !members.empty()) new_line();
    out_ += '}';
  }

  void new_line() {
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_ * depth_), ' ');
  }

  std::string& out_;
  int indent_;
  int depth_ = 0;
};

}  // namespace

std::string Json::dump(int indent) const {
  std::string out;
  Writer(out, indent).write(*this);
  return out;
}

}  // namespace eph
