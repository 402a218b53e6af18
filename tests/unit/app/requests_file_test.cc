#include "app/requests_file.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"

using namespace eph;
using namespace eph::app;

namespace {

sim::RequestRecord finished(std::uint64_t id) {
  sim::RequestRecord r;
  r.id = RequestId{id};
  r.replica = ReplicaId{3};
  r.status = sim::RequestStatus::finished;
  r.prompt_tokens = 100;
  r.output_tokens = 11;
  r.preemptions = 1;
  r.cached_tokens = 64;
  r.sent = SimTime::from_seconds(1.5);
  r.engine_queued = SimTime::from_seconds(1.625);
  r.first_token = SimTime::from_seconds(2);
  r.finish = SimTime::from_seconds(3);
  return r;
}

}  // namespace

// TTFT 2 - 1.5 = 0.5 s; TPOT (3 - 2) / (11 - 1) = 0.1 s; end to end 1.5 s.
TEST_CASE("a finished request's row has instants in seconds and latencies in milliseconds") {
  CHECK(request_row(finished(7)) == "7,1.5,100,11,3,1.625,2,3,500,100,1500,1,64,finished,\n");
}

TEST_CASE("what a request never reached is empty") {
  sim::RequestRecord r = finished(0);
  r.status = sim::RequestStatus::unfinished;
  r.finish = SimTime::never();
  r.output_tokens = 4;
  CHECK(request_row(r) == "0,1.5,100,4,3,1.625,2,,500,,,1,64,unfinished,\n");
  r.first_token = SimTime::never();
  r.engine_queued = SimTime::never();
  r.status = sim::RequestStatus::rejected;
  CHECK(request_row(r) == "0,1.5,100,4,,,,,,,,1,64,rejected,\n");
}

TEST_CASE("a cancelled request ends when its client gave up, and has no end-to-end time") {
  sim::RequestRecord r = finished(0);
  r.status = sim::RequestStatus::cancelled;
  r.output_tokens = 4;
  CHECK(request_row(r) == "0,1.5,100,4,3,1.625,2,3,500,,,1,64,cancelled,\n");
}

TEST_CASE("a one-token output has no time per output token") {
  sim::RequestRecord r = finished(0);
  r.output_tokens = 1;
  CHECK(request_row(r) == "0,1.5,100,1,3,1.625,2,3,500,,1500,1,64,finished,\n");
}

TEST_CASE("rows are written in the order sent, whatever order requests end in") {
  const std::string path = std::string(EPH_TEST_OUT) + "/requests.csv";
  auto file = OutputFile::create(path);
  REQUIRE(file);
  RequestsFile requests(std::move(*file));
  for (std::uint64_t id : {2, 0, 3, 1}) requests.on_request(finished(id));
  REQUIRE(requests.close());
  const auto text = read_file(path);
  REQUIRE(text);
  std::string expected = requests_header();
  for (std::uint64_t id : {0, 1, 2, 3}) expected += request_row(finished(id));
  CHECK(*text == expected);
}

TEST_CASE("a row names the class of its request") {
  const std::string path = std::string(EPH_TEST_OUT) + "/classes.csv";
  auto file = OutputFile::create(path);
  REQUIRE(file);
  const std::vector<std::string> names{"chat", "a,b"};
  RequestsFile requests(std::move(*file), {}, [&names] { return std::span(names); });
  for (const std::uint32_t number : {1U, 0U}) {
    sim::RequestRecord r = finished(1 - number);
    r.request_class = number;
    requests.on_request(r);
  }
  REQUIRE(requests.close());
  CHECK(*read_file(path) ==
        requests_header() + request_row(finished(0), "a,b") + request_row(finished(1), "chat"));
  CHECK(request_row(finished(0), "a,b").ends_with(",finished,\"a,b\"\n"));
}

TEST_CASE("a file that cannot be written is an error of kind io") {
  const auto file = OutputFile::create("/nonexistent-folder/x.csv");
  REQUIRE_FALSE(file);
  CHECK(file.error().kind == ErrorKind::io);
  CHECK(file.error().text() ==
        "/nonexistent-folder/x.csv: cannot be written: No such file or directory");
}

TEST_CASE("a full disk is reported when the file is closed") {
  auto file = OutputFile::create("/dev/full");
  if (!file) {
    WARN("skipped: no /dev/full here");
    return;
  }
  RequestsFile requests(std::move(*file));
  const auto closed = requests.close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().text() == "/dev/full: cannot be written: No space left on device");
}
