#include "jobs/parallel.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

namespace eph::jobs {

int default_threads() { return std::max(1, tbb::info::default_concurrency()); }

void run_in_parallel(std::size_t count, int threads, const std::function<bool(std::size_t)>& task) {
  const auto wanted = static_cast<std::size_t>(threads > 0 ? threads : default_threads());
  const std::size_t workers = std::min(count, wanted);
  if (workers <= 1) {
    for (std::size_t i = 0; i < count; ++i) {
      if (!task(i)) return;
    }
    return;
  }
  std::atomic<std::size_t> next{0}, last{count};  // tasks from `last` on are not wanted
  std::mutex mutex;
  std::exception_ptr thrown;
  std::size_t thrown_by = count;
  const auto unwanted_after = [&](std::size_t i) {
    std::size_t now = last.load();
    while (i < now && !last.compare_exchange_weak(now, i)) {
    }
  };
  const auto one = [&](std::size_t i) {
    try {
      if (!task(i)) unwanted_after(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (i < thrown_by) thrown = std::current_exception(), thrown_by = i;
      unwanted_after(i);
    }
  };
  // Simulations differ a thousandfold in length, so tasks are taken one by one; a worker that TBB
  // starts late finds less to do, and none is waited for.
  const auto work = [&](std::size_t) {
    for (std::size_t i = next++; i < last.load(); i = next++) one(i);
  };
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, workers);
  tbb::task_arena arena(static_cast<int>(workers));
  arena.execute([&] { tbb::parallel_for(std::size_t{0}, workers, work); });
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace eph::jobs
