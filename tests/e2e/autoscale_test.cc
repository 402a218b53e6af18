#include <algorithm>
#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <sstream>

#include "core/text.h"
#include "tests/e2e/run.h"

using namespace eph::test;

namespace {

std::string series() {
  return spill_out("series.csv",
                   "t_s,in_flight,queued,ready_replicas,rps\n0,10,0,1,1\n30,30,10,1,4\n90,10,0,4,"
                   "1\n100,10,0,4,1\n");
}

}  // namespace

TEST_CASE("autoscale prints every decision of a policy over a series") {
  // Target 10: one until 30 s, then 40 = in flight + queued: min(4, 1 + 4); 300 s of stabilisation
  // keep it.
  const Finished done =
      ephemeris({"autoscale", "--policy", "hpa", "--set", "target=10", "--series", series()});
  CHECK(done.err.empty());
  CHECK(done.code == 0);
  CHECK(done.out == "t_s,desired\n15,1\n30,4\n45,4\n60,4\n75,4\n90,4\n");
}

TEST_CASE("settings are understood in the spelling of their documentation") {
  for (const char* name : {"maxReplicas=2", "max_replicas=2", "max-replicas=2"}) {
    const Finished done = ephemeris({"autoscale", "--policy", "hpa", "--set", "target=10", "--set",
                                     name, "--series", series()});
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
  CHECK(error({"--policy", "hpa", "--set", "target=1"})
            .find("2 ephemeris: error: no series is given") == 0);
  CHECK(error({"--policy", "kead", "--series", good}).find("did you mean \"keda\"?") !=
        std::string::npos);
  CHECK(error({"--policy", "hpa", "--series", good}).find("hpa has no target; give target=N") !=
        std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "targt=1", "--series", good})
            .find("did you mean \"target\"?") != std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "target=-1", "--series", good})
            .find("target: \"-1\"; give a number above 0") != std::string::npos);
  CHECK(error({"--policy", "hpa", "--set", "target=1", "--set", "target=2", "--series", good})
            .find("set twice") != std::string::npos);
  CHECK(error({"--policy", "dynamo", "--set", "mode=load", "--set", "isl=9", "--series", good})
            .find("isl has no effect with mode=load") != std::string::npos);
  CHECK(error({"--policy", "knative", "--set", "metric=rps", "--set", "container_concurrency=9",
               "--series", good})
            .find("container_concurrency has no effect with metric=rps") != std::string::npos);
  CHECK(error({"--policy", "knative", "--series", "absent.csv"})
            .find("3 ephemeris: error: absent.csv") == 0);
  const std::string lacking = spill_out("lacking.csv", "t_s,in_flight\n0,1\n");
  CHECK(error({"--policy", "knative", "--series", lacking}).find("there is no column queued") !=
        std::string::npos);
  const std::string back =
      spill_out("back.csv", "t_s,in_flight,queued,ready_replicas,rps\n5,1,0,1,1\n4,1,0,1,1\n");
  CHECK(
      error({"--policy", "knative", "--series", back}).find(":3: t_s is 4, before the row above") !=
      std::string::npos);
}

TEST_CASE("the README shows a command for each policy, and each runs on the five columns alone") {
  std::ifstream readme(EPH_SOURCE_DIR "/README.md");
  std::set<std::string> shown;
  int runs = 0;
  for (std::string line; std::getline(readme, line);) {
    const std::string prefix = "$ ephemeris autoscale ";
    if (line.rfind(prefix, 0) != 0) continue;
    std::vector<std::string> words{"autoscale"};
    std::istringstream rest(line.substr(prefix.size()));
    for (std::string word; rest >> word;)
      words.push_back(word == "examples/load.csv" ? EPH_SOURCE_DIR "/examples/load.csv" : word);
    const Finished done = ephemeris(words);
    CAPTURE(line, done.err);
    CHECK(done.code == 0);
    CHECK(done.err.empty());
    CHECK(std::count(done.out.begin(), done.out.end(), '\n') > 3);
    REQUIRE(words.size() > 2);
    shown.insert(words[2]);
    ++runs;
  }
  CHECK(shown ==
        std::set<std::string>{"dynamo", "hpa", "keda", "knative", "ray-serve", "serverless"});
  CHECK(runs == 7);
}

TEST_CASE("Dynamo's planner by load takes the KV in use from a column or from what fills a cache") {
  const auto run = [](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> words{"autoscale", "--policy", "dynamo", "--set",
                                   "mode=load", "--series", file};
    words.insert(words.end(), more.begin(), more.end());
    return ephemeris(words);
  };
  const std::string five =
      spill_out("five.csv",
                "t_s,in_flight,queued,ready_replicas,rps\n0,19,0,2,1\n30,19,0,2,1\n60,19,0,2,1\n");
  // One of two decodes. 19 of 20 requests are 0.95 of its cache, above 0.9: a decode worker more
  // each time. Of 40 they are 0.475, below 0.5, but there is one decode worker alone.
  CHECK(run(five, {"--kv-requests", "20"}).out == "t_s,desired\n30,3\n60,4\n");
  CHECK(run(five, {"--kv-requests", "40"}).out == "t_s,desired\n30,2\n60,2\n");
  const std::string six = spill_out(
      "six.csv",
      "t_s,in_flight,queued,ready_replicas,rps,kv_usage\n0,19,0,2,1,0.95\n60,19,0,2,1,0.95\n");
  CHECK(run(six, {}).out == "t_s,desired\n30,3\n60,4\n");
  const auto says = [&](const Finished& done, std::string_view text) {
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.find(text) != std::string::npos);
  };
  const std::string percents = spill_out(
      "percents.csv", "t_s,in_flight,queued,ready_replicas,rps,kv_usage\n0,19,0,2,1,95\n");
  says(run(percents, {}), ":2: kv_usage is 95; it is a share, from 0 to 1");
  says(run(five, {}), "give --kv-requests N");
  says(run(six, {"--kv-requests", "20"}), "has no effect beside the series' column kv_usage");
  says(run(five, {"--kv-requests", "none"}), "--kv-requests: \"none\"; give a number above 0");
  says(ephemeris({"autoscale", "--policy", "hpa", "--set", "target=1", "--kv-requests", "2",
                  "--series", five}),
       "has no effect without dynamo's load mode");
  says(ephemeris({"autoscale", "--policy", "dynamo", "--series", five}),
       "or --set mode=load with --kv-requests N or a column kv_usage");
}

TEST_CASE("a fixed number is the series' own, or the one that is given") {
  CHECK(ephemeris({"autoscale", "--policy", "fixed", "--series", series()}).out ==
        "t_s,desired\n0,1\n");
  CHECK(ephemeris({"autoscale", "--policy", "fixed", "--set", "replicas=3", "--series", series()})
            .out == "t_s,desired\n0,3\n");
  const Finished late = ephemeris(
      {"autoscale", "--policy", "fixed", "--set", "scrape_delay=5", "--series", series()});
  CHECK(late.err.find("fixed has no setting \"scrape_delay\"") != std::string::npos);
}

TEST_CASE("settings that others leave without effect are refused, in any spelling") {
  const std::string file = series();
  const auto says = [&](std::vector<std::string> settings, std::string_view text) {
    std::vector<std::string> words{"autoscale", "--series", file, "--policy", settings.front()};
    for (std::size_t i = 1; i < settings.size(); ++i)
      words.insert(words.end(), {"--set", settings[i]});
    const Finished done = ephemeris(words);
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.find(text) != std::string::npos);
  };
  says({"hpa", "target=1", "tolerance_up=0.3", "tolerance=0.2"},
       "tolerance_up has no effect beside tolerance");
  says({"hpa", "target=1", "downPodsPeriod=30"},
       "down_pods_period has no effect where down_pods is 0; give down_pods too");
  says({"hpa", "target=1", "up_select=disabled", "up_pods=3"},
       "up_pods has no effect with up_select=disabled");
  says({"keda", "target=1", "min_replicas=2", "cooldown=60"},
       "cooldown_period has no effect where 2 replicas always stay");
  says({"keda", "target=1", "idle_replicas=0"}, "give min_replica_count=1 or more");
  says({"knative", "min-scale=1", "scaleToZeroGracePeriod=5"},
       "scale_to_zero_grace_period has no effect");
  says({"ray-serve", "downscale_to_zero_delay_s=5"}, "give min_replicas=0");
  says({"ray-serve", "smoothing_factor=2", "upscaling_factor=3"},
       "upscaling_factor has no effect beside smoothing_factor");
}
