#include "jobs/join.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/text.h"

namespace eph::jobs {
namespace {

int whole(const char* name, int fallback) {
  const char* text = std::getenv(name);
  const auto value = text == nullptr ? std::nullopt : parse_int(text);
  return value && *value >= 0 && *value < 1'000'000 ? static_cast<int>(*value) : fallback;
}

// Beside the program, as it is built, or where it is installed.
std::string library_path() {
  std::error_code failed;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return {};
  for (const char* place : {".", "../lib/ephemeris"}) {
    const std::filesystem::path path = program.parent_path() / place / "ephemeris-mpi.so";
    if (std::filesystem::exists(path, failed)) return path.lexically_normal().string();
  }
  return {};
}

}  // namespace

Launch launch_of_environment() {
  Launch out;
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) {
    out.size = whole("OMPI_COMM_WORLD_SIZE", 1);
    out.rank = whole("OMPI_COMM_WORLD_RANK", 0);
    out.on_this_host = whole("OMPI_COMM_WORLD_LOCAL_SIZE", 1);
  } else if (std::getenv("PMI_SIZE") != nullptr) {
    out.size = whole("PMI_SIZE", 1);
    out.rank = whole("PMI_RANK", 0);
    out.on_this_host = whole("MPI_LOCALNRANKS", 1);
  } else if (std::getenv("PMIX_RANK") != nullptr) {  // srun --mpi=pmix
    out.size = whole("SLURM_NTASKS", 1);
    out.rank = whole("PMIX_RANK", 0);
    out.on_this_host = 1;  // srun gives each task its own processors
  }
  out.size = std::max(1, out.size);
  out.on_this_host = std::max(1, out.on_this_host);
  return out;
}

Result<std::unique_ptr<Channel>> join() {
  if (launch_of_environment().size <= 1) return std::unique_ptr<Channel>();
  const std::string path = library_path();
  if (path.empty()) {
    return usage_error(
        "several processes were started together, and this program was built without MPI",
        "build it where libopenmpi-dev is installed, or start it alone");
  }
  // Global, because MPI's own plug-ins look for its symbols there.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* why = dlerror();
    return io_error(path, fmt::format("cannot be loaded: {}", why == nullptr ? "unknown" : why),
                    "install openmpi-bin on every host");
  }
  using Open = Channel* (*)();
  const auto open = reinterpret_cast<Open>(dlsym(library, "ephemeris_open_channel"));  // NOLINT
  if (open == nullptr) return io_error(path, "is not this program's MPI library");
  return std::unique_ptr<Channel>(open());
}

}  // namespace eph::jobs
