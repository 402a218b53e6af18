#pragma once
// A quick reader of plain JSON, beside the library that understands all of it: ASCII without
// escapes, whole numbers below 1e18, decimal numbers in a double's range.
#include <optional>
#include <string_view>

#include "core/json_doc.h"

namespace eph {

// The tree with its places, as the library gives it; nothing for a text that is not plain or not
// JSON: ask the library.
[[nodiscard]] std::optional<Json> parse_plain_json(std::string_view text, std::int64_t first_line);

}  // namespace eph
