#pragma once
// The catalogue's own format of language models: facts only, strictly read.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "models/llm_spec.h"

namespace eph::models {

// What the model's publisher says, to check the count against.
struct PublishedParameters {
  std::int64_t total = 0;
  std::optional<std::int64_t> active;
  double tolerance_percent = 1.0;  // how far the count from the shapes may be off
  std::string source;
};

struct LlmEntry {
  LlmSpec spec;
  std::vector<std::string> aliases;  // other names with the same architecture and formats
  PublishedParameters published;
};

[[nodiscard]] Result<LlmEntry> load_llm_file(const std::string& path);

}  // namespace eph::models
