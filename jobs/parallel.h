#pragma once
// Independent tasks on several threads; results are stored by index, so order does not matter.
// The only place that knows oneTBB, with local_workers.cc.
#include <cstddef>
#include <functional>

namespace eph::jobs {

// Threads that a process may use by itself: the processors it is allowed to run on.
[[nodiscard]] int default_threads();

// Calls task(0) to task(count - 1), about in that order. `threads` 0: default_threads(). A task
// returns whether the later ones are still wanted; after a false, tasks of higher indices that have
// not begun are left out, and all of lower ones are done, so that what the first failure says does
// not depend on the threads. An exception of a task is thrown again here (that of the lowest
// index).
void run_in_parallel(std::size_t count, int threads, const std::function<bool(std::size_t)>& task);

}  // namespace eph::jobs
