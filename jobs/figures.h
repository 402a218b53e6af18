#pragma once
// Numbers in the results of tasks: JSON that reads back to the very same doubles.
#include <optional>
#include <string>
#include <vector>

#include "core/json_doc.h"

namespace eph::jobs {

// A finite number is a JSON number, any other a string ("inf", "nan").
[[nodiscard]] Json exact(double value);
[[nodiscard]] Json exact(const std::vector<double>& values);
// Nothing where the value is missing or of another shape: the result is damaged.
[[nodiscard]] std::optional<double> exact_number(const Json* json);
[[nodiscard]] std::optional<std::vector<double>> exact_numbers(const Json* json);
[[nodiscard]] Json texts(const std::vector<std::string>& values);
[[nodiscard]] std::optional<std::vector<std::string>> read_texts(const Json* json);

// "the result KEY is damaged"; what to do about it.
[[nodiscard]] Error damaged_result(const std::string& key);

}  // namespace eph::jobs
