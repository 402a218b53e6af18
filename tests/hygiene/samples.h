#pragma once
// Made-up trees that break one rule each: a check that cannot fail is worth nothing.
#include <algorithm>
#include <string>
#include <utility>

#include "tests/hygiene/rules.h"

namespace eph::hygiene {

inline SourceFile sample(std::string path, std::string text, bool executable = false) {
  return {.path = std::move(path), .text = std::move(text), .executable = executable};
}

// Whether a finding stands at that place and says that.
inline bool found(const Findings& findings, const std::string& path, std::size_t line,
                  const std::string& words) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.path == path && finding.line == line &&
           finding.what.find(words) != std::string::npos;
  });
}

}  // namespace eph::hygiene
