// What an option of a fleet cannot do is refused, with its place, its value and what helps.
#include "tests/e2e/fleet.h"

using namespace eph;
using namespace eph::test;

TEST_CASE("what a fleet's option cannot do is refused with what it needs", "[fleet]") {
  const auto says = [](std::vector<std::string> more, std::string_view text) {
    const std::string err = refused(with(kSteady, std::move(more)));
    CAPTURE(err);
    CHECK(err.find(text) != std::string::npos);
  };
  says({"--autoscale", "target=1"},
       "--autoscale: has no effect without --autoscaler; give --autoscaler too");
  says({"--autoscaler", "hpa"}, "target");
  says({"--autoscaler", "hpa", "--autoscale", "tarqet=1"}, "tarqet");
  says({"--replicas", "0"}, "0 replicas serve nobody");
  says({"--start-init", "1s"}, "where no replica starts");
  says({"--autoscaler", "fixed", "--start-init", "1s"}, "where no replica starts");
  says({"--replicas", "0", "--autoscaler", "fixed"}, "give --autoscale replicas=N");
  says({"--autoscaler", "fixed", "--autoscale", "replicas=3", "--capacity", "2"},
       "machines for 2 replicas, and pool main has 3");
  says({"--autoscaler", "scheduled", "--autoscale", "schedule=30"},
       "as in 8h:10; a time without a unit is in seconds");
  says({"--autoscaler", "scheduled", "--autoscale", "schedule=0:2", "--autoscale",
        "scrape_delay=1s"},
       "scheduled has no setting \"scrape_delay\"");
  says({"--start-init", "5s/1s", "--gpu-mtbf", "1h"}, "95th percentile lies below the median");
  says({"--outage", "rack 1 at 2s for 1s"}, "is no outage; write");
  says({"--straggler", "replica x"}, "is no straggler; write");
  says({"--node-repair", "1min"}, "give --node-mtbf too");
  says({"--failure-detection", "1s"}, "where nothing breaks");
  says({"--router", "random", "--router-staleness", "1s"}, "has no effect on random");
  says({"--load-bound", "2"}, "choose --router session-affinity");
  says({"--network", "sidereal"}, "sidereal");
  says({"--upgrade-at", "1s", "--upgrade-surge", "0"}, "never begins");
  const std::string file =
      spill_out("fleet.json", R"({"version": 1, "fleet": {"outages": ["node 0"], "colour": 1}})");
  const Finished done = ephemeris({"simulate", file});
  CHECK(done.code == 2);
  CHECK(done.err.find("\"node 0\" is no outage") != std::string::npos);
  const Finished unknown = ephemeris({"simulate", file});
  CHECK(unknown.err.find("colour") != std::string::npos);
}

TEST_CASE("what would have no effect on a fleet is refused", "[fleet]") {
  const auto says = [](std::vector<std::string> more, std::string_view text) {
    const std::string err = refused(with(kSteady, std::move(more)));
    CAPTURE(err);
    CHECK(err.find(text) != std::string::npos);
  };
  const std::vector<std::string> two{"--replicas", "2", "--start", "instant"};
  const auto also = [&](std::vector<std::string> more) {
    more.insert(more.end(), two.begin(), two.end());
    return more;
  };
  says(also({"--outage", "node 1 at 5s for 5s"}), "there is no node 1; there is node 0 alone");
  says(also({"--outage", "node 2 at 5s for 5s", "--replicas-per-node", "1"}),
       "they are numbered 0 to 1");
  says(also({"--outage", "gpu 2 at 5s"}),
       "--outage: \"gpu 2 at 5s\": there is no replica 2; they are numbered 0 to 1");
  says(also({"--outage", "zone 1 at 5s"}), "there is no zone 1");
  says(also({"--outage", "gpu 0 of prefill at 5s"}), "there is no pool \"prefill\"");
  says(also({"--outage", "gpu 0 at 5s for 0s"}), "lasts no time");
  says(also({"--outage", "gpu 0 at 5s", "--replace", "off"}), "does not say how long");
  says({"--straggler", "replica 1 x 2"}, "there is no replica 1");
  says(also({"--gpu-mtbf", "1h", "--capacity", "1"}),
       "machines for 1 replicas, and pool main has 2");
  says({"--capacity", "1"}, "--capacity: has no effect where no replica starts");
  says(also({"--gpu-mtbf", "1h", "--zones", "2"}), "has no effect where no zone fails");
  says(also({"--gpu-mtbf", "1h", "--replicas-per-node", "2"}), "has no effect where no node fails");
  says({"--queue-limit", "3"}, "where no request ever waits in the gateway");
  says({"--gpu-mtbf", "5"}, "--gpu-mtbf: \"5\" has no unit; write \"5 s\", \"5 min\" or \"5 h\"");
  says({"--replicas", "0", "--autoscaler", "hpa", "--autoscale", "target=1"}, "never starts one");
  says({"--shed-class", "batch", "--shed-above", "1"}, "shed class \"batch\" of pool main");
  says({"--spot-reclaims-per-hour", "1", "--failure-detection", "1s"}, "where nothing breaks");
  says({"--upgrade-at", "1s", "--capacity", "1"}, "needs a place more than 1");
  says({"--gpu-mtbf", "1h", "--start-init", "0s/5s"}, "no lognormal time has a median of 0");
  says({"--gpu-mtbf", "1h", "--cloud", "upcloud", "--start-init", "1s", "--start-weights", "1s"},
       "where both times are given");
  says({"--placement", "spread"}, "give --nodes too");
  says({"--nodes", "2", "--gpu-mtbf", "1h", "--capacity", "9"},
       "--capacity: has no effect beside --nodes");
  says({"--nodes", "2", "--outage", "node 2 at 5s for 5s"},
       "there is no node 2; they are numbered 0 to 1");
  says({"--nodes", "2", "--outage", "node 0 of main at 5s for 5s"}, "leave the pool's name out");
  says({"--nodes", "1", "--replicas", "9"}, "replica 8 of pool main finds no machine");
  says({"--pool-order", "price"}, "without further pools");
  says({"--prefill-replicas", "0", "--prefill-tp", "2"},
       "--prefill-tp: has no effect where --prefill-replicas is 0");
  says({"--straggler-share", "0", "--straggler-factor", "2"}, "where --straggler-share is 0");
  says({"--gpu-mtbf", "0s", "--gpu-repair", "1min"}, "where --gpu-mtbf is 0");
  for (const char* setting :
       {"scrape-delay=5", "metric_delay=5", "prefill_gpus=2", "gpusPerDecode=2"})
    says({"--prefill-replicas", "1", "--prefill-autoscaler", "dynamo", "--prefill-autoscale",
          "mode=load", "--prefill-autoscale", setting},
         "has no effect here");
}

namespace {

std::string said(std::vector<std::string> more) {
  const Finished done = ephemeris(on_linear(with(kSteady, std::move(more))));
  CAPTURE(done.err);
  CHECK(done.code == 0);
  return done.out;
}

}  // namespace

TEST_CASE("a duration that nobody waits for is warned of, where it would have ended", "[fleet]") {
  const auto warns = [](std::vector<std::string> more) {
    return said(with({"--replicas", "2", "--start", "instant"}, more))
               .find("repairs and outages last changes nothing") != std::string::npos;
  };
  CHECK(warns({"--outage", "gpu 0 at 5s for 5s"}));
  CHECK(warns({"--gpu-mtbf", "5min", "--gpu-repair", "1min"}));
  CHECK_FALSE(warns({"--outage", "gpu 0 at 5s"}));
  CHECK_FALSE(warns({"--outage", "gpu 0 at 5s for 1h"}));  // the run is over after ten minutes
  CHECK_FALSE(warns({"--outage", "gpu 0 at 1h for 1h"}));
  CHECK_FALSE(warns({"--gpu-mtbf", "9999h", "--gpu-repair", "5min"}));  // nothing breaks
  CHECK_FALSE(warns({"--outage", "gpu 0 at 5s for 5s", "--replace", "off"}));
}

TEST_CASE("what was to happen after the end of the run is warned of", "[fleet]") {
  const auto says = [](std::vector<std::string> more, std::string_view text) {
    const std::string out = said(std::move(more));
    CAPTURE(out);
    CHECK(out.find(text) != std::string::npos);
  };
  says({"--prefill-replicas", "1", "--local-prompt", "1000"},
       "no prompt was computed by the prefill workers");
  const std::vector<std::string> base{"--replicas", "2", "--start", "instant"};
  says(with(base, {"--upgrade-at", "2h"}),
       "the upgrade at 7200 s never came: the run was over before");
  says(with(base, {"--outage", "gpu 1 at 30min"}), "the outage \"gpu 1 at 30min\" never came");
  says({"--straggler", "replica 0 x 2 from 1h"},
       "the straggler \"replica 0 x 2 from 1h\" never came");
  says(with(base, {"--autoscaler", "scheduled", "--autoscale", "schedule=0:2,1h:3,2h:4"}),
       "the schedule from 3600 s on never came");
  says(with(base,
            {"--autoscaler", "hpa", "--autoscale", "target=1", "--autoscale", "sync_period=20min"}),
       "the autoscaler of pool main never decided");
  says(
      {"--replicas", "2", "--upgrade-at", "5min", "--start-init", "20min", "--start-weights", "1s"},
      "the upgrade of pool main was not complete when the run ended: old replicas were left");
  const std::string fine = said(with(base, {"--upgrade-at", "1min", "--outage", "gpu 1 at 3min",
                                            "--autoscaler", "hpa", "--autoscale", "target=1"}));
  for (const char* text : {"never came", "never decided", "not complete"})
    CHECK(fine.find(text) == std::string::npos);
}

TEST_CASE("what a stranger may get wrong about a fleet is said", "[fleet]") {
  CHECK(refused(with(kSteady, {"--gpu-mtbf", "1h", "--cloud", "azur"}))
            .find("no start-up was measured on \"azur\"; did you mean \"azure\"?") !=
        std::string::npos);
  // Eight replicas of one GPU fill a node before the next one is begun.
  const std::vector<std::string> zones{"--replicas", "4", "--zones", "2", "--zone-mtbf", "1h"};
  CHECK(said(zones).find("pool main stands in 1 of 2 zones") != std::string::npos);
  CHECK(said(with(zones, {"--replicas-per-node", "2"})).find("of 2 zones") == std::string::npos);
  (void)linear_profile();
  const auto pools = [](const std::string& fleet) {
    const std::string file = spill_out("idle-pool.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json", "kv_blocks": 2000, "max_model_len": 8192}},
"fleet": {{{}}}, "pools": [{{"name": "second"}}],
"workload": {{"synthetic": {{"rate": 2, "duration": "20 s", "prompt_tokens": 100, "length_spread": 0.5, "output_tokens": 20}}}}}})",
                                                                     fleet));
    const Finished done = ephemeris({"simulate", file});
    return done.out + done.err;
  };
  CHECK(pools("").find("pool second got no request") != std::string::npos);
  CHECK(pools(R"("max_prompt": 100)").find("got no request") == std::string::npos);
  CHECK(
      pools(R"("autoscaler": "hpa", "autoscale": {"target": 4})").find("write [\"NAME=VALUE\"]") !=
      std::string::npos);
}

TEST_CASE("faults that meet nobody are counted", "[fleet]") {
  // Both replicas start for ten seconds after one node of both has failed; the second outage meets
  // none.
  const Json run = simulate(
      with(kSteady, {"--replicas", "1", "--start-init", "1min", "--start-weights", "1s", "--outage",
                     "gpu 0 at 5s", "--outage", "gpu 0 at 10s", "--failure-detection", "20s"}));
  CHECK(number(run, "fleet/aimless_faults") == 1);
}

TEST_CASE("pools that can never act are refused where they stand", "[fleet]") {
  const auto says = [](const std::string& fleet, const std::string& pools, std::string_view text) {
    const std::string file = spill_out("bad-pools.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json"}},
"fleet": {{{}}}, "pools": [{}],
"workload": {{"synthetic": {{"rate": 1, "requests": 5}}}}}})",
                                                                     fleet, pools));
    (void)linear_profile();
    const Finished done = ephemeris({"simulate", file});
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.find(text) != std::string::npos);
  };
  says("", R"({"replicas": 0})",
       "/pools/0/replicas: pool \"pool 1\" has 0 replicas, which serve nobody");
  says("", R"({"min_prompt": 9, "max_prompt": 8})",
       "/pools/0/max_prompt: no prompt is at least 9 and at most 8");
  says(R"("min_prompt": 9, "max_prompt": 8)", R"({"tp": 1})", "/fleet/max_prompt: no prompt");
  says("", R"({"classes": ["batch"]})",
       "class \"batch\" of pool pool 1: no request of that class was sent");
  says("", R"({"name": "a"}, {"name": "a"})", "/pools/1/name: two pools are called \"a\"");
  says("", R"({"spill_above": 3})", "/pools/0/spill_above: has no effect on the last pool");
  says("", R"({"chunk_tokens": 64})", "/pools/0/chunk_tokens: has no effect on vllm");
  says(R"("nodes": 4)", R"({"gpu": "a100-80gb-sxm"})",
       "/pools/0/gpu: all pools stand on the same nodes");
}
