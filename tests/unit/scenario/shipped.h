#pragma once
// Deployments assembled with the shipped data.
#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "scenario/assemble.h"

namespace eph::scenario::test {

inline const models::Catalog& catalog() {
  static const models::Catalog shipped(EPH_SOURCE_DIR "/data");
  return shipped;
}

inline Assembly assembled(const DeploymentSpec& spec) {
  auto assembly = assemble(catalog(), spec);
  if (!assembly) FAIL(assembly.error().text());
  return std::move(*assembly);
}

// Empty if there is none.
inline std::string error_of(const DeploymentSpec& spec) {
  const auto assembly = assemble(catalog(), spec);
  return assembly ? std::string() : assembly.error().text();
}

}  // namespace eph::scenario::test
