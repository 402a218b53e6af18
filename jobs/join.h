#pragma once
// Whether this process is one of several, and its channel to the others.
#include <memory>
#include <string>

#include "core/result.h"
#include "jobs/channel.h"

namespace eph::jobs {

// Processes that mpirun (or srun with PMI) started together, this one among them; 1: none beside
// it.
struct Launch {
  int size = 1, rank = 0;
  int on_this_host = 1;
};
// From the environment alone.
[[nodiscard]] Launch launch_of_environment();

// Loads MPI and joins the others. Null where this process is alone. Error: the program was built
// without MPI, or its library cannot be loaded. Call before threads are started.
[[nodiscard]] Result<std::unique_ptr<Channel>> join();

}  // namespace eph::jobs
