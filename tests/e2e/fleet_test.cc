// Every option of a fleet changes the result, in the direction that it should.
#include <cmath>

#include "tests/e2e/fleet.h"

using namespace eph;
using namespace eph::test;

TEST_CASE("an autoscaler follows the load, and its settings act", "[fleet]") {
  const auto hpa = [](std::vector<std::string> more) {
    return simulate(
        with(with(kSwing, {"--autoscaler", "hpa", "--autoscale", "target=1", "--autoscale",
                           "stabilization_down=10s", "--start", "instant", "--replicas", "1"}),
             std::move(more)));
  };
  const Json plain = hpa({});
  CHECK(pool(plain, "peak_ready") > 2);
  CHECK(pool(plain, "least_ready") == 1);
  CHECK(pool(hpa({"--autoscale", "max_replicas=2"}), "peak_ready") == 2);
  CHECK(pool(hpa({"--autoscale", "min_replicas=4"}), "mean_ready") > pool(plain, "mean_ready"));
  // Late news keep the wrong number for longer.
  CHECK(ttft(hpa({"--autoscale", "scrape_delay=2min"}), "p99") > ttft(plain, "p99"));
}

TEST_CASE("each autoscaler runs a fleet", "[fleet]") {
  for (const std::vector<std::string>& policy :
       std::initializer_list<std::vector<std::string>>{{"hpa", "target=0.2"},
                                                       {"keda", "target=0.2"},
                                                       {"knative", "target=1"},
                                                       {"ray-serve", "max_replicas=5"},
                                                       {"serverless", "target_inputs=1"},
                                                       {"scheduled", "schedule=0s:2,4min:1"}}) {
    CAPTURE(policy.front());
    const Json run = simulate(with(kSwing, {"--autoscaler", policy[0], "--autoscale", policy[1],
                                            "--start-init", "5s", "--start-weights", "5s"}));
    CHECK(number(run, "counts/finished") == number(run, "counts/arrived"));
    CHECK((pool(run, "starts") > 0 || pool(run, "drained") > 0));
  }
}

TEST_CASE("a fixed autoscaler holds its number, whatever there is at the start", "[fleet]") {
  const auto fixed = [](std::vector<std::string> more) {
    return simulate(with(with(kSteady, {"--replicas", "2", "--autoscaler", "fixed"}), more));
  };
  // Without a number of its own it is no other than none.
  const Json plain = simulate(with(kSteady, {"--replicas", "2"}));
  CHECK(pool(fixed({}), "mean_ready") == 2);
  CHECK(ttft(fixed({}), "mean") == ttft(plain, "mean"));
  const Json dies =
      fixed({"--outage", "gpu 0 at 1min", "--start", "instant", "--failure-detection", "0s"});
  CHECK(pool(dies, "starts") == 1);
  CHECK(pool(dies, "mean_ready") > 1.99);
  // Two more start at once and serve after 6 s of the ten minutes; two of four go at once.
  const Json more =
      fixed({"--autoscale", "replicas=4", "--start-init", "5s", "--start-weights", "1s"});
  CHECK(pool(more, "starts") == 2);
  CHECK(pool(more, "mean_ready") ==
        Approx(4 - 2 * 6 / number(more, "last_finish_s")).epsilon(0.001));
  const Json fewer = fixed({"--autoscale", "replicas=1"});
  CHECK(pool(fewer, "drained") == 1);
  CHECK(pool(fewer, "mean_ready") == Approx(1));
  const Json none = fixed({"--replicas", "0", "--autoscale", "replicas=2", "--start", "instant"});
  CHECK(pool(none, "starts") == 2);
  const Json prefill =
      simulate(with(kSteady, {"--prefill-replicas", "1", "--prefill-autoscaler", "fixed",
                              "--prefill-autoscale", "replicas=3", "--start", "instant"}));
  CHECK(number(prefill, "fleet/pools/1/mean_ready") == Approx(3));
}

TEST_CASE("each part of a start lengthens it", "[fleet]") {
  const std::vector<std::string> zero =
      with(kSwing, {"--rate", "4", "--autoscaler", "serverless", "--replicas", "0",
                    "--max-in-flight", "4", "--start-weights", "1s", "--start-init", "2s"});
  const Json plain = simulate(zero);
  CHECK(pool(plain, "start_p50_s") == Approx(3));
  CHECK(pool(simulate(with(zero, {"--start-provision", "4s"})), "start_p50_s") == Approx(7));
  CHECK(pool(simulate(with(zero, {"--start-image", "4s"})), "start_p50_s") == Approx(7));
  CHECK(pool(simulate(with(zero, {"--start-init", "8s"})), "start_p50_s") == Approx(9));
  CHECK(pool(simulate(with(zero, {"--start-weights", "8s"})), "start_p50_s") == Approx(10));
  CHECK(pool(simulate(with(zero, {"--start-init", "2s/20s"})), "start_p95_s") > 4);
  const Json warm = simulate(with(zero, {"--warm-nodes", "20"}));
  CHECK(pool(warm, "warm_starts") == pool(warm, "starts"));
  CHECK(pool(warm, "start_p50_s") == Approx(2));
  CHECK(pool(warm, "gpu_hours") > pool(plain, "gpu_hours"));
}

TEST_CASE("the fitted start is the default, and clouds differ", "[fleet]") {
  const std::vector<std::string> zero =
      with(kSteady, {"--autoscaler", "serverless", "--replicas", "0"});
  const double fitted = pool(simulate(zero), "start_p50_s");
  CHECK(fitted > 30);
  CHECK(pool(simulate(with(zero, {"--cloud", "upcloud"})), "start_p50_s") != fitted);
  CHECK(pool(simulate(with(zero, {"--start", "instant"})), "start_p50_s") == 0);
}

TEST_CASE("outages kill, and their detection, retries and losses act", "[fleet]") {
  const std::vector<std::string> outage =
      with(kSteady, {"--replicas", "2", "--outage", "gpu 0 at 5min for 2min", "--rate", "20",
                     "--start", "instant"});
  const Json plain = simulate(outage);
  CHECK(pool(plain, "deaths") == 1);
  CHECK(number(plain, "fleet/retries") > 0);
  const double slowest = ttft(plain, "max");
  CHECK(slowest > 10'000);  // noticed after 10 s
  CHECK(ttft(simulate(with(outage, {"--failure-detection", "1s"})), "max") < 2'000);
  CHECK(ttft(simulate(with(outage, {"--retry-delay", "5s"})), "max") > slowest + 4'000);
  CHECK(number(simulate(with(outage, {"--lost-work", "lose"})), "counts/lost") > 0);
  CHECK(number(simulate(with(outage, {"--max-retries", "0"})), "counts/lost") > 0);
  // Two minutes of one replica of two, instead of an instant replacement.
  CHECK(pool(simulate(with(outage, {"--replace", "off"})), "ready_s") <
        pool(plain, "ready_s") - 100);
  CHECK(pool(simulate(with(outage, {"--outage", "node 0 at 6min for 1min"})), "deaths") == 3);
  CHECK(pool(simulate(
                 with(outage, {"--outage", "node 0 at 6min for 1min", "--replicas-per-node", "1"})),
             "deaths") == 2);
}

TEST_CASE("failures come by their rates", "[fleet]") {
  const std::vector<std::string> base =
      with(kSteady, {"--replicas", "8", "--start", "instant", "--duration", "2h"});
  const double gpu = pool(simulate(with(base, {"--gpu-mtbf", "4h"})), "deaths");
  CHECK(gpu >= 1);  // 4 expected
  CHECK(pool(simulate(with(base, {"--gpu-mtbf", "30min"})), "deaths") > gpu);
  const double node = pool(simulate(with(base, {"--node-mtbf", "30min"})), "deaths");
  CHECK(node >= 8);  // all 8 replicas stand on one node
  CHECK(pool(simulate(
                 with(base, {"--zone-mtbf", "30min", "--zones", "2", "--replicas-per-node", "1"})),
             "deaths") >= 4);
  const Json quick =
      simulate(with(base, {"--node-mtbf", "30min", "--replace", "off", "--node-repair", "1min"}));
  const Json slow =
      simulate(with(base, {"--node-mtbf", "30min", "--replace", "off", "--node-repair", "20min"}));
  CHECK(pool(quick, "ready_s") > pool(slow, "ready_s"));
  CHECK(pool(simulate(with(base, {"--gpu-mtbf", "4h", "--capacity", "8"})), "peak_ready") == 8);
}

TEST_CASE("spot machines go away, with or without enough notice", "[fleet]") {
  const std::vector<std::string> spot =
      with(kSteady, {"--replicas", "4", "--spot-reclaims-per-hour", "20", "--start-init", "1s",
                     "--start-weights", "1s", "--output-tokens", "400", "--rate", "2"});
  const Json warned = simulate(spot), surprised = simulate(with(spot, {"--spot-notice", "0s"}));
  CHECK(pool(warned, "starts") > 0);
  CHECK(pool(warned, "reclaims") > 0);
  CHECK(pool(warned, "deaths") == 0);  // 4 s of work, 120 s of notice
  CHECK(pool(surprised, "deaths") > 0);
  CHECK(number(surprised, "fleet/retries") > 0);
}

TEST_CASE("stragglers slow their requests down", "[fleet]") {
  const std::vector<std::string> two =
      with(kSteady, {"--replicas", "2", "--router", "round-robin"});
  const double plain = number(simulate(two), "latency_ms/tpot/p95");
  CHECK(number(simulate(with(two, {"--straggler", "replica 1 x3"})), "latency_ms/tpot/p95") >
        2 * plain);
  CHECK(number(simulate(with(two, {"--straggler", "replica 1 x3 from 1min to 70s"})),
               "latency_ms/tpot/p95") < 1.5 * plain);
  const double shared =
      number(simulate(with(two, {"--straggler-share", "1"})), "latency_ms/tpot/mean");
  CHECK(shared > 1.4 * number(simulate(two), "latency_ms/tpot/mean"));
  CHECK(number(simulate(with(two, {"--straggler-share", "1", "--straggler-factor", "4"})),
               "latency_ms/tpot/mean") > 2 * shared);
}

TEST_CASE("an upgrade replaces all replicas", "[fleet]") {
  const std::vector<std::string> upgrade = with(
      kSteady,
      {"--replicas", "3", "--upgrade-at", "2min", "--start-init", "20s", "--start-weights", "1s"});
  const Json one = simulate(upgrade);
  CHECK(pool(one, "starts") == 3);
  CHECK(pool(one, "peak_ready") == 4);
  CHECK(pool(one, "least_ready") == 3);
  CHECK(most_held(one) == 4);
  CHECK(most_held(simulate(with(upgrade, {"--upgrade-surge", "3"}))) == 6);
  CHECK(pool(simulate(with(upgrade, {"--upgrade-unavailable", "1"})), "least_ready") == 2);
  const Json cut =
      simulate(with(upgrade, {"--output-tokens", "3000", "--rate", "0.2", "--drain-limit", "1s"}));
  CHECK(number(cut, "fleet/retries") > 0);
}

TEST_CASE("the gateway holds and sheds", "[fleet]") {
  // Four times what one replica can do at one request at a time.
  const std::vector<std::string> busy =
      with(kSteady, {"--rate", "30", "--duration", "30s", "--max-in-flight", "1"});
  const Json held = simulate(busy);
  CHECK(number(held, "fleet/waited_in_gateway") > 0);
  CHECK(number(held, "counts/shed") == 0);
  const Json shed = simulate(with(busy, {"--queue-limit", "5"}));
  CHECK(number(shed, "counts/shed") > 100);
  CHECK(ttft(shed, "max") < ttft(held, "max"));
  const Json limited =
      simulate(with(kSteady, {"--rate", "30", "--duration", "30s", "--rate-limit", "10"}));
  CHECK(number(limited, "counts/finished") < 10 * 30 * 1.1);
  CHECK(number(simulate(with(kSteady, {"--rate", "30", "--duration", "30s", "--rate-limit", "10",
                                       "--rate-burst", "100"})),
               "counts/finished") > number(limited, "counts/finished") + 50);
}

TEST_CASE("classes are shed before others", "[fleet]") {
  std::string rows = "arrival_s,prompt_tokens,output_tokens,class\n";
  for (int i = 0; i < 200; ++i)
    rows += fmt::format("{},100,50,{}\n", i * 0.01, i % 2 == 0 ? "chat" : "batch");
  const std::string trace = spill_out("classes.csv", rows);
  const Json run = simulate({"--trace", trace, "--shed-class", "batch", "--shed-above", "10"});
  CHECK(number(run, "counts/shed") > 10);
  CHECK(number(run, "classes/0/shed") == 0);
  CHECK(number(run, "classes/1/shed") == number(run, "counts/shed"));
  CHECK(number(simulate({"--trace", trace, "--shed-class", "batch", "--shed-above", "40"}),
               "counts/shed") < number(run, "counts/shed"));
}

TEST_CASE("routers differ, and old news hurts", "[fleet]") {
  const std::vector<std::string> four = with(
      kSteady, {"--replicas", "4", "--rate", "60", "--duration", "2min", "--max-num-seqs", "2"});
  const auto p95 = [&](std::vector<std::string> more) {
    return ttft(simulate(with(four, std::move(more))), "p95");
  };
  const double least = p95({"--router", "least-outstanding"});
  CHECK(p95({"--router", "random"}) > 1.2 * least);
  CHECK(p95({"--router", "power-of-two"}) < p95({"--router", "random"}));
  CHECK(p95({"--router-staleness", "2s"}) > 1.2 * least);
  CHECK(p95({"--router", "least-tokens"}) < p95({"--router", "random"}));
  CHECK(p95({"--router", "session-affinity", "--load-bound", "1"}) <
        p95({"--router", "session-affinity", "--load-bound", "4"}));
}

TEST_CASE("routers that know prompts find more in the caches, and their settings act", "[fleet]") {
  const std::vector<std::string> talks{
      "--rate",          "3",  "--duration",      "3min", "--turns",          "6",
      "--think-time",    "5s", "--prompt-tokens", "400",  "--user-tokens",    "100",
      "--output-tokens", "60", "--replicas",      "4",    "--prefix-caching", "on"};
  const auto hits = [&](std::vector<std::string> more) {
    return number(simulate(with(talks, std::move(more))), "prefix_hit_rate");
  };
  const double blind = hits({"--router", "round-robin"});
  for (const char* router :
       {"prefix-hash", "cache-aware", "llm-d", "dynamo-kv", "session-affinity"}) {
    CAPTURE(router);
    CHECK(hits({"--router", router}) > blind + 0.05);
  }
  CHECK(hits({"--router", "llm-d", "--router-option", "prefix_cache_weight=0"}) <
        hits({"--router", "llm-d"}) - 0.05);
  CHECK(hits({"--router", "cache-aware", "--router-option", "cache_threshold=1"}) <
        hits({"--router", "cache-aware"}));
  CHECK(refused(with(talks, {"--router", "cache-aware", "--router-option", "threshold=1"}))
            .find("one of cache_threshold") != std::string::npos);
  CHECK(refused(with(talks, {"--router-option", "ttl=1"})).find("has no settings") !=
        std::string::npos);
}

TEST_CASE("prefill workers take prompts off those that decode, and their options act", "[fleet]") {
  // 200 ms of prompt each: prompts disturb the outputs of one replica that does both.
  const std::vector<std::string> base =
      with(kSteady, {"--prompt-tokens", "2000", "--output-tokens", "60", "--rate", "2",
                     "--replicas", "2", "--max-num-batched-tokens", "2048"});
  const auto p95 = [](const Json& run) { return number(run, "latency_ms/tpot/p95"); };
  const Json both = simulate(base), apart = simulate(with(base, {"--prefill-replicas", "2"}));
  CHECK(p95(apart) < 0.7 * p95(both));
  CHECK(number(apart, "fleet/handed_over") == number(apart, "counts/finished"));
  CHECK(ttft(simulate(with(base, {"--prefill-replicas", "1"})), "mean") > ttft(apart, "mean"));
  const auto moved = [](const Json& run) { return number(run, "fleet/transfer_mean_ms"); };
  // Nine GPUs stand on two nodes; four share one.
  const std::vector<std::string> split = with(base, {"--replicas", "6", "--prefill-replicas", "3"});
  CHECK(moved(simulate(split)) > 2 * moved(apart));
  CHECK(moved(simulate(with(split, {"--topology", "ethernet-100g"}))) > 2 * moved(simulate(split)));
  // Chunk by chunk, most has moved when the prompt is complete.
  const std::vector<std::string> chunks =
      with(split, {"--topology", "ethernet-100g", "--prefill-batched-tokens", "256"});
  CHECK(moved(simulate(with(chunks, {"--kv-flow", "push"}))) <
        0.5 * moved(simulate(with(chunks, {"--kv-flow", "pull"}))));
  CHECK(number(simulate(with(with(split, {"--local-prompt", "1000"}), {"--length-spread", "0.9"})),
               "fleet/handed_over") < 0.9 * number(apart, "counts/finished"));
  const Json wide = simulate(with(split, {"--prefill-tp", "2"}));
  CHECK(number(wide, "fleet/pools/1/gpus_per_replica") == 2);
  CHECK(number(simulate(with(split, {"--prefill-pp", "2"})), "fleet/pools/1/gpus_per_replica") ==
        2);
  const Json scaled =
      simulate(with(split, {"--prefill-replicas", "1", "--prefill-autoscaler", "hpa",
                            "--prefill-autoscale", "target=0.1", "--start", "instant"}));
  CHECK(number(scaled, "fleet/pools/1/starts") > 0);
  CHECK(refused(with(base, {"--kv-flow", "push"})).find("give --prefill-replicas too") !=
        std::string::npos);
  CHECK(refused(with(base, {"--topology", "dgx-h100"})).find("on replicas of one node") !=
        std::string::npos);
}

TEST_CASE("prefill workers keep KV as long as its lease runs", "[fleet]") {
  // Two at a time take 1.2 s for 60 tokens: at 4 requests/s KV waits for a decode worker.
  const std::vector<std::string> base =
      with(kSteady, {"--prompt-tokens", "1000", "--output-tokens", "60", "--duration", "1min",
                     "--prefill-replicas", "1", "--max-in-flight", "2"});
  const auto peak = [](const Json& run) { return number(run, "peak_kv_used"); };
  const Json usual = simulate(base), kept = simulate(with(base, {"--kv-lease", "0s"})),
             brief = simulate(with(base, {"--kv-lease", "1s"}));
  CHECK(usual.find("digest")->as_string() == kept.find("digest")->as_string());  // 480 s are long
  CHECK(usual.at_path("fleet/expired_leases") == nullptr);
  CHECK(number(brief, "fleet/expired_leases") > 0);
  CHECK(peak(brief) < 0.6 * peak(kept));
  CHECK(number(brief, "fleet/retries") > 0);
  const Json lost = simulate(with(base, {"--kv-lease", "1s", "--lost-work", "lose"}));
  CHECK(number(lost, "counts/lost") == number(lost, "fleet/expired_leases"));
  CHECK(refused(with(kSteady, {"--kv-lease", "1s"})).find("give --prefill-replicas too") !=
        std::string::npos);
  CHECK(refused(with(base, {"--kv-lease", "0s", "--lost-work", "lose"}))
            .find("where no replica is lost") != std::string::npos);
}

TEST_CASE("KV that vLLM's decode worker has already does not move again", "[fleet]") {
  const std::vector<std::string> base =
      with(kSteady, {"--prompt-tokens", "400", "--turns", "6", "--think-time", "2s", "--rate",
                     "0.5", "--duration", "3min", "--prefill-replicas", "1", "--replicas", "2",
                     "--router", "session-affinity"});
  const auto bytes = [](const Json& run) {
    return number(run, "fleet/moved_bytes") / number(run, "fleet/handed_over");
  };
  const Json spares = simulate(base),
             caches_nothing = simulate(with(base, {"--prefix-caching", "off"}));
  CHECK(number(spares, "fleet/spared_tokens") > 0);
  CHECK(number(caches_nothing, "fleet/spared_tokens") == 0);
  CHECK(bytes(spares) < 0.7 * bytes(caches_nothing));
  // 131,072 bytes a token in whole blocks of 16 (MODEL eq. 42).
  CHECK(std::fmod(number(spares, "fleet/moved_bytes"), 131072.0 * 16) == 0);
}

TEST_CASE("Dynamo's planner sets both kinds of workers", "[fleet]") {
  const std::vector<std::string> base = with(kSteady, {"--prompt-tokens",
                                                       "2000",
                                                       "--output-tokens",
                                                       "60",
                                                       "--rate",
                                                       "6",
                                                       "--prefill-replicas",
                                                       "1",
                                                       "--start",
                                                       "instant",
                                                       "--prefill-autoscaler",
                                                       "dynamo",
                                                       "--prefill-autoscale",
                                                       "isl=2000",
                                                       "--prefill-autoscale",
                                                       "osl=60",
                                                       "--prefill-autoscale",
                                                       "prefill_tps_per_gpu=8000",
                                                       "--prefill-autoscale",
                                                       "decode_tps_per_gpu=200",
                                                       "--prefill-autoscale",
                                                       "adjustment_interval=30s",
                                                       "--prefill-autoscale",
                                                       "max_gpu_budget=16"});
  const Json run = simulate(base);
  // 6 * 2000 / 8000 = 1.5 prefill workers, 6 * 60 / 200 = 1.8 decode workers: two each, as the rate
  // varies.
  CHECK(number(run, "fleet/pools/0/peak_ready") >= 2);
  CHECK(number(run, "fleet/pools/1/peak_ready") >= 2);
  CHECK(number(run, "fleet/pools/1/mean_ready") < 3);
  CHECK(number(simulate(with(base, {"--prefill-autoscale", "min_endpoint=4"})),
               "fleet/pools/0/mean_ready") > 3);
  CHECK(refused(with(base, {"--autoscaler", "hpa", "--autoscale", "target=1"}))
            .find("decode workers too") != std::string::npos);
}

TEST_CASE("a network between nodes prices replicas of several nodes", "[fleet]") {
  const auto tpot = [](const char* topology) {
    const Finished done =
        ephemeris({"simulate", "--model", "meta-llama/Llama-3.1-405B", "--tp", "16", "--rate",
                   "0.5", "--requests", "30", "--topology", topology, "--json"});
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return number(*parse_json(done.out, "simulate")->at_path("runs/0"), "latency_ms/tpot/mean");
  };
  CHECK(tpot("ethernet-100g") > 1.2 * tpot("dgx-h100"));
}

TEST_CASE("further pools take what their rules say", "[fleet]") {
  const auto pools = [](const std::string& rule, const std::string& more) {
    const std::string file = spill_out(
        "pools.json",
        fmt::format(
            R"({{"version": 1, "deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json",
        "kv_blocks": 2000, "max_model_len": 8192}}, "fleet": {{{}}}, "pools": [{{"name": "other", "replicas": 2{}}}],
        "workload": {{"synthetic": {{"rate": 20, "duration": "1 min", "prompt_tokens": 200, "length_spread": 0.9,
        "output_tokens": 20}}}}}})",
            rule, more));
    (void)linear_profile();
    const Finished done = ephemeris({"simulate", file, "--json"});
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return *parse_json(done.out, "simulate")->at_path("runs/0");
  };
  const auto first_share = [&](const std::string& rule) {
    const Json run = pools(rule, "");
    CHECK(number(run, "fleet/pools/1/start_replicas") == 2);
    return number(run, "latency_ms/ttft/p95");
  };
  // All to the first replica, or half of them to the two others.
  CHECK(first_share("\"max_prompt\": 200") < first_share("\"max_prompt\": 8000"));
  CHECK(first_share("\"min_prompt\": 200") < first_share("\"min_prompt\": 1"));
  CHECK(first_share("\"spill_above\": 3") < first_share("\"max_prompt\": 8000"));
  const Json wide = pools("\"max_prompt\": 200", ", \"tp\": 2");
  CHECK(number(wide, "fleet/pools/1/gpus_per_replica") == 2);
}

TEST_CASE("networks add their hops to what the client sees", "[fleet]") {
  const auto network = [](const std::string& name) {
    return simulate(with(kSteady, {"--network", name}));
  };
  const Json direct = network("direct"), edge = network("edge"),
             cloud = network("serverless-cloud");
  CHECK(ttft(direct, "p95") == Approx(number(direct, "latency_ms/engine_ttft/p95")));
  CHECK(ttft(edge, "p95") > ttft(direct, "p95"));
  CHECK(ttft(cloud, "p95") > ttft(direct, "p95") + 100);  // about 150 ms at p95
  CHECK(ttft(cloud, "p95") < ttft(direct, "p95") + 200);
  for (const char* name : {"same-region", "cross-region", "internet", "webrtc"})
    CHECK(ttft(network(name), "mean") > ttft(direct, "mean"));
}

TEST_CASE("isolation slows the host", "[fleet]") {
  const auto run = [](const char* factor) {
    const Finished done =
        ephemeris({"simulate", "--model", "meta-llama/Llama-3.1-8B-Instruct", "--rate", "1",
                   "--requests", "50", "--isolation", factor, "--json"});
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return ttft(*parse_json(done.out, "simulate")->at_path("runs/0"), "mean");
  };
  CHECK(run("1.5") > run("1"));
  CHECK(refused(with(kSteady, {"--isolation", "1.5"}))
            .find("isolation has no effect on a linear profile") != std::string::npos);
}
