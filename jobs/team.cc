#include "jobs/team.h"

#include <fmt/format.h>
#include <pthread.h>

#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/assert.h"
#include "core/text.h"
#include "jobs/inbox.h"
#include "jobs/join.h"
#include "jobs/leader.h"
#include "jobs/local_workers.h"
#include "jobs/outcome.h"
#include "jobs/parallel.h"

namespace eph::jobs {
namespace {

constexpr std::chrono::microseconds kPause{1000};

// What the leader sent along with a task; what is new goes to the leader.
class TaskMemo final : public Memo {
 public:
  TaskMemo(const Message& task, Inbox<Message>& out) : out_(out) {
    for (std::size_t i = 1; i + 1 < task.texts.size(); i += 2)
      known_[task.texts[i]] = task.texts[i + 1];
  }
  Result<std::optional<std::string>> find(const std::string& key) override {
    const auto found = known_.find(key);
    return found == known_.end() ? std::optional<std::string>() : std::optional(found->second);
  }
  Result<void> put(const Record& record) override {
    out_.push({MessageKind::record, {record.key, record.value, record.about}});
    return {};
  }

 private:
  std::map<std::string, std::string> known_;
  Inbox<Message>& out_;
};

Result<std::vector<std::string>> run_alone(const TaskSet& tasks, const TeamOptions& options) {
  std::vector<std::optional<Result<std::string>>> results(tasks.count);
  Forgetful nothing;
  Memo& memo = options.ledger != nullptr ? static_cast<Memo&>(*options.ledger) : nothing;
  std::mutex mutex;
  std::size_t done = 0;
  run_in_parallel(tasks.count, options.threads, [&](std::size_t i) {
    results[i].emplace(tasks.run(i, memo));
    if (options.progress) {
      const std::lock_guard lock(mutex);
      options.progress(++done);
    }
    return results[i]->has_value();
  });
  std::vector<std::string> out;
  out.reserve(tasks.count);
  for (auto& result : results) {
    if (!*result) return result->error();
    out.push_back(std::move(**result));
  }
  return out;
}

// On a host that several processes share each takes its part; one that is bound to some processors
// keeps to them.
int threads_of_share(int threads) {
  if (threads > 0) return threads;
  const int all = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int share = std::max(1, all / launch_of_environment().on_this_host);
  return std::min(default_threads(), share);
}

}  // namespace

Message run_task(const TaskSet& tasks, std::size_t task, Memo& memo) {
  try {
    Result<std::string> result = tasks.run(task, memo);
    if (result) return {MessageKind::done, {fmt::to_string(task), std::move(*result)}};
    Message out{MessageKind::failed, {fmt::to_string(task)}};
    append_error(out.texts, result.error());
    return out;
  } catch (const std::exception& e) {
    return {MessageKind::broken, {fmt::to_string(task), e.what()}};
  }
}

Result<Team> Team::join() {
  if (launch_of_environment().size > 1) {
    // The launcher's request to end is looked for by the leader's loop (leader.cc), not by chance
    // by whatever thread it hits. Threads started from here on inherit this.
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    if (launch_of_environment().rank == 0) pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  }
  auto channel = jobs::join();
  if (!channel) return channel.error();
  return Team(std::move(*channel));
}

Team::Team(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

Team::~Team() {
  if (!channel_ || channel_->rank() != 0) return;
  for (int rank = 1; rank < channel_->size(); ++rank)
    channel_->send(rank, pack({MessageKind::stop, {}}));
}

Result<std::vector<std::string>> Team::run(const TaskSet& tasks, const TeamOptions& options) {
  EPH_ASSERT(leads(), "rank {} runs what the leader runs", channel_->rank());
  if (!channel_) return run_alone(tasks, options);
  TeamOptions mine = options;
  mine.threads = threads_of_share(options.threads);
  return lead(*channel_, tasks, mine);
}

void Team::assist(const TaskSet& tasks, int threads) {
  EPH_ASSERT(!leads(), "the leader of {} processes assists itself", size());
  threads = threads_of_share(threads);
  Inbox<Message> out;
  LocalWorkers workers(threads);
  channel_->send(
      0, pack({MessageKind::hello, {tasks.identity, fmt::to_string(threads), channel_->host()}}));
  for (;;) {
    while (auto received = channel_->receive()) {
      auto message = unpack(received->second);
      EPH_ASSERT(message.has_value(), "a message of {} bytes from rank {} cannot be read",
                 received->second.size(), received->first);
      if (message->kind == MessageKind::stop) return;
      workers.start([&tasks, &out, task = std::move(*message)] {
        TaskMemo memo(task, out);
        out.push(run_task(tasks, static_cast<std::size_t>(parse_int(task.texts.at(0)).value_or(0)),
                          memo));
      });
    }
    while (auto message = out.pop(kPause)) channel_->send(0, pack(*message));
  }
}

void Team::decline(const Error& error) {
  Message message{MessageKind::decline, {channel_->host()}};
  append_error(message.texts, error);
  channel_->send(0, pack(message));
  wait_for_stop();
}

void Team::wait_for_stop() {
  for (;;) {
    while (auto received = channel_->receive()) {
      const auto message = unpack(received->second);
      if (message && message->kind == MessageKind::stop) return;
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace eph::jobs
