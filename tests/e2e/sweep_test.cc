#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

#include "core/json_doc.h"
#include "core/text.h"
#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

std::vector<std::string> sweep(std::vector<std::string> more) {
  std::vector<std::string> words = on_linear({"--arrivals", "poisson", "--requests", "200"});
  words.front() = "sweep";
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) out.push_back(line);
  return out;
}

}  // namespace

TEST_CASE("a sweep has a row for every combination, the last field fastest") {
  const Finished done = ephemeris(sweep({"--vary", "replicas=1..3", "--vary", "rate=10,20.5"}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto rows = lines(done.out);
  REQUIRE(rows.size() == 7);
  CHECK(rows[0].starts_with("replicas,rate,status,note,gpus,runs,requests,finished,"));
  CHECK(rows[1].starts_with("1,10,ok,,1,1,200,200,"));
  CHECK(rows[2].starts_with("1,20.5,"));
  CHECK(rows[6].starts_with("3,20.5,ok,,3,1,200,200,"));
}

TEST_CASE("fields that share a key have columns of their own") {
  const Finished done =
      ephemeris(sweep({"--vary", "prefill_replicas=1,2", "--vary", "replicas=3"}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto rows = lines(done.out);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].starts_with("prefill_replicas,replicas,status,"));
  CHECK(rows[2].starts_with("2,3,"));
}

TEST_CASE("a sweep's row is what simulate says, on any number of threads") {
  const Finished one =
      ephemeris(sweep({"--rate", "20", "--vary", "replicas=1,2", "--json", "--threads", "1"}));
  const Finished two =
      ephemeris(sweep({"--rate", "20", "--vary", "replicas=1,2", "--json", "--threads", "2"}));
  REQUIRE(one.code == 0);
  CHECK(one.out == two.out);
  std::vector<std::string> words = on_linear(
      {"--arrivals", "poisson", "--rate", "20", "--requests", "200", "--replicas", "2", "--json"});
  const Finished simulated = ephemeris(words);
  REQUIRE(simulated.code == 0);
  // The p95 of TTFT as both print it.
  const auto value = [](const std::string& text, const std::string& key) {
    const std::size_t at = text.find(key);
    REQUIRE(at != std::string::npos);
    const std::size_t begin = at + key.size();
    return eph::parse_double(text.substr(begin, text.find_first_of(",}\n", begin) - begin))
        .value_or(-1);
  };
  const std::string row = lines(one.out).at(1);
  const std::size_t ttft = simulated.out.find("\"ttft\"");
  REQUIRE(ttft != std::string::npos);
  CHECK(value(row, "\"ttft_p95_ms\": ") == Approx(value(simulated.out.substr(ttft), "\"p95\": ")));
}

// A workload that several points replay is read once; one that a single point replays is streamed.
TEST_CASE("points that share their requests have the rows of points that read them alone") {
  const std::vector<std::string> both{"--vary",     "replicas=1,2", "--vary",
                                      "rate=10,20", "--runs",       "2"};
  const Finished shared = ephemeris(sweep(both));
  CAPTURE(shared.err);
  REQUIRE(shared.code == 0);
  const auto rows = lines(shared.out);
  REQUIRE(rows.size() == 5);
  for (const char* replicas : {"1", "2"}) {
    const Finished alone = ephemeris(sweep(
        {"--vary", std::string("replicas=") + replicas, "--vary", "rate=10,20", "--runs", "2"}));
    REQUIRE(alone.code == 0);
    const auto own = lines(alone.out);
    REQUIRE(own.size() == 3);
    const std::size_t first = *replicas == '1' ? 1 : 3;
    CHECK(rows[first] == own[1]);
    CHECK(rows[first + 1] == own[2]);
  }
}

TEST_CASE("a sweep warns once of what its deployments extrapolate") {
  const Finished done = ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-8B-Instruct",
                                   "--engine", "sglang", "--arrivals", "poisson", "--rate", "2",
                                   "--requests", "5", "--vary", "replicas=1,2"});
  REQUIRE(done.code == 0);
  const std::size_t first = done.err.find("extrapolate");
  REQUIRE(first != std::string::npos);
  CHECK(done.err.find("extrapolate", first + 1) == std::string::npos);
}

TEST_CASE("a sweep says at how many points an option does nothing") {
  const Finished done = ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--rate",
                                   "2", "--requests", "20", "--profile", linear_profile(), "--set",
                                   "max_num_seqs=16", "--vary", "engine=sglang,vllm,trtllm"});
  CHECK(done.code == 0);
  CHECK(done.err.find("no effect at 1 of 3 points: --set max_num_seqs") != std::string::npos);
}

TEST_CASE("replications give an interval for each figure") {
  const Finished done =
      ephemeris(sweep({"--rate", "20", "--vary", "replicas=1,2", "--runs", "4", "--json"}));
  REQUIRE(done.code == 0);
  CHECK(done.out.find("\"ttft_p95_ms_low\": ") != std::string::npos);
  CHECK(done.out.find("\"runs\": 4") != std::string::npos);
}

TEST_CASE("a point whose model does not fit is a row, a bad field is an error") {
  const Finished done =
      ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-70B", "--arrivals", "poisson", "--rate",
                 "1", "--requests", "5", "--vary", "tp=1,4"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(lines(done.out).at(1).starts_with("1,infeasible,"));
  CHECK(lines(done.out).at(2).starts_with("4,ok,"));
  const auto error = [](std::vector<std::string> more) {
    const Finished bad = ephemeris(sweep(std::move(more)));
    CHECK(bad.code == 2);
    CHECK(bad.out.empty());
    return bad.err;
  };
  CHECK(error({}).find("nothing is varied") != std::string::npos);
  CHECK(error({"--vary", "replica=1"}).find("did you mean \"replicas\"?") != std::string::npos);
  CHECK(error({"--vary", "replicas=3..1"}).find("3 is above 1") != std::string::npos);
  CHECK(error({"--vary", "replicas=0"}).find("replicas") != std::string::npos);
  CHECK(error({"--vary", "replicas=1,1"}).find("given twice") != std::string::npos);
  CHECK(error({"--vary", "replicas=1", "--vary", "replicas=2"}).find("given twice") !=
        std::string::npos);
  CHECK(error({"--vary", "rate=1", "--rate", "2"}).find("--rate and --vary rate both set it") !=
        std::string::npos);
}

TEST_CASE("a point that cannot be is a row with its reason, what is wrong with all is an error") {
  const auto rows = [](const std::vector<std::string>& more,
                       const std::vector<std::string>& starts) {
    const Finished done = ephemeris(sweep(more));
    CAPTURE(done.err, done.out);
    REQUIRE(done.code == 0);
    const auto all = lines(done.out);
    REQUIRE(all.size() == starts.size() + 1);
    const auto cells = [](const std::string& row) {  // commas in notes are quoted
      std::size_t n = 1;
      bool quoted = false;
      for (const char c : row) {
        quoted = quoted != (c == '"');
        n += c == ',' && !quoted ? 1 : 0;
      }
      return n;
    };
    for (std::size_t i = 0; i < starts.size(); ++i) {
      CAPTURE(all[i + 1]);
      CHECK(all[i + 1].starts_with(starts[i]));
      CHECK(cells(all[i + 1]) == cells(all[0]));
    }
    CHECK(done.err.find("cannot be (status infeasible, with a note); the first: ") !=
          std::string::npos);
  };
  // 32 heads; one node takes one replica where two may not share it.
  rows({"--vary", "tp=1,3", "--slo", "p95_ttft=9s"},
       {"1,ok,",
        "3,infeasible,tp 3 does not divide the 32 attention heads of "
        "meta-llama/Llama-3.1-8B,3,0,,"});
  rows({"--vary", "replicas=1,2", "--nodes", "1", "--anti-affinity", "node"},
       {"1,ok,", "2,infeasible,\"replica 1 of pool main finds no machine: "});
  rows({"--vary", "commitment=spot,reserved"}, {"spot,infeasible,", "reserved,ok,"});
  rows({"--vary", "replicas=0,1"},
       {"0,infeasible,--replicas: 0 replicas serve nobody,,0,", "1,ok,"});
  const auto refused = [](const std::vector<std::string>& more) {
    const Finished bad = ephemeris(sweep(more));
    CAPTURE(bad.err);
    CHECK(bad.code == 2);
    CHECK(bad.out.empty());
    return bad.err;
  };
  CHECK(refused({"--vary", "tp=3,5"}).find("tp 3 does not divide") != std::string::npos);
  CHECK(refused({"--vary", "tp=1,2", "--gpu", "h1000"}).find("h1000") != std::string::npos);
  // Known only when all requests have been sent.
  CHECK(refused({"--vary", "replicas=1,2", "--slo", "chat:p95_ttft=1s"})
            .find("no request of class \"chat\"") != std::string::npos);
}

TEST_CASE("figures of fleets have intervals too", "[fleet][sweep]") {
  const std::vector<std::string> fleet{
      "--rate",          "4",         "--replicas",   "2",   "--outage", "gpu 0 at 10s",
      "--start-weights", "20s / 60s", "--start-init", "10s", "--runs",   "3"};
  std::vector<std::string> words =
      on_linear({"--arrivals", "poisson", "--requests", "200", "--json"});
  words.insert(words.end(), fleet.begin(), fleet.end());
  const Finished simulated = ephemeris(words);
  CAPTURE(simulated.err);
  REQUIRE(simulated.code == 0);
  const eph::Json all = *eph::parse_json(simulated.out, "simulate");
  std::vector<std::string> swept = fleet;
  swept.insert(swept.end(), {"--vary", "retry_delay=0s,1s", "--json"});
  const Finished done = ephemeris(sweep(swept));
  REQUIRE(done.code == 0);
  const eph::Json row = *eph::parse_json(lines(done.out).at(0), "row");
  double hours = 0;
  for (const eph::Json& run : all.find("runs")->items())
    hours += run.at_path("fleet/pools/0/gpu_hours")->as_double() / 3;
  CHECK(all.at_path("intervals_90/gpu_hours/mean")->as_double() == Approx(hours));
  for (const std::string key : {"shed", "lost", "retries", "availability", "starts", "drained",
                                "deaths", "mean_ready", "gpu_hours", "cost_usd"}) {
    CAPTURE(key);
    const eph::Json* interval = all.at_path("intervals_90/" + key);
    REQUIRE(interval != nullptr);
    CHECK(row.find(key)->as_double() == interval->find("mean")->as_double());
    CHECK(row.find(key + "_low")->as_double() == interval->find("low")->as_double());
    CHECK(row.find(key + "_high")->as_double() == interval->find("high")->as_double());
  }
  CHECK(all.at_path("intervals_90/starts/mean")->as_double() == 1);  // one replica died, one came
  CHECK(all.at_path("intervals_90/gpu_hours/low")->as_double() <
        all.at_path("intervals_90/gpu_hours/high")->as_double());
  CHECK(all.at_path("intervals_90/availability/high")->as_double() <= 1);
  words.erase(std::find(words.begin(), words.end(), "--json"));
  CHECK(ephemeris(words).out.find("\ngpu_hours ") != std::string::npos);
}
