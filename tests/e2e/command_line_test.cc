#include <catch2/catch.hpp>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

const std::vector<std::vector<std::string>> kCommands{{"plan"},
                                                      {"simulate"},
                                                      {"workload", "describe"},
                                                      {"workload", "fit"},
                                                      {"import"},
                                                      {"calibrate"},
                                                      {"validate"},
                                                      {"startup"},
                                                      {"sweep"},
                                                      {"autoscale"},
                                                      {"catalog"},
                                                      {"schema"}};

void check_usage(const std::vector<std::string>& words, const std::string& error) {
  const Finished done = ephemeris(words);
  CAPTURE(words, done.out);
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(done.err == "ephemeris: error: " + error + "\n");
}

}  // namespace

TEST_CASE("every command has help with an example, on stdout") {
  for (std::vector<std::string> words : kCommands) {
    std::string name = words[0];
    if (words.size() > 1) name += " " + words[1];
    words.push_back("--help");
    const Finished done = ephemeris(words);
    CAPTURE(name, done.err);
    CHECK(done.code == 0);
    CHECK(done.err.empty());
    CHECK(done.out.starts_with("ephemeris " + name));
    CHECK(done.out.find("\nexample") != std::string::npos);
    CHECK(done.out.find("\n  ephemeris " + name + " ") != std::string::npos);
  }
}

TEST_CASE("the program says its version and what it can do") {
  const Finished version = ephemeris({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("ephemeris 0."));
  const Finished help = ephemeris({"--help"});
  CHECK(help.code == 0);
  for (const auto& words : kCommands) CHECK(help.out.find("  " + words[0]) != std::string::npos);
  const Finished nothing = ephemeris({});
  CHECK(nothing.code == 2);
  CHECK(nothing.out.empty());
}

TEST_CASE("what is mistyped is answered with what was meant") {
  check_usage({"simulat"}, "simulat is not a command; did you mean \"simulate\"?");
  check_usage({"workload", "descrbe"},
              "workload descrbe is not a command; did you mean \"describe\"?");
  check_usage({"--frob"}, "--frob is not an option; see ephemeris --help");
  check_usage({"simulate", "--modle", "x"},
              "--modle is not an option of simulate; did you mean --model?");
  check_usage({"simulate", "--model"}, "--model needs a value; write --model NAME");
  check_usage({"simulate", "--model", "m", "--trace", "t", "--engine", "vlm"},
              "--engine: \"vlm\" is not known; did you mean \"vllm\"?");
  check_usage({"catalog", "gpu"}, "\"gpu\" is no part of the catalogue; did you mean \"gpus\"?");
}

TEST_CASE("an option that has no effect is refused") {
  const std::vector<std::string> base{"simulate", "--model", "m", "--requests", "5"};
  const auto with = [&base](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  check_usage(with({"--check"}),
              "--check has nothing to check; give --slo, as in --slo p95_ttft=500ms");
  check_usage(with({"--threads", "2"}), "--threads has no effect on a single run; give --runs too");
  check_usage(with({"--runs", "2", "--requests-out", "x"}),
              "--requests-out holds one run, and there are 2; leave out one of the two");
  check_usage(with({"--cv", "2"}),
              "--cv: has no effect on poisson arrivals; choose --arrivals gamma");
  check_usage(with({"--groups", "2"}),
              "--groups: has no effect without a shared prompt; give --shared-tokens too");
  check_usage(with({"--think-time", "2"}),
              "--think-time: has no effect without later turns; give --turns of at least 2");
  check_usage(with({"--schedule-policy", "lpm"}),
              "--schedule-policy: has no effect on vllm; it serves first come, first served");
  check_usage(
      {"plan", "--model", "m", "--requests", "5"},
      "plan needs an objective; give --slo, as in --slo p95_ttft=500ms --slo p95_tpot=30ms");
  check_usage({"plan", "--model", "m", "--requests", "5", "--runs", "2"},
              "--runs is not an option of plan; see ephemeris plan --help");
}

TEST_CASE("calibrate and validate say what they need") {
  check_usage({"validate"},
              "validate needs measured runs; give --runs FILE, or --cross SCHEME --data FOLDER");
  check_usage({"calibrate", "--data", "d", "--out", "o"},
              "no engine is given; add --engine, one of vllm, sglang, trtllm, llamacpp");
  check_usage({"calibrate", "--engine", "vlm"},
              "--engine: \"vlm\" is not known; did you mean \"vllm\"?");
  check_usage({"calibrate", "--engine", "vllm", "--out", "o"},
              "no measured data is given; add --data FOLDER or --runs FILE, or --log FOLDER");
  check_usage({"calibrate", "--engine", "vllm", "--data", "d"},
              "no profile file is given; add --out FILE");
  check_usage({"calibrate", "--keep", "p.json", "--out", "o"},
              "--keep needs --data; give the measured data and the profile to write");
  check_usage({"calibrate", "--coldstart", "f", "--out", "o", "--tp", "2"},
              "--tp has no effect on start-ups; leave it out");
  check_usage(
      {"calibrate", "--engine", "llamacpp", "--data", "d", "--out", "o", "--linearisations", "2"},
      "--linearisations has no effect on llama.cpp: all machines and both held-out sets are "
      "always fitted; leave it out");
  check_usage({"calibrate", "--keep", "p.json", "--data", "d", "--out", "o", "--splits", "2"},
              "--splits has no effect with --keep; leave it out: the coefficients are not fitted");
  check_usage({"calibrate", "--engine", "vllm", "--host-from", "f", "--data", "d"},
              "--data has no effect with --host-from; leave it out: nothing but a host speed is "
              "printed");
  CHECK(ephemeris({"calibrate", "--engine", "vllm", "--host-from", "no/such.csv"}).code == 3);
  CHECK(ephemeris({"validate", "--runs", "no/such.csv"}).code == 3);
}

TEST_CASE("the ways of validating are kept apart") {
  check_usage({"validate", "--runs", "r.csv", "--cross", "k-fold"},
              "--cross and --runs are different questions; leave out one of the two");
  check_usage({"validate", "--runs", "r.csv", "--folds", "4"},
              "--folds has no effect with --runs; it goes with --cross");
  check_usage({"validate", "--runs", "r.csv", "--data", "d"},
              "--data has no effect with --runs; it goes with --cross");
  check_usage({"validate", "--cross", "k-fold", "--data", "d", "--profile", "p"},
              "--profile has no effect with --cross; it goes with --runs");
  check_usage({"validate", "--report", "r.md", "--json"},
              "--json has no effect with --report; it goes with --runs or --cross");
  check_usage(
      {"validate", "--data", "d"},
      "--data without --cross; add --cross with one of k-fold, random, leave-one-model-out, "
      "leave-one-tp-out, leave-one-engine-version-out, leave-one-instance-out, "
      "nothing-calibrated");
}

TEST_CASE("cross-validation says what it cannot do") {
  const std::vector<std::string> base{"validate", "--data", "d", "--cross"};
  const auto with = [&base](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  check_usage(
      with({"leave-one-modl-out"}),
      "--cross: \"leave-one-modl-out\" is no scheme; did you mean \"leave-one-model-out\"?");
  check_usage(with({"random", "--folds", "3"}),
              "--folds has no effect on random; choose --cross k-fold");
  check_usage(with({"k-fold", "--repeats", "3"}),
              "--repeats has no effect on k-fold; choose --cross random");
  check_usage(with({"k-fold", "--host-from-run"}),
              "--host-from-run has no effect on k-fold; choose --cross leave-one-instance-out");
  check_usage(with({"k-fold", "--engine", "sglangg"}),
              "--engine: \"sglangg\" is not known; did you mean \"sglang\"?");
  check_usage(with({"k-fold", "--engine", "vllm", "--engine", "vllm"}),
              "--engine: vllm is given twice");
  check_usage(with({"k-fold", "--protocol", "constnt"}),
              "--protocol: \"constnt\" is not known; did you mean \"constant\"?");
  check_usage(with({"k-fold", "--folds", "1"}), "--folds: 1 is out of range; use 2 to 1000");
  check_usage({"validate", "--cross", "k-fold"}, "no measured data is given; add --data FOLDER");
  CHECK(ephemeris(with({"k-fold"})).code == 3);
}

TEST_CASE("the report needs results, a template and directives that it knows") {
  check_usage({"validate", "--report", "r.md"},
              "no results are given; add --from FOLDER with JSON of validate");
  check_usage({"validate", "--report", "r.txt", "--from", "d"},
              "--report r.txt: no template is known; add --template FILE, or call the report "
              "something.md");
  CHECK(ephemeris({"validate", "--report", "no/such.md", "--from", "d"}).code == 3);
  spill_out("report.in.md", "# Title\n\n{{tabel k-fold engine}}\n");
  const std::string report = out_path("report.md");
  CHECK(ephemeris({"validate", "--report", report, "--from", "no/such"}).code == 3);
}

TEST_CASE("the catalogue is listed for people and for machines") {
  for (const char* kind :
       {"models", "gpus", "cpus", "engines", "profiles", "workloads", "networks", "prices"}) {
    const Finished text = ephemeris({"catalog", kind});
    CAPTURE(kind, text.err);
    CHECK(text.code == 0);
    CHECK(text.err.empty());
    const Finished json = ephemeris({"catalog", kind, "--json"});
    CHECK(json.code == 0);
    CHECK(json.out.starts_with("["));
  }
  // 2 x 32 layers x 8 KV heads x 128 x 2 bytes = 131072 bytes a token.
  const Finished detail =
      ephemeris({"catalog", "models", "meta-llama/Llama-3.1-8B-Instruct", "--json"});
  CHECK(detail.out.find("\"kv_bytes_per_token\": 131072,") != std::string::npos);
}
