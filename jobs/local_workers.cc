#include "jobs/local_workers.h"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <condition_variable>
#include <mutex>

namespace eph::jobs {

struct LocalWorkers::Arena {
  explicit Arena(int threads)
      : limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1),
        arena(threads, 0) {}
  tbb::global_control limit;  // one more for the thread that gives the jobs out
  tbb::task_arena arena;
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t running = 0;
};

LocalWorkers::LocalWorkers(int threads) : arena_(std::make_unique<Arena>(threads)) {}

LocalWorkers::~LocalWorkers() {
  std::unique_lock lock(arena_->mutex);
  arena_->ended.wait(lock, [this] { return arena_->running == 0; });
}

void LocalWorkers::start(std::function<void()> job) {
  {
    const std::lock_guard lock(arena_->mutex);
    ++arena_->running;
  }
  arena_->arena.enqueue([this, job = std::move(job)] {
    job();
    const std::lock_guard lock(arena_->mutex);
    --arena_->running;
    arena_->ended.notify_all();
  });
}

}  // namespace eph::jobs
