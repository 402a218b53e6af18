#pragma once
// What is known already, by key.
#include <optional>
#include <string>

#include "core/result.h"

namespace eph::jobs {

struct Record {
  std::string key, value;
  std::string about;  // what the key was made of, for people
};

// Thread safe. A key names everything that its value depends on, so a value never changes.
class Memo {
 public:
  virtual ~Memo() = default;
  [[nodiscard]] virtual Result<std::optional<std::string>> find(const std::string& key) = 0;
  [[nodiscard]] virtual Result<void> put(const Record& record) = 0;
};

// Remembers nothing.
class Forgetful final : public Memo {
 public:
  Result<std::optional<std::string>> find(const std::string&) override {
    return std::optional<std::string>();
  }
  Result<void> put(const Record&) override { return {}; }
};

}  // namespace eph::jobs
