#pragma once
// Shared by the tests of the models floor.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "models/catalog.h"

namespace eph::models {

inline Catalog shipped() { return Catalog(EPH_SOURCE_DIR "/data"); }

template <class T>
T must(Result<T> result) {
  INFO((result ? std::string() : result.error().text()));
  REQUIRE(result.has_value());
  return std::move(result).value();
}

inline LlmSpec llm(const std::string& name) { return must(shipped().llm(name)); }
inline GpuSpec gpu(const std::string& name) { return must(shipped().gpu(name)); }

// The folder of public measurements, which the project does not depend on; "" when absent.
inline std::string shared_data() {
  const char* variable = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::string folder = variable != nullptr ? variable : EPH_SOURCE_DIR "/../shared/data";
  return std::filesystem::is_directory(folder) ? folder : std::string();
}

inline std::string write_temporary(const std::string& name, const std::string& content) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << content;
  return path;
}

}  // namespace eph::models
