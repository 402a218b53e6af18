#include <catch2/catch.hpp>

#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

std::string series() {
  return spill_out("series.csv",
                    "t_s,in_flight,queued,ready_replicas,rps\n0,10,0,1,1\n30,30,10,1,4\n90,10,0,4,1\n100,10,0,4,1\n");
}

}  // namespace

TEST_CASE("autoscale prints every decision of a policy over a series") {
  // Target 10: one until 30 s, then 40 = in flight + queued: min(4, 1 + 4); 300 s of stabilisation keep it.
  const Finished done = ephemeris({"autoscale", "--policy", "hpa", "--set", "target=10", "--series", series()});
  CHECK(done.err.empty());
  CHECK(done.code == 0);
  CHECK(done.out == "t_s,desired\n15,1\n30,4\n45,4\n60,4\n75,4\n90,4\n");
}

TEST_CASE("settings are understood in the spelling of their documentation") {
  for (const char* name : {"maxReplicas=2", "max_replicas=2", "max-replicas=2"}) {
    const Finished done =
        ephemeris({"autoscale", "--policy", "hpa", "--set", "target=10", "--set", name, "--series", series()});
    CHECK(done.out == "t_s,desired\n15,1\n30,2\n45,2\n60,2\n75,2\n90,2\n");
  }
}

TEST_CASE("what autoscale cannot use is one error") {
  const auto error = [](std::vector<std::string> words) {
    words.insert(words.begin(), "autoscale");
    const Finished done = ephemeris(words);
    CHECK(done.out.empty());
    return fmt::format("{} {}", done.code, done.err);
  };
  const std::string good = series();
  CHECK(error({"--series", good}).find("2 ephemeris: error: no autoscaler is given") == 0);
  CHECK(error({"--policy", "hpa", "--set", "target=1"}).find("2 ephemeris: error: no series is given") == 0);
  CHECK(error({"--policy", "kead", "--series", good}).find("did you mean \"keda\"?") != std::string::npos);
  CHECK(error({"--policy", "hpa", "--series", good}).find("hpa has no target; give target=N") != std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "targt=1", "--series", good}).find("did you mean \"target\"?") !=
        std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "target=-1", "--series", good}).find("target: \"-1\"; give a number above 0") !=
        std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "target=1", "--set", "target=2", "--series", good}).find("set twice") !=
        std::string::npos);
  CHECK(error({"--policy", "dynamo", "--set", "mode=load", "--set", "isl=9", "--series", good})
            .find("isl has no effect with mode=load") != std::string::npos);
  CHECK(error({"--policy", "knative", "--set", "metric=rps", "--set", "container_concurrency=9", "--series", good})
            .find("container_concurrency has no effect with metric=rps") != std::string::npos);
  CHECK(error({"--policy", "knative", "--series", "absent.csv"}).find("3 ephemeris: error: absent.csv") == 0);
  const std::string lacking = spill_out("lacking.csv", "t_s,in_flight\n0,1\n");
  CHECK(error({"--policy", "knative", "--series", lacking}).find("there is no column queued") != std::string::npos);
  const std::string back =
      spill_out("back.csv", "t_s,in_flight,queued,ready_replicas,rps\n5,1,0,1,1\n4,1,0,1,1\n");
  CHECK(error({"--policy", "knative", "--series", back}).find(":3: t_s is 4, before the row above") != std::string::npos);
}
