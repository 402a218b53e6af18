// A load of twice the capacity: the output says so, and nothing hangs.
#include <catch2/catch.hpp>

#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

// One sequence at a time: 10 + 0.1 * 100 ms for the prompt and 8 decodes of 10 ms make 100 ms a
// request, a capacity of 10 requests/s.
std::vector<std::string> at_rate(const std::string& rate, std::vector<std::string> more) {
  auto words = on_linear({"--arrivals", "constant", "--rate", rate, "--prompt-tokens", "100",
                          "--output-tokens", "9", "--max-num-seqs", "1"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

// 20 requests/s for 50 s, cut there: 10 a second are served, so the queue grows by 10 a second and
// 500 of 1000 are unfinished. Request n waits n * 50 ms: of those that finished (sent before 25 s)
// the last 5 % waited 23.75 s and more, and all of them were sent in the first half.
TEST_CASE("at twice the capacity the output says saturated, growing, unfinished") {
  const Finished done = ephemeris(at_rate("20", {"--duration", "50", "--horizon", "50", "--json"}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  const auto value = [&](const char* path) { return json->at_path(path)->as_double(); };
  CHECK(json->at_path("runs/0/saturated")->as_bool());
  CHECK(value("runs/0/overload/queue_growth_per_s") == Approx(10).epsilon(0.02));
  CHECK(value("runs/0/overload/unfinished") == Approx(500).margin(3));
  CHECK(value("runs/0/overload/in_system_at_last_send") == Approx(500).margin(3));
  CHECK(value("runs/0/overload/ttft_p95_all_ms") == Approx(23770).epsilon(0.01));
  CHECK(json->at_path("runs/0/overload/note")->as_string() ==
        "throughput and latencies count finished requests only; ttft_p95_first_half_ms and "
        "ttft_p95_all_ms are lower bounds");
  const Finished text = ephemeris(at_rate("20", {"--duration", "50", "--horizon", "50"}));
  CHECK(text.out.find("SATURATED: the queue grew by 10") != std::string::npos);
  CHECK(text.out.find("throughput and latencies count finished requests only") !=
        std::string::npos);
  CHECK(text.out.find("p95 TTFT is at least") != std::string::npos);
  CHECK(text.out.find("twice the horizon") == std::string::npos);
}

// Run to the end: everything finishes, late. Over the whole sending time p95 waits twice as long as
// over its first half, which is what twice the horizon does.
TEST_CASE("a drained overload says how the p95 hangs on the horizon") {
  const Finished done = ephemeris(at_rate("20", {"--duration", "50", "--json"}));
  REQUIRE(done.code == 0);
  const auto json = parse_json(done.out, "stdout");
  const auto value = [&](const char* path) { return json->at_path(path)->as_double(); };
  CHECK(value("runs/0/counts/unfinished") == 0);
  CHECK(value("runs/0/overload/ttft_p95_all_ms") /
            value("runs/0/overload/ttft_p95_first_half_ms") ==
        Approx(2).epsilon(0.01));
  const Finished text = ephemeris(at_rate("20", {"--duration", "50"}));
  CHECK(text.out.find("twice the horizon gives x2.00") != std::string::npos);
}

TEST_CASE("half the capacity says nothing of it") {
  const Finished done = ephemeris(at_rate("5", {"--duration", "50", "--json"}));
  REQUIRE(done.code == 0);
  CHECK(done.out.find("\"overload\"") == std::string::npos);
  CHECK_FALSE(parse_json(done.out, "")->at_path("runs/0/saturated")->as_bool());
}

// KV of 16 sequences of 124 tokens, and requests at twice the rate at which they are served when
// all come at once. Whatever an engine does about it, preempting, retracting or waiting, the output
// says so, and the run ends.
TEST_CASE("every engine is honest at twice its capacity") {
  struct Case {
    const char* engine;
    std::vector<std::string> more;
  };
  const std::vector<Case> cases{
      {"vllm", {}},
      {"vllm", {"--set", "scheduling_policy=fcfs", "--prefix-caching", "off"}},
      {"sglang", {}},
      {"sglang", {"--set", "retract_until=headroom", "--set", "full_batch_reopens=decode"}},
      {"trtllm", {}},
      {"trtllm", {"--set", "capacity_scheduler_policy=MAX_UTILIZATION"}},
      {"llamacpp", {"--max-num-seqs", "16"}}};
  const auto words = [](const Case& c, const std::string& rate, bool cut) {
    const std::string engine = c.engine;
    std::vector<std::string> out{"simulate",
                                 "--model",
                                 "meta-llama/Llama-3.1-8B-Instruct",
                                 "--json",
                                 "--profile",
                                 linear_profile(),
                                 "--engine",
                                 engine,
                                 "--max-model-len",
                                 "8192",
                                 "--arrivals",
                                 "poisson",
                                 "--prompt-tokens",
                                 "60",
                                 "--output-tokens",
                                 "64",
                                 "--rate",
                                 rate,
                                 "--duration",
                                 "40"};
    out.insert(out.end(), {"--kv-blocks", engine == "vllm"     ? "125"
                                          : engine == "trtllm" ? "62"
                                                               : "1984"});
    if (cut) out.insert(out.end(), {"--horizon", "40"});
    out.insert(out.end(), c.more.begin(), c.more.end());
    return out;
  };
  for (const Case& c : cases) {
    CAPTURE(c.engine, c.more);
    // Everything at once says what the engine can do.
    const Finished closed = ephemeris([&] {
      auto out = words(c, "1000", false);
      out[std::size_t(std::find(out.begin(), out.end(), "--duration") - out.begin()) + 1] = "1";
      return out;
    }());
    CAPTURE(closed.err);
    REQUIRE(closed.code == 0);
    const double capacity =
        parse_json(closed.out, "")->at_path("runs/0/requests_per_s")->as_double();
    REQUIRE(capacity > 1);
    const Finished done = ephemeris(words(c, fmt::format("{:.3f}", 2 * capacity), true));
    CAPTURE(done.err, capacity);
    REQUIRE(done.code == 0);
    const auto json = parse_json(done.out, "stdout");
    REQUIRE(json);
    const auto value = [&](const char* path) { return json->at_path(path)->as_double(); };
    CHECK(json->at_path("runs/0/saturated")->as_bool());
    // Half of what comes stays: a requests/s of growth, 40 times that unfinished.
    CHECK(value("runs/0/overload/queue_growth_per_s") == Approx(capacity).epsilon(0.25));
    CHECK(value("runs/0/overload/unfinished") == Approx(40 * capacity).epsilon(0.25));
    CHECK(value("runs/0/overload/ttft_p95_all_ms") > 0);
    CHECK(value("runs/0/counts/finished") == Approx(40 * capacity).epsilon(0.25));
  }
}
