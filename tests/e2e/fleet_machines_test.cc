// Nodes that replicas are placed on, and outages in other pools than the first.
#include "tests/e2e/fleet.h"

using namespace eph;
using namespace eph::test;

TEST_CASE("packing and spreading change what a node takes with it", "[fleet]") {
  const std::vector<std::string> four =
      with(kSteady, {"--replicas", "4", "--tp", "2", "--nodes", "2", "--start", "instant",
                     "--outage", "node 0 at 5min for 1min"});
  CHECK(pool(simulate(four), "deaths") == 4);  // eight GPUs, one node
  CHECK(pool(simulate(with(four, {"--placement", "spread"})), "deaths") == 2);
  CHECK(pool(simulate(with(four, {"--replicas", "2", "--anti-affinity", "node"})), "deaths") == 1);
  // dgx-h100 has four nodes a rack: two replicas need five nodes.
  CHECK(refused(with(four, {"--replicas", "2", "--anti-affinity", "rack"}))
            .find("finds no machine") != std::string::npos);
  CHECK(pool(simulate(with(four, {"--replicas", "2", "--anti-affinity", "rack", "--nodes", "5"})),
             "deaths") == 1);
  // A zone of two has every second node.
  const std::vector<std::string> zone = with(kSteady, {"--replicas", "4", "--tp", "8", "--nodes",
                                                       "4", "--start", "instant", "--zones", "2"});
  CHECK(pool(simulate(with(zone, {"--outage", "zone 0 at 5min for 1min"})), "deaths") == 2);
}

TEST_CASE("a replica waits for a whole node", "[fleet]") {
  const std::vector<std::string> growing =
      with(kSteady, {"--tp", "8", "--nodes", "2", "--start", "instant", "--autoscaler", "scheduled",
                     "--autoscale", "schedule=0s:1,1min:3"});
  const Json tight = simulate(growing);
  CHECK(pool(tight, "peak_ready") == 2);
  CHECK(pool(tight, "no_room") == 1);
  CHECK(number(tight, "fleet/peak_gpus") == 16);
  const Json wide = simulate(with(growing, {"--nodes", "3"}));
  CHECK(pool(wide, "peak_ready") == 3);
  CHECK(pool(wide, "no_room") == 0);
}

TEST_CASE("node failures come by their rate, and their repairs are waited for", "[fleet]") {
  const std::vector<std::string> base =
      with(kSteady, {"--replicas", "2", "--tp", "8", "--nodes", "2", "--start", "instant",
                     "--duration", "4h", "--node-mtbf", "30min"});
  const double quick = pool(simulate(with(base, {"--node-repair", "1min"})), "ready_s");
  CHECK(quick > pool(simulate(with(base, {"--node-repair", "20min"})), "ready_s") + 1000);
  CHECK(pool(simulate(with(base, {"--nodes", "3", "--node-repair", "20min"})), "ready_s") >
        pool(simulate(with(base, {"--node-repair", "20min"})), "ready_s") + 1000);  // one stands by
}

TEST_CASE("where workers stand decides what their KV moves over", "[fleet]") {
  const std::vector<std::string> base =
      with(kSteady, {"--prompt-tokens", "2000", "--output-tokens", "20", "--rate", "2",
                     "--replicas", "1", "--prefill-replicas", "1", "--nodes", "2"});
  const auto moved = [](const Json& run) { return number(run, "fleet/transfer_mean_ms"); };
  const double packed = moved(simulate(base)),
               apart = moved(simulate(with(base, {"--placement", "spread"})));
  CHECK(apart > 2 * packed);
  CHECK(moved(simulate(with(base, {"--placement", "spread", "--topology", "ethernet-100g"}))) >
        2 * apart);
}

TEST_CASE("outages and stragglers name the workers that they are of", "[fleet]") {
  const std::vector<std::string> split =
      with(kSteady, {"--prompt-tokens", "2000", "--output-tokens", "60", "--rate", "3",
                     "--prefill-replicas", "2", "--replicas", "2"});
  const auto deaths = [&](const char* outage) {
    const Json run = simulate(with(split, {"--outage", outage, "--start", "instant"}));
    return std::pair(number(run, "fleet/pools/0/deaths"), number(run, "fleet/pools/1/deaths"));
  };
  CHECK(deaths("gpu 1 at 5min") == std::pair(1.0, 0.0));
  CHECK(deaths("gpu 1 of decode at 5min") == std::pair(1.0, 0.0));
  CHECK(deaths("gpu 1 of prefill at 5min") == std::pair(0.0, 1.0));
  const Json plain = simulate(split);
  CHECK(ttft(simulate(with(split, {"--straggler", "replica 0 of prefill x 3"})), "mean") >
        1.3 * ttft(plain, "mean"));
  CHECK(number(simulate(with(split, {"--straggler", "replica 0 x 3"})), "latency_ms/tpot/mean") >
        1.3 * number(plain, "latency_ms/tpot/mean"));
}

TEST_CASE("explain divides what fleets add to a request's time", "[fleet]") {
  const auto parts = [](std::vector<std::string> more) {
    std::vector<std::string> words = on_linear(with(kSteady, std::move(more)));
    words.front() = "explain";
    words.insert(words.end(), {"--json", "--percentile", "100"});
    const Finished done = ephemeris(words);
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    const Json json = *parse_json(done.out, "explain");
    double sum = 0;
    for (const auto& [part, ns] : json.at_path("parts_ns/whole")->members())
      if (part != "total") sum += ns.as_double();
    CHECK(sum == json.at_path("request/e2e_ns")->as_double());
    return *json.at_path("parts_ns/to_first_token");
  };
  const Json cold = parts({"--autoscaler", "serverless", "--replicas", "0", "--start-init", "5s",
                           "--start-weights", "3s"});
  CHECK(number(cold, "cold_start") >= 8e9);
  const Json dead =
      parts({"--replicas", "2", "--outage", "gpu 0 at 5min", "--rate", "20", "--start", "instant"});
  CHECK(number(dead, "retry") >= 1e10);  // noticed after ten seconds
  const Json held = parts({"--rate", "30", "--duration", "30s", "--max-in-flight", "1"});
  CHECK(number(held, "gateway") > 1e9);
  const Json split =
      parts({"--prompt-tokens", "2000", "--prefill-replicas", "2", "--replicas", "7"});
  CHECK(number(split, "transfer") > 0);
}
