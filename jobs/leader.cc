#include "jobs/leader.h"

#include <fmt/format.h>

#include <csignal>
#include <ctime>
#include <optional>

#include "core/assert.h"
#include "core/text.h"
#include "jobs/inbox.h"
#include "jobs/local_workers.h"
#include "jobs/outcome.h"

namespace eph::jobs {
namespace {

struct Helper {
  int threads = 0;  // 0: has not said hello
  std::size_t tasks = 0;
};

class Leader {
 public:
  Leader(Channel& channel, const TaskSet& tasks, const TeamOptions& options)
      : channel_(channel),
        tasks_(tasks),
        options_(options),
        helpers_(static_cast<std::size_t>(channel.size())),
        results_(tasks.count),
        last_(tasks.count),
        workers_(options.threads) {
    helpers_[0].threads = options.threads;
  }

  Result<std::vector<std::string>> run() {
    hand_out();
    while (!finished()) {
      while (auto received = channel_.receive()) {
        auto message = unpack(received->second);
        EPH_ASSERT(message.has_value(), "a message of {} bytes from rank {} cannot be read",
                   received->second.size(), received->first);
        take(received->first, *message);
      }
      while (auto message = own_.pop(std::chrono::microseconds(1000))) take(0, *message);
      watch_for_end();
      hand_out();
    }
    if (failure_) return *failure_;
    std::vector<std::string> out;
    out.reserve(results_.size());
    for (auto& result : results_) out.push_back(std::move(*result));
    return out;
  }

 private:
  [[nodiscard]] bool finished() const {
    for (const Helper& helper : helpers_) {
      if (helper.threads == 0 || helper.tasks > 0) return false;
    }
    return next_ >= last_;
  }

  void fail(std::size_t task, const Error& error) {
    if (task >= last_ && failure_) return;
    last_ = std::min(last_, task);
    failure_ = error;
  }

  // One task more than it has threads bridges the way of a message, while there are plenty.
  [[nodiscard]] std::size_t room(std::size_t rank) const {
    const auto threads = static_cast<std::size_t>(helpers_[rank].threads);
    if (rank == 0 || threads == 0) return threads;
    std::size_t all = 0;
    for (const Helper& helper : helpers_) all += static_cast<std::size_t>(helper.threads);
    return last_ - next_ > 8 * all ? threads + 1 : threads;
  }

  void hand_out() {
    bool gave = true;
    while (gave && next_ < last_) {
      gave = false;
      for (std::size_t rank = helpers_.size(); rank-- > 0 && next_ < last_;) {
        if (helpers_[rank].tasks >= room(rank)) continue;
        gave = true;
        if (!give(rank, next_)) return;
        ++helpers_[rank].tasks;
        ++next_;
      }
    }
  }

  bool give(std::size_t rank, std::size_t task) {
    if (rank == 0) {
      workers_.start([this, task] {
        Forgetful nothing;
        Memo& memo = options_.ledger != nullptr ? static_cast<Memo&>(*options_.ledger) : nothing;
        own_.push(run_task(tasks_, task, memo));
      });
      return true;
    }
    Message message{MessageKind::task, {fmt::to_string(task)}};
    if (options_.ledger != nullptr) {
      Result<std::vector<Record>> known = options_.ledger->with_prefix(tasks_.prefix(task));
      if (!known) {
        fail(task, known.error());
        return false;
      }
      for (Record& record : *known) {
        message.texts.push_back(std::move(record.key));
        message.texts.push_back(std::move(record.value));
      }
    }
    channel_.send(static_cast<int>(rank), pack(message));
    return true;
  }

  void take(int rank, Message& message) {
    Helper& helper = helpers_[static_cast<std::size_t>(rank)];
    const auto number = [&] {
      return static_cast<std::size_t>(parse_int(message.texts.at(0)).value_or(0));
    };
    switch (message.kind) {
      case MessageKind::hello:
        helper.threads = static_cast<int>(parse_int(message.texts.at(1)).value_or(1));
        if (message.texts.at(0) != tasks_.identity) {
          refuse(rank,
                 usage_error(fmt::format("rank {} on {} reads other files than rank 0, or is "
                                         "another build of the program",
                                         rank, message.texts.at(2)),
                             "give every host the same program, data folder and input files"));
        }
        return;
      case MessageKind::decline: {
        helper.threads = 1;
        Error error = read_error(message.texts, 1);
        error.what = fmt::format("rank {} on {}: {}", rank, message.texts.at(0), error.what);
        refuse(rank, error);
        return;
      }
      case MessageKind::record:
        if (options_.ledger != nullptr) {
          const auto kept =
              options_.ledger->put({message.texts.at(0), message.texts.at(1), message.texts.at(2)});
          if (!kept) fail(0, kept.error());
        }
        return;
      case MessageKind::done:
        --helper.tasks;
        results_[number()] = std::move(message.texts.at(1));
        if (options_.progress) options_.progress(++done_);
        return;
      case MessageKind::failed:
        --helper.tasks;
        fail(number(), read_error(message.texts, 1));
        return;
      case MessageKind::broken:
        throw InternalError(
            fmt::format("rank {}, task {}: {}", rank, message.texts.at(0), message.texts.at(1)));
      case MessageKind::task:
      case MessageKind::stop:
        break;
    }
    EPH_ASSERT(false, "rank {} sent the leader a message of kind {}", rank,
               static_cast<char>(message.kind));
  }

  // Nothing is handed out any more.
  void refuse(int rank, const Error& error) {
    if (refused_ && *refused_ <= rank) return;
    refused_ = rank;
    last_ = 0;
    failure_ = error;
  }

  void watch_for_end() {
    if (!options_.ended) return;
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    const timespec now{0, 0};
    if (sigtimedwait(&ending, nullptr, &now) != SIGTERM) return;
    std::string remedy = "start again without the host that left";
    if (options_.ledger != nullptr) {
      remedy = fmt::format("start again: what was finished is in {} and is not simulated again",
                           options_.ledger->path());
    }
    options_.ended(Error{ErrorKind::io,
                         {},
                         "ended by the launcher: another process of the run or its host is gone, "
                         "or it was told to stop",
                         remedy});
  }

  Channel& channel_;
  const TaskSet& tasks_;
  const TeamOptions& options_;
  std::vector<Helper> helpers_;  // by rank; 0: this process
  std::vector<std::optional<std::string>> results_;
  std::size_t next_ = 0, last_, done_ = 0;  // tasks from last_ on are not wanted
  std::optional<Error> failure_;
  std::optional<int> refused_;
  Inbox<Message> own_;
  LocalWorkers workers_;  // last: its threads use the rest
};

}  // namespace

Result<std::vector<std::string>> lead(Channel& channel, const TaskSet& tasks,
                                      const TeamOptions& options) {
  return Leader(channel, tasks, options).run();
}

}  // namespace eph::jobs
