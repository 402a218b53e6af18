#pragma once
// Independent tasks over the threads of one process, or over those of several that mpirun started.
//
// The leader (rank 0, or the only process) hands tasks out one by one, in their order, to whoever
// is free, itself included; it alone has the ledger and the results. Results are ordered by task,
// so they do not depend on who did what.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "jobs/channel.h"
#include "jobs/ledger.h"

namespace eph::jobs {

struct TaskSet {
  std::size_t count = 0;
  // Names the program and everything the tasks read: processes with different ones must not mix.
  std::string identity;
  // Thread safe. Asks the memo before it computes, and tells it what it computed.
  std::function<Result<std::string>(std::size_t task, Memo& memo)> run;
  // Start of every key that the task asks its memo for.
  std::function<std::string(std::size_t task)> prefix;
};

struct TeamOptions {
  int threads = 0;           // of each process; 0: its share of the processors
  Ledger* ledger = nullptr;  // of the leader; may be null
  std::function<void(std::size_t done)>
      progress;  // of the leader, by one thread at a time; may be empty
  // The launcher is ending this process, because another one or its host is gone. Must not return.
  std::function<void(const Error&)> ended;
};

class Team {
 public:
  // With the processes that mpirun started beside this one. Call before threads are started.
  [[nodiscard]] static Result<Team> join();
  explicit Team(std::unique_ptr<Channel> channel);  // null: alone
  ~Team();                                          // the leader sends the others home
  Team(Team&&) noexcept = default;
  Team& operator=(Team&&) = delete;

  [[nodiscard]] bool leads() const { return !channel_ || channel_->rank() == 0; }
  [[nodiscard]] int size() const { return channel_ ? channel_->size() : 1; }

  // Leader: every result, or the error of the first task that has one.
  [[nodiscard]] Result<std::vector<std::string>> run(const TaskSet& tasks,
                                                     const TeamOptions& options);
  // The others: work for the leader until it has no more.
  void assist(const TaskSet& tasks, int threads);
  // The others: this process cannot take part.
  void decline(const Error& error);

 private:
  void wait_for_stop();

  std::unique_ptr<Channel> channel_;
};

}  // namespace eph::jobs
