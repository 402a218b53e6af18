// Many runs at once and over several processes: the same bytes, and nothing twice.
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

const std::string kMpirun = "/usr/bin/mpirun";

std::vector<std::string> small_sweep(std::vector<std::string> more = {}) {
  std::vector<std::string> words =
      on_linear({"--arrivals", "poisson", "--requests", "300", "--rate", "20", "--vary",
                 "replicas=1..4", "--runs", "2"});
  words.front() = "sweep";
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::string> small_plan(std::vector<std::string> more = {}) {
  std::vector<std::string> words =
      on_linear({"--arrivals", "poisson", "--requests", "400", "--rate", "40", "--tp", "1,2",
                 "--engine", "vllm,sglang", "--slo", "p95_ttft=200ms", "--json"});
  words.front() = "plan";
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string fresh(const std::string& name) {
  for (const char* end : {"", "-wal", "-shm"}) std::remove((out_path(name) + end).c_str());
  return out_path(name);
}

// Whether mpirun and the program's MPI library are here.
bool has_mpi() {
  const bool here = std::filesystem::exists(kMpirun) &&
                    std::filesystem::exists(std::filesystem::path(EPH_PROGRAM).parent_path() /
                                            "ephemeris-mpi.so");
  if (!here) WARN("skipped: mpirun or ephemeris-mpi.so is not here");
  return here;
}

Finished on_three(std::vector<std::string> words) {
  std::vector<std::string> all{"-n", "3", "--oversubscribe", EPH_PROGRAM};
  all.insert(all.end(), words.begin(), words.end());
  return run_program(kMpirun, all,
                     {"EPHEMERIS_DATA=" EPH_SOURCE_DIR "/data", "OMPI_ALLOW_RUN_AS_ROOT=1",
                      "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"});
}

}  // namespace

TEST_CASE("a sweep with a ledger has the same rows, and simulates nothing twice") {
  const Finished plain = ephemeris(small_sweep());
  CAPTURE(plain.err);
  REQUIRE(plain.code == 0);
  const std::string path = fresh("sweep.db");
  const Finished first = ephemeris(small_sweep({"--ledger", path}));
  CAPTURE(first.err);
  CHECK(first.out == plain.out);
  const Finished again = ephemeris(small_sweep({"--ledger", path, "--threads", "2"}));
  CHECK(again.out == plain.out);
  std::vector<std::string> grown = small_sweep({"--ledger", path});
  for (std::string& word : grown) {
    if (word == "replicas=1..4") word = "replicas=1..5";
  }
  const Finished more = ephemeris(grown);
  CHECK(more.out.starts_with(plain.out));
  CHECK(more.out.size() > plain.out.size());
}

TEST_CASE("a plan with a ledger gives the same bytes, first and again") {
  const Finished plain = ephemeris(small_plan());
  CAPTURE(plain.err);
  REQUIRE(plain.code == 0);
  const std::string path = fresh("plan.db");
  CHECK(ephemeris(small_plan({"--ledger", path})).out == plain.out);
  CHECK(ephemeris(small_plan({"--ledger", path})).out == plain.out);
}

TEST_CASE("a stored result is used only where every input is the same") {
  const std::string path = fresh("inputs.db"),
                    profile = spill_out("changing.json", slurp(linear_profile()));
  const auto run = [&] {
    return ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--profile", profile,
                      "--kv-blocks", "2000", "--max-model-len", "8192", "--arrivals", "poisson",
                      "--rate", "5", "--requests", "100", "--vary", "replicas=1,2", "--ledger",
                      path});
  };
  const Finished before = run();
  REQUIRE(before.code == 0);
  spill(profile, R"({"version": 1, "form": "linear", "t0_ms": 20, "us_per_prefill_token": 100,
                     "us_per_decode_sequence": 0, "ns_per_kv_token": 0})");
  const Finished after = run();
  REQUIRE(after.code == 0);
  CHECK(after.out != before.out);
}

TEST_CASE("a ledger that cannot be used is one clear error") {
  const Finished folder = ephemeris(small_sweep({"--ledger", out_path("no/such/folder/l.db")}));
  CHECK(folder.code == 3);
  CHECK(folder.out.empty());
  CHECK(folder.err.find("cannot be opened for writing") != std::string::npos);
  const Finished text =
      ephemeris(small_plan({"--ledger", spill_out("text.db", std::string(4000, 'x'))}));
  CHECK(text.code == 3);
  CHECK(text.err.find("not a SQLite database") != std::string::npos);
}

TEST_CASE("a sweep warns of lengths outside what was measured, once a length") {
  const Finished done = ephemeris({"sweep", "--model", "meta-llama/Llama-3.1-8B-Instruct",
                                   "--arrivals", "poisson", "--rate", "1", "--requests", "20",
                                   "--prompt-tokens", "60000", "--vary", "replicas=1,2"});
  REQUIRE(done.code == 0);
  const std::size_t first = done.err.find("prompts of 60000 tokens on average extrapolate");
  REQUIRE(first != std::string::npos);
  CHECK(done.err.find("prompts of 60000", first + 1) == std::string::npos);
}

TEST_CASE("three processes give the bytes of one, and fill the ledger") {
  if (!has_mpi()) return;
  const Finished sweep = ephemeris(small_sweep());
  const Finished sweep3 = on_three(small_sweep({"--threads", "1"}));
  CAPTURE(sweep3.err);
  CHECK(sweep3.code == 0);
  CHECK(sweep3.out == sweep.out);
  const Finished plan = ephemeris(small_plan());
  const std::string path = fresh("mpi.db");
  CHECK(on_three(small_plan({"--ledger", path})).out == plan.out);
  CHECK(std::filesystem::exists(path));
  CHECK(ephemeris(small_plan({"--ledger", path})).out == plan.out);
}

TEST_CASE("under mpirun errors are said once, and other commands say that they run alone") {
  if (!has_mpi()) return;
  const Finished other = on_three(on_linear({"--arrivals", "poisson", "--requests", "5"}));
  CHECK(other.code == 2);
  const std::size_t first = other.err.find("simulate runs as one process");
  REQUIRE(first != std::string::npos);
  CHECK(other.err.find("simulate runs as one process", first + 1) == std::string::npos);
  const Finished wrong = on_three(small_sweep({"--vary", "nothing=1"}));
  CHECK(wrong.code == 2);
  CHECK(wrong.out.empty());
  const std::size_t said = wrong.err.find("no field \"nothing\"");
  REQUIRE(said != std::string::npos);
  CHECK(wrong.err.find("no field \"nothing\"", said + 1) == std::string::npos);
}
