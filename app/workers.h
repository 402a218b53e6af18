#pragma once
// Independent tasks on several threads; results are stored by index, so order does not matter.
#include <cstddef>
#include <functional>

namespace eph::app {

// Calls task(0) to task(count - 1). `threads` 0: one per core. An exception of a task is thrown
// again here after all threads have ended (the one with the lowest index).
void run_in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& task);

}  // namespace eph::app
