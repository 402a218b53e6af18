#pragma once
// Looking up values in a Hugging Face config.json, whose keys have many spellings.
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/json_doc.h"

namespace eph::models {

// Keys are looked for in `text_config` (or `llm_config`, `language_config`) where there is one,
// then at the top. A key whose value is null counts as absent. Unlike Reader, unknown keys are no
// fault: the file is somebody else's.
class HfKeys {
 public:
  using Names = std::initializer_list<std::string_view>;  // spellings, the usual one first

  // `config` must be an object and outlive this.
  HfKeys(const Json& config, std::string file, Diagnostics& faults);

  [[nodiscard]] const Json* find(Names names) const;
  [[nodiscard]] bool has(Names names) const { return find(names) != nullptr; }
  // Absent, of another type or out of range: a fault, and `min` so that reading can go on.
  int required(Names names, int min = 1);
  int optional(Names names, int fallback, int min = 0);
  bool flag(Names names, bool fallback);
  std::string text(Names names, std::string_view fallback = {});

  // Adds a fault at the value of the first of `names` found, or at the object.
  void fault(Names names, std::string what, std::string remedy = {});
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct Found {
    const Json* value = nullptr;
    std::string_view name;
    bool inner = false;  // in the nested object
  };
  [[nodiscard]] Found locate(Names names) const;
  int whole(Names names, const Found& found, int min, int fallback);

  const Json* top_;
  const Json* inner_ = nullptr;
  std::string inner_name_;
  std::string file_;
  Diagnostics* faults_;
};

}  // namespace eph::models
