// The commands about start-up times and machines without GPU.
#include <catch2/catch.hpp>

#include "tests/e2e/run.h"

using namespace eph::test;

TEST_CASE("startup says how long warm, cold and fresh starts take, in that order") {
  const Finished text = ephemeris(
      {"startup", "--model", "Llama-3.1-8B-Instruct", "--gpu", "h100-sxm", "--cloud", "gcp"});
  CHECK(text.code == 0);
  const auto warm = text.out.find("warm"), cold = text.out.find("cold"),
             fresh = text.out.find("fresh");
  REQUIRE(fresh != std::string::npos);
  CHECK(warm < cold);
  CHECK(cold < fresh);
  CHECK(text.out.find("warning") == std::string::npos);
  // 16.06 GB at 1 GB/s.
  const Finished fast = ephemeris({"startup", "--model", "Llama-3.1-8B-Instruct", "--download",
                                   "1 GB/s", "--engine", "sglang", "--json"});
  CHECK(fast.code == 0);
  CHECK(fast.out.find("\"download_s\": 16.06") != std::string::npos);
  CHECK(fast.out.find("no start-ups of SGLang were measured") != std::string::npos);
  const Finished wrong =
      ephemeris({"startup", "--model", "Llama-3.1-8B-Instruct", "--cloud", "gcpp"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("did you mean \"gcp\"?") != std::string::npos);
}

TEST_CASE("plan takes a machine without GPU as a replica and says that it knows no price") {
  const Finished plan =
      ephemeris({"plan",          "--engine",        "llamacpp",   "--gpu",
                 "m8a.24xlarge",  "--gpu",           "l4",         "--model",
                 "llama-2-7b-hf", "--dtype",         "q4_k_m",     "--arrivals",
                 "poisson",       "--rate",          "0.5",        "--prompt-tokens",
                 "200",           "--output-tokens", "60",         "--requests",
                 "100",           "--slo",           "p95_ttft=5s"});
  CHECK(plan.code == 0);
  CHECK(plan.out.find("no price of m8a.24xlarge is known") != std::string::npos);
  // The priced candidate stands first.
  CHECK(plan.out.find("llamacpp  l4") < plan.out.find("llamacpp  m8a.24xlarge"));
}

TEST_CASE("the catalogue lists machines without GPU and what was fitted of them") {
  const Finished one = ephemeris({"catalog", "cpus", "c7i-flex.12xlarge", "--json"});
  CHECK(one.code == 0);
  CHECK(one.out.find("\"kind\": \"sapphire-rapids\"") != std::string::npos);
  CHECK(one.out.find("\"measured\": true") != std::string::npos);
  const Finished wrong = ephemeris({"catalog", "cpus", "c7i-flex.12xlrage"});
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("did you mean \"c7i-flex.12xlarge\"?") != std::string::npos);
}
