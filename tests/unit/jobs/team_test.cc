#include "jobs/team.h"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>

#include "jobs/message.h"

using namespace eph;
using jobs::Team;

namespace {

// Processes as threads of this test: what goes from whom to whom.
struct Post {
  std::mutex mutex;
  std::vector<std::deque<std::pair<int, std::string>>> boxes;
};

class PostChannel final : public jobs::Channel {
 public:
  PostChannel(Post& post, int rank) : post_(post), rank_(rank) {}
  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return static_cast<int>(post_.boxes.size()); }
  [[nodiscard]] std::string host() const override { return "host" + std::to_string(rank_); }
  void send(int to, std::string message) override {
    const std::lock_guard lock(post_.mutex);
    post_.boxes[static_cast<std::size_t>(to)].emplace_back(rank_, std::move(message));
  }
  std::optional<std::pair<int, std::string>> receive() override {
    const std::lock_guard lock(post_.mutex);
    auto& box = post_.boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) return std::nullopt;
    auto out = std::move(box.front());
    box.pop_front();
    return out;
  }

 private:
  Post& post_;
  int rank_;
};

// Task i is i * i; what was computed is counted.
struct Squares {
  std::atomic<int> computed{0};
  std::size_t fails_from = 1'000'000;

  jobs::TaskSet tasks(std::size_t count) {
    jobs::TaskSet out;
    out.count = count;
    out.identity = "squares";
    out.prefix = [](std::size_t i) { return fmt::format("square/{}.", i); };
    out.run = [this](std::size_t i, jobs::Memo& memo) -> Result<std::string> {
      if (i >= fails_from) return usage_error(fmt::format("task {} fails", i));
      const std::string key = fmt::format("square/{}.", i);
      const auto known = memo.find(key);
      if (!known) return known.error();
      if (*known) return **known;
      ++computed;
      std::string value = fmt::to_string(i * i);
      const auto kept = memo.put({key, value, "a square"});
      if (!kept) return kept.error();
      return value;
    };
    return out;
  }
};

struct Together {
  Post post;
  std::vector<std::thread> others;
  Together(int size, const std::function<void(Team&, int)>& assist) {
    post.boxes.resize(static_cast<std::size_t>(size));
    for (int rank = 1; rank < size; ++rank) {
      others.emplace_back([this, rank, assist] {
        Team team(std::make_unique<PostChannel>(post, rank));
        assist(team, rank);
      });
    }
  }
  Result<std::vector<std::string>> lead(const jobs::TaskSet& tasks,
                                        const jobs::TeamOptions& options) {
    auto out = [&] {
      Team team(std::make_unique<PostChannel>(post, 0));
      return team.run(tasks, options);
    }();
    for (std::thread& other : others) other.join();
    return out;
  }
};

std::unique_ptr<jobs::Ledger> fresh_ledger(const std::string& name) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  for (const char* end : {"", "-wal", "-shm"}) std::remove((path + end).c_str());
  auto ledger = jobs::Ledger::open(path, "test");
  REQUIRE(ledger);
  return std::move(*ledger);
}

}  // namespace

TEST_CASE("several processes give what one gives, and each task is computed once") {
  Squares alone, shared;
  const auto expected = Team(nullptr).run(alone.tasks(500), {});
  REQUIRE(expected);
  CHECK((*expected)[20] == "400");
  Together all(4, [&](Team& team, int) { team.assist(shared.tasks(500), 2); });
  jobs::TeamOptions options;
  options.threads = 2;
  std::size_t last = 0;
  options.progress = [&](std::size_t done) { last = done; };
  const auto together = all.lead(shared.tasks(500), options);
  REQUIRE(together);
  CHECK(*together == *expected);
  CHECK(shared.computed == 500);
  CHECK(last == 500);
}

TEST_CASE(
    "what the leader's ledger has is computed by no process, and what others compute is in it") {
  const auto ledger = fresh_ledger("team.db");
  jobs::TeamOptions options;
  options.threads = 1;
  options.ledger = ledger.get();
  Squares first, second;
  REQUIRE(Team(nullptr).run(first.tasks(30), options));
  CHECK(ledger->count_own().value() == 30);
  Together all(3, [&](Team& team, int) { team.assist(second.tasks(50), 1); });
  const auto grown = all.lead(second.tasks(50), options);
  REQUIRE(grown);
  CHECK((*grown)[49] == "2401");
  CHECK(second.computed == 20);
  CHECK(ledger->count_own().value() == 50);
}

TEST_CASE("the error of the first task that fails comes out, wherever it ran") {
  Squares squares;
  squares.fails_from = 17;
  Together all(3, [&](Team& team, int) { team.assist(squares.tasks(200), 2); });
  jobs::TeamOptions options;
  options.threads = 2;
  const auto failed = all.lead(squares.tasks(200), options);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what == "task 17 fails");
  CHECK(Team(nullptr).run(squares.tasks(200), options).error().what == "task 17 fails");
}

TEST_CASE("a process that sees other inputs, or cannot take part, is named") {
  Squares squares;
  Together mixed(2, [&](Team& team, int) {
    auto tasks = squares.tasks(5);
    tasks.identity = "cubes";
    team.assist(tasks, 1);
  });
  jobs::TeamOptions options;
  options.threads = 1;
  CHECK(mixed.lead(squares.tasks(5), options)
            .error()
            .what.find("rank 1 on host1 reads other files") == 0);
  Together unable(2, [&](Team& team, int) { team.decline(io_error("x.csv", "cannot be read")); });
  const auto declined = unable.lead(squares.tasks(5), options);
  REQUIRE_FALSE(declined);
  CHECK(declined.error().text() == "x.csv: rank 1 on host1: cannot be read");
  CHECK(declined.error().kind == ErrorKind::io);
}

TEST_CASE("messages survive any bytes, and what is none is refused") {
  const jobs::Message message{jobs::MessageKind::done, {"", "1:2", std::string("\0\n:", 3)}};
  const auto back = jobs::unpack(jobs::pack(message));
  REQUIRE(back);
  CHECK(back->texts == message.texts);
  CHECK_FALSE(jobs::unpack(""));
  CHECK_FALSE(jobs::unpack("d5:abc"));
  CHECK_FALSE(jobs::unpack("dx:abc"));
}
