#include "jobs/ledger.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

using namespace eph;
using jobs::Ledger;

namespace {

std::string fresh(const std::string& name) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  for (const char* end : {"", "-wal", "-shm"}) std::remove((path + end).c_str());
  return path;
}

std::unique_ptr<Ledger> opened(const std::string& path, const std::string& program = "one") {
  auto ledger = Ledger::open(path, program);
  INFO((ledger ? "" : ledger.error().text()));
  REQUIRE(ledger);
  return std::move(*ledger);
}

}  // namespace

TEST_CASE(
    "a ledger gives back what it was told, after it was closed too, and keeps the first value") {
  const std::string path = fresh("ledger.db");
  {
    const auto ledger = opened(path);
    CHECK_FALSE(ledger->find("a/1").value());
    REQUIRE(ledger->put({"a/1", "first", "about"}));
    REQUIRE(ledger->put({"a/1", "second", "about"}));
    REQUIRE(ledger->put({"a/2", "", ""}));
    REQUIRE(ledger->put({"b/1", "other", ""}));
  }
  const auto ledger = opened(path);
  CHECK(ledger->find("a/1").value() == "first");
  CHECK(ledger->find("a/2").value() == "");
  const auto some = ledger->with_prefix("a/");
  REQUIRE(some);
  REQUIRE(some->size() == 2);
  CHECK((*some)[0].key == "a/1");
  CHECK(ledger->count_own().value() == 3);
}

TEST_CASE("rows of another build are kept and not used") {
  const std::string path = fresh("builds.db");
  REQUIRE(opened(path, "one")->put({"k", "v", ""}));
  const auto other = opened(path, "two");
  CHECK_FALSE(other->find("k").value());
  CHECK(other->count_of_other_programs().value() == 1);
  CHECK(opened(path, "one")->find("k").value() == "v");
}

TEST_CASE("several connections write a ledger at once and nothing is lost") {
  const std::string path = fresh("shared.db");
  std::vector<std::thread> writers;
  std::vector<int> failed(4, 0);
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&path, &failed, w] {
      auto ledger = Ledger::open(path, "one");
      if (!ledger) {
        failed[static_cast<std::size_t>(w)] = 1000;
        return;
      }
      for (int i = 0; i < 50; ++i) {
        if (!(*ledger)->put({std::to_string(w) + "/" + std::to_string(i), "v", ""}))
          ++failed[static_cast<std::size_t>(w)];
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(failed == std::vector<int>(4, 0));
  CHECK(opened(path)->count_own().value() == 200);
}

TEST_CASE("what is no ledger is an error that says so, and stays as it was") {
  const auto error = [](const std::string& path) {
    const auto ledger = Ledger::open(path, "one");
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().kind == ErrorKind::io);
    return ledger.error().what;
  };
  CHECK(error(std::string(EPH_TEST_OUT) + "/no/such/folder/x.db").find("cannot be opened") !=
        std::string::npos);
  const std::string text = fresh("text.db");
  std::ofstream(text) << std::string(5000, 'x');
  CHECK(error(text).find("not a SQLite database") != std::string::npos);
  std::ifstream back(text);
  CHECK(std::string(std::istreambuf_iterator<char>(back), {}) == std::string(5000, 'x'));
}

TEST_CASE("a ledger whose pages were overwritten is damaged") {
  const std::string path = fresh("damaged.db");
  {
    const auto ledger = opened(path);
    for (int i = 0; i < 500; ++i)
      REQUIRE(ledger->put({std::to_string(i), std::string(200, 'v'), ""}));
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(20'000, '\xff');
  file.close();
  const auto ledger = Ledger::open(path, "one");
  const Error found = ledger ? (*ledger)->find("7").error() : ledger.error();
  CHECK(found.what.find("damaged") != std::string::npos);
}
