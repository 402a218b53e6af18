#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "models/catalog.h"

namespace eph::models {
namespace fs = std::filesystem;
namespace {

bool is_data_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path / "gpus", ignored) && fs::is_directory(path / "llms", ignored);
}

}  // namespace

Result<std::string> find_data_folder(const std::string& given) {
  const char* variable = std::getenv("EPHEMERIS_DATA");
  const std::string wanted = !given.empty() ? given : variable != nullptr ? variable : "";
  if (!wanted.empty()) {
    if (is_data_folder(wanted)) return wanted;
    return io_error(wanted, "is not a data folder (it has no gpus and llms inside)",
                    given.empty() ? "set EPHEMERIS_DATA to the project's data folder" : "");
  }
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    const fs::path folder = program.parent_path();
    for (const char* place : {"data", "../data", "../../data", "../share/ephemeris"})
      if (is_data_folder(folder / place)) return (folder / place).lexically_normal().string();
  }
  return io_error("data", "the data folder was not found beside the program", "set EPHEMERIS_DATA");
}

}  // namespace eph::models
