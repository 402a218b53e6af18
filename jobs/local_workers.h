#pragma once
// Jobs given to the threads of this process while another thread goes on.
#include <functional>
#include <memory>

namespace eph::jobs {

class LocalWorkers {
 public:
  explicit LocalWorkers(int threads);
  ~LocalWorkers();  // waits for every job that was started
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;
  // The job must not throw.
  void start(std::function<void()> job);

 private:
  struct Arena;
  std::unique_ptr<Arena> arena_;
};

}  // namespace eph::jobs
