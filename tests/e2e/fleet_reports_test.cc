// What simulate and sweep say of fleets.
#include "core/text.h"
#include "tests/e2e/fleet.h"

using namespace eph;
using namespace eph::test;

namespace {

// Two pools: prompts of up to 200 tokens on one replica, the others on two.
std::string two_pools(const std::string& fleet = R"("max_prompt": 200)") {
  (void)linear_profile();
  return spill_out("two-pools.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json", "kv_blocks": 2000, "max_model_len": 8192}},
"fleet": {{{}}}, "pools": [{{"name": "long", "replicas": 2, "max_num_seqs": 7}}],
"workload": {{"synthetic": {{"rate": 20, "duration": "1 min", "prompt_tokens": 200, "length_spread": 0.9, "output_tokens": 20}}}}}})",
                                                 fleet));
}

Json run_of(const std::vector<std::string>& words) {
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  return *parse_json(done.out, "simulate");
}

}  // namespace

TEST_CASE("pools are described, counted and timed apart", "[fleet]") {
  const std::string requests = out_path("pools.csv"), series = out_path("pools-series.csv");
  const Json all = run_of(
      {"simulate", two_pools(), "--json", "--requests-out", requests, "--series-out", series});
  const Json run = *all.at_path("runs/0");
  CHECK(all.at_path("deployment/name")->as_string() == "main");
  CHECK(all.at_path("deployment/pools/0/name")->as_string() == "long");
  CHECK(all.at_path("deployment/pools/0/max_num_seqs")->as_int() == 7);
  CHECK(all.at_path("deployment/pools/0/gpu")->as_string() == "h100-sxm");
  CHECK(all.at_path("deployment/gpus")->as_int() == 3);
  const double first = number(run, "fleet/pools/0/finished"),
               second = number(run, "fleet/pools/1/finished");
  CHECK(first > 0);
  CHECK(second > 0);
  CHECK(first + second == number(run, "counts/finished"));
  CHECK(number(run, "fleet/pools/0/output_tokens") + number(run, "fleet/pools/1/output_tokens") ==
        number(run, "counts/output_tokens"));
  CHECK(number(run, "fleet/pools/0/latency_ms/ttft/count") == first);
  // A prompt of up to 200 tokens computes in 30 ms at most, a longer one takes more.
  CHECK(number(run, "fleet/pools/0/latency_ms/ttft/p50") <
        number(run, "fleet/pools/1/latency_ms/ttft/p50"));
  CHECK(run.at_path("fleet/pools/1/series")->items().size() ==
        run.at_path("series")->items().size());
  CHECK(run.at_path("fleet/pools/1/series/0/0")->as_int() == 2);  // ready
  // The files name the pools.
  std::vector<std::string_view> lines;
  const std::string text = slurp(requests);
  for (const std::string_view line : split(text, '\n'))
    if (!line.empty()) lines.push_back(line);
  CHECK(lines.front().ends_with(",status,class,pool"));
  std::size_t longer = 0;
  for (std::size_t i = 1; i < lines.size(); ++i)
    longer += lines[i].ends_with(",finished,,long") ? 1 : 0;
  CHECK(static_cast<double>(longer) == second);
  CHECK(slurp(series).find(
            "main:ready,main:held,main:gateway,main:waiting,main:running,long:ready") !=
        std::string::npos);
}

TEST_CASE("the cheaper pool is asked first if that is wanted", "[fleet]") {
  (void)linear_profile();
  const auto first = [](const std::string& order) {
    const std::string file = spill_out("priced.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json", "kv_blocks": 2000, "max_model_len": 8192, "tp": 2}},
"fleet": {{"pool_order": "{}", "spill_above": 4}}, "pools": [{{"name": "one GPU", "tp": 1}}],
"workload": {{"synthetic": {{"rate": 10, "duration": "1 min", "prompt_tokens": 100, "output_tokens": 20}}}}}})",
                                                                  order));
    const Json all = run_of({"simulate", file, "--json"});
    return number(*all.at_path("runs/0"), "fleet/pools/0/finished");
  };
  // One GPU-hour costs less than two: the second pool takes all, as it has no limit.
  CHECK(first("file") > 100);
  CHECK(first("price") == 0);
}

TEST_CASE("text says what fleets' requests came to", "[fleet]") {
  const auto text = [](std::vector<std::string> more) {
    const Finished done = ephemeris(on_linear(with(kSteady, std::move(more))));
    CAPTURE(done.err);
    CHECK(done.code == 0);
    return done.out;
  };
  const auto has = [](const std::string& out, std::string_view what) {
    CAPTURE(out);
    CHECK(out.find(what) != std::string::npos);
  };
  // Nothing starts before the horizon: nothing has a latency.
  const std::string none =
      text({"--autoscaler", "serverless", "--replicas", "0", "--start-weights", "1h",
            "--start-init", "1h", "--horizon", "60s", "--slo", "p95_ttft=1s"});
  has(none, "-  MISSED: nothing finished");
  has(none, "requests waited there in vain");
  const std::string shed =
      text({"--rate", "30", "--duration", "30s", "--max-in-flight", "1", "--queue-limit", "5",
            "--slo", "p95_ttft=10s", "--slo", "mean_ttft=10s"});
  has(shed, "MISSED: only ");
  has(shed, "met, ");
  const std::string lost =
      text({"--replicas", "2", "--outage", "gpu 0 at 5min", "--rate", "20", "--start", "instant"});
  has(lost, " output tokens for nothing");
  const std::string cpu = ephemeris({"simulate", EPH_SOURCE_DIR "/examples/cpu-and-gpu.json"}).out;
  has(cpu, "2 instances");
  has(cpu, "instance-hours");
  has(cpu, "pool h100: ");
}

TEST_CASE("work that replicas took with them is reported", "[fleet]") {
  // 3,000 prompt tokens take 310 ms; at 60 s the replica dies in the middle of some.
  const Json run =
      simulate({"--rate", "2", "--duration", "2min", "--prompt-tokens", "3000", "--output-tokens",
                "400", "--replicas", "2", "--outage", "gpu 0 at 1min", "--start", "instant"});
  const double retries = number(run, "fleet/retries");
  CHECK(retries > 0);
  CHECK(number(run, "fleet/lost_prompt_tokens") > 0);
  CHECK(number(run, "fleet/lost_prompt_tokens") <= 3000 * retries);
  CHECK(number(run, "fleet/lost_output_tokens") > 0);
  CHECK(number(run, "fleet/lost_output_tokens") < 400 * retries);
}

TEST_CASE("intervals over runs do not leave what can be", "[fleet]") {
  std::vector<std::string> words =
      on_linear(with(kSteady, {"--rate", "0.2", "--requests", "4", "--runs", "3"}));
  words.emplace_back("--json");
  std::erase(words, "--duration");
  std::erase(words, "10min");
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json json = *parse_json(done.out, "simulate");
  for (const auto& [key, interval] : json.find("intervals_90")->members()) {
    CAPTURE(key);
    CHECK(interval.find("low")->as_double() >= 0);
    if (key == "busy_share" || key == "goodput_share" || key == "peak_kv_used")
      CHECK(interval.find("high")->as_double() <= 1);
  }
}

TEST_CASE("a sweep over a fleet's fields says what each costs, from a base of none",
          "[fleet][sweep]") {
  std::vector<std::string> words =
      on_linear(with(kSteady, {"--replicas", "2", "--start-init", "1s", "--start-weights", "1s",
                               "--duration", "1h", "--spot-notice", "0s"}));
  words.front() = "sweep";
  words.insert(words.end(), {"--json", "--vary", "spot_reclaims_per_hour=0,20"});
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto lines = split(done.out, '\n');
  const Json base = *parse_json(lines[0], "row"), spot = *parse_json(lines[1], "row");
  CHECK(base.find("retries")->as_double() == 0);
  CHECK(spot.find("retries")->as_double() > 0);
  CHECK(spot.find("starts")->as_double() > 10);
  for (const char* column : {"shed", "lost"}) CHECK(base.find(column)->as_double() == 0);
  // Two GPUs for an hour and a little.
  CHECK(base.find("gpu_hours")->as_double() == Approx(2).epsilon(0.01));
  CHECK(base.find("cost_usd")->as_double() > 0);
  CHECK(spot.find("cost_usd")->as_double() >= base.find("cost_usd")->as_double());
  // What has no effect at any point is refused as ever.
  words.back() = "spot_reclaims_per_hour=0";
  const Finished nothing = ephemeris(words);
  CHECK(nothing.code == 2);
  CHECK(nothing.err.find("where no replica starts") != std::string::npos);
}

TEST_CASE("pools may differ in their price and in whether their machines are taken away",
          "[fleet]") {
  (void)linear_profile();
  const auto mixed = [](const std::string& second) {
    const std::string file = spill_out("mixed.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json", "kv_blocks": 2000, "max_model_len": 8192, "replicas": 2}},
"fleet": {{"spot_reclaims_per_hour": 30, "start": "instant", "spill_above": 2, "usd_per_gpu_hour": 1}},
"pools": [{{"name": "steady", "replicas": 2{}}}],
"workload": {{"synthetic": {{"rate": 5, "duration": "20 min", "prompt_tokens": 100, "output_tokens": 20}}}}}})",
                                                                 second));
    return *run_of({"simulate", file, "--json"}).at_path("runs/0");
  };
  const Json same = mixed(""),
             apart = mixed(R"(, "spot_reclaims_per_hour": 0, "usd_per_gpu_hour": 3)"),
             listed = mixed(R"(, "commitment": "reserved")");
  CHECK(number(same, "fleet/pools/1/reclaims") > 0);
  CHECK(number(apart, "fleet/pools/1/reclaims") == 0);
  CHECK(number(apart, "fleet/pools/0/reclaims") > 0);
  CHECK(number(apart, "fleet/pools/0/price_per_gpu_hour") == 1);
  CHECK(number(apart, "fleet/pools/1/price_per_gpu_hour") == 3);
  CHECK(number(listed, "fleet/pools/1/price_per_gpu_hour") == Approx(2.37));  // data/prices
}

TEST_CASE("what a GPU-hour costs is the user's to say", "[fleet]") {
  const std::vector<std::string> base =
      with(kSteady, {"--replicas", "2", "--gpu-mtbf", "1000h", "--start", "instant"});
  const auto cost = [&](std::vector<std::string> more) {
    return pool(simulate(with(base, std::move(more))), "cost_usd");
  };
  CHECK(cost({"--usd-per-gpu-hour", "4"}) == Approx(2 * cost({"--usd-per-gpu-hour", "2"})));
  CHECK(cost({"--commitment", "reserved"}) < cost({}));
  CHECK(cost({"--provider", "lambda"}) != cost({}));
  CHECK(refused(with(base, {"--commitment", "spot"}))
            .find("no price for h100-sxm from generic, spot") != std::string::npos);
  CHECK(refused(with(base, {"--commitment", "reserved", "--usd-per-gpu-hour", "2"}))
            .find("give it, or a provider") != std::string::npos);
}

TEST_CASE("options of the deployment hold for pools of its engine, and others say that they do not",
          "[fleet]") {
  (void)linear_profile();
  const auto run = [](const std::string& pool) {
    const std::string file = spill_out("options-of-pools.json", fmt::format(R"({{"version": 1,
"deployment": {{"model": "meta-llama/Llama-3.1-8B-Instruct", "profile": "linear.json", "kv_blocks": 2000, "max_model_len": 8192,
  "engine_options": {{"max_num_seqs": 2}}}},
"fleet": {{"max_prompt": 1}}, "pools": [{{"name": "second"{}}}],
"workload": {{"synthetic": {{"rate": 50, "duration": "20 s", "prompt_tokens": 100, "output_tokens": 20}}}}}})",
                                                                            pool));
    return run_of({"simulate", file, "--json"});
  };
  const Json same = run(""), other = run(R"(, "engine": "sglang")"),
             said = run(R"(, "engine": "sglang", "engine_options": {})");
  CHECK(same.at_path("deployment/pools/0/max_num_seqs")->as_int() == 2);
  CHECK(other.at_path("deployment/pools/0/max_num_seqs")->as_int() > 2);
  // Two at a time are too few for 50 requests/s of 0.2 s each.
  CHECK(ttft(*same.at_path("runs/0"), "p95") > 4 * ttft(*other.at_path("runs/0"), "p95"));
  const std::string warning = "does not take over what the deployment says to vllm: max_num_seqs";
  CHECK(other.find("warnings")->dump().find(warning) != std::string::npos);
  CHECK(said.find("warnings")->dump().find(warning) == std::string::npos);
}
