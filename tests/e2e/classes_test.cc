// Request classes, clients that give up and limits on outputs, from the command line. A step takes
// 10 ms and 0.1 ms more for each prompt token: 100 prompt tokens have their first token after 20 ms
// and each further one 10 ms later.
#include <catch2/catch.hpp>

#include "core/csv.h"
#include "core/json_doc.h"
#include "tests/e2e/run.h"

using namespace eph;
using namespace eph::test;

namespace {

Json json_of(std::vector<std::string> words) {
  words.emplace_back("--json");
  const Finished done = ephemeris(words);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  auto json = parse_json(done.out, "stdout");
  REQUIRE(json);
  return *json;
}

double value(const Json& json, std::string_view path) {
  const Json* found = json.at_path(path);
  CAPTURE(path);
  REQUIRE(found != nullptr);
  return found->as_double();
}

std::vector<std::string> lone_requests(std::vector<std::string> more) {
  std::vector<std::string> words{"--arrivals",      "constant", "--rate",          "1",
                                 "--requests",      "5",        "--prompt-tokens", "100",
                                 "--output-tokens", "11"};
  words.insert(words.end(), more.begin(), more.end());
  return on_linear(words);
}

std::string trace() {
  return spill_out("e2e_classes.csv",
                   "arrival_s,prompt_tokens,output_tokens,class,timeout_s\n"
                   "0,100,2,chat,\n"
                   "1,100,11,batch,0.055\n"
                   "2,100,2,chat,\n");
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// Tokens at 20, 30, 40, 50 and, with the step in flight at 55 ms, at 60: five each for nothing.
TEST_CASE("clients that give up are counted, and what was produced for them") {
  const std::string path = out_path("e2e_cancelled.csv");
  const auto words = lone_requests({"--client-timeout", "55ms"});
  auto as_json = words;
  as_json.insert(as_json.end(), {"--requests-out", path});
  const Json json = json_of(as_json);
  CHECK(value(json, "runs/0/counts/cancelled") == 5);
  CHECK(value(json, "runs/0/counts/finished") == 0);
  CHECK(value(json, "runs/0/counts/wasted_output_tokens") == 25);
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  CHECK(table->text(1, "status") == "cancelled");
  CHECK(table->text(1, "finish_s") == "1.055");
  CHECK(table->text(1, "output_tokens") == "5");
  CHECK(table->text(1, "ttft_ms") == "20");
  CHECK(table->text(1, "e2e_ms").empty());
  const std::string text = ephemeris(words).out;
  CHECK(has(text, "5 sent = 0 finished + 0 rejected + 5 cancelled + 0 unfinished"));
  CHECK(has(text, "25 output tokens for nothing"));
  CHECK(has(text, "clients give up after 0.055 s"));
  CHECK(has(ephemeris(lone_requests({"--client-timeout", "55ms", "--timeout-on", "ttft"})).out,
            "5 sent = 5 finished"));
}

TEST_CASE("a run without timeouts and classes says nothing of them") {
  const Json json = json_of(lone_requests({}));
  CHECK(json.at_path("runs/0/counts/cancelled") == nullptr);
  CHECK(json.at_path("runs/0/classes") == nullptr);
  CHECK_FALSE(has(ephemeris(lone_requests({})).out, "cancelled"));
  const Finished done = ephemeris(lone_requests({"--timeout-on", "ttft"}));
  CHECK(done.code == 2);
  CHECK(has(done.err, "--timeout-on: has no effect without a timeout"));
}

TEST_CASE("objectives of a class and its figures") {
  const std::vector<std::string> words = on_linear(
      {"--trace", trace(), "--slo", "chat:p95_ttft=25ms", "--slo", "batch:p95:ttft<=25ms"});
  const Json json = json_of(words);
  CHECK(json.at_path("runs/0/slos/0/slo")->as_string() == "chat:p95_ttft=25ms");
  CHECK(json.at_path("runs/0/slos/0/met")->as_bool());
  CHECK_FALSE(json.at_path("runs/0/slos/1/met")->as_bool());
  CHECK(json.at_path("runs/0/classes/0/class")->as_string() == "chat");
  CHECK(value(json, "runs/0/classes/0/arrived") == 2);
  CHECK(value(json, "runs/0/classes/0/attainment") == 1);
  CHECK(value(json, "runs/0/classes/0/latency_ms/ttft/p99") == Approx(20));
  CHECK(value(json, "runs/0/classes/0/latency_ms/e2e/p50") == Approx(30));
  CHECK(value(json, "runs/0/classes/1/cancelled") == 1);
  CHECK(value(json, "runs/0/classes/1/attainment") == 0);
  const std::string text = ephemeris(words).out;
  CHECK(has(text, "TTFT p95"));
  CHECK(has(text, "batch:p95_ttft=25ms"));
}

TEST_CASE("an objective on an unknown class ends with 2 and names the known ones") {
  const Finished done = ephemeris(on_linear({"--trace", trace(), "--slo", "chatt:p95_ttft=25ms"}));
  CHECK(done.code == 2);
  CHECK(has(done.err, "no request of class \"chatt\" was sent; did you mean \"chat\"?"));
  const Finished synthetic = ephemeris(lone_requests({"--slo", "chat:p95_ttft=25ms"}));
  CHECK(synthetic.code == 2);
  CHECK(has(synthetic.err, "give a trace with a class column"));
}

TEST_CASE("a plan meets the objectives of classes") {
  const auto plan = [](const char* slo) {
    auto words = on_linear({"--trace", trace(), "--engine", "vllm", "--gpu", "h100-sxm", "--slo",
                            slo, "--max-replicas", "3"});
    words[0] = "plan";
    return ephemeris(words);
  };
  CHECK(plan("chat:p95_ttft=25ms").code == 0);
  CHECK(plan("chat:p95_ttft=15ms").code == 1);
  CHECK(plan("batch:p50_ttft=25ms").code == 1);  // its one client gives up
  CHECK(plan("p50_ttft=25ms").code == 0);
  CHECK(plan("other:p95_ttft=25ms").code == 2);
}

TEST_CASE("a timeout column with something else than a time is named") {
  const std::string path = spill_out("e2e_bad_timeout.csv",
                                     "arrival_s,prompt_tokens,output_tokens,timeout_s\n"
                                     "0,100,2,0\n");
  const Finished done = ephemeris(on_linear({"--trace", path}));
  CHECK(done.code == 2);
  CHECK(has(done.err, "timeout_s \"0\" is no time above 0"));
}

// 20 blocks of 32 tokens. A request of 100 + 10 tokens needs 4, so two run at once; sent with a
// limit of 400 it needs 16, so they run one after the other.
TEST_CASE("TensorRT-LLM reserves by the limit sent, and outputs end there") {
  const auto run = [](std::vector<std::string> more) {
    std::vector<std::string> words = on_linear(
        {"--engine", "trtllm", "--block-size", "32", "--arrivals", "closed", "--concurrency", "2",
         "--requests", "20", "--prompt-tokens", "100", "--output-tokens", "10"});
    words[6] = "20";  // --kv-blocks
    words.insert(words.end(), more.begin(), more.end());
    return json_of(words);
  };
  CHECK(value(run({}), "runs/0/mean_running") == Approx(2).epsilon(0.02));
  const Json limited = run({"--max-output-tokens", "400"});
  CHECK(value(limited, "runs/0/mean_running") == Approx(1).epsilon(0.02));
  CHECK(value(limited, "runs/0/counts/output_tokens") == 200);
  const Json cut = run({"--max-output-tokens", "4"});
  CHECK(value(cut, "runs/0/counts/output_tokens") == 80);
}

TEST_CASE("the requests file names each request's class") {
  const std::string path = out_path("e2e_class_column.csv");
  const Finished done = ephemeris(on_linear({"--trace", trace(), "--requests-out", path}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  REQUIRE(table->rows() == 3);
  CHECK(table->text(0, "class") == "chat");
  CHECK(table->text(1, "class") == "batch");
  CHECK(table->text(2, "class") == "chat");
}

// One sequence at a time, all sent at once: prompts of 100 tokens take 20 ms and end there. By the
// trace's column batch goes first; by classes chat does.
TEST_CASE("a class's priority orders admissions in place of the trace's column") {
  const std::string file = spill_out("e2e_class_priority.csv",
                                     "arrival_s,prompt_tokens,output_tokens,class,priority\n"
                                     "0,100,1,batch,0\n"
                                     "0,100,1,batch,0\n"
                                     "0,100,1,chat,7\n"
                                     "0,100,1,other,3\n");
  const auto ttft = [&](std::vector<std::string> more) {
    const std::string path = out_path("e2e_class_priority_out.csv");
    auto words = on_linear({"--trace", file, "--max-num-seqs", "1", "--set",
                            "scheduling_policy=priority", "--requests-out", path});
    words.insert(words.end(), more.begin(), more.end());
    const Finished done = ephemeris(words);
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    const auto table = CsvTable::load(path);
    REQUIRE(table);
    std::vector<double> out;
    for (std::size_t i = 0; i < table->rows(); ++i) out.push_back(**table->number(i, "ttft_ms"));
    return out;
  };
  using Times = std::vector<double>;
  CHECK(ttft({}) == Times{20, 40, 80, 60});
  CHECK(ttft({"--class-priority", "chat=0", "--class-priority", "batch=5"}) ==
        Times{60, 80, 20, 40});
}

TEST_CASE("class priorities that cannot act are refused, and unseen classes named") {
  const auto refused = [](std::vector<std::string> more, const std::string& part) {
    const Finished done = ephemeris(on_linear(std::move(more)));
    CAPTURE(done.err, part);
    CHECK(done.code == 2);
    CHECK(has(done.err, part));
  };
  refused({"--trace", trace(), "--class-priority", "chat=0"},
          "has no effect on an engine that does not look at priorities");
  const std::vector<std::string> priority{"--trace", trace(), "--set",
                                          "scheduling_policy=priority"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), priority.begin(), priority.end());
    return more;
  };
  refused(with({"--class-priority", "chat"}), "\"chat\" is no priority of a class");
  refused(with({"--class-priority", "chat=1", "--class-priority", "chat=2"}),
          "class chat has two priorities");
  const Finished done = ephemeris(on_linear(with({"--class-priority", "chta=1"})));
  CHECK(done.code == 0);
  CHECK(has(done.out + done.err, "no request is of class chta"));
}

// Two replicas, each with one request at 0 and one at 5 ms: steps that end together stand in the
// order of the replicas.
TEST_CASE("steps of several replicas are in the order in which they end, then of the replicas") {
  const std::string file = spill_out("e2e_steps_trace.csv",
                                     "arrival_s,prompt_tokens,output_tokens\n"
                                     "0,100,4\n0,100,4\n0.005,50,2\n0.3,100,2\n0.3,100,2\n");
  const std::string path = out_path("e2e_steps_order.csv");
  const Finished done = ephemeris(on_linear(
      {"--trace", file, "--replicas", "2", "--router", "round-robin", "--steps-out", path}));
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto table = CsvTable::load(path);
  REQUIRE(table);
  REQUIRE(table->rows() > 6);
  bool together = false;
  for (std::size_t i = 1; i < table->rows(); ++i) {
    const double before = **table->number(i - 1, "end_s"), now = **table->number(i, "end_s");
    CHECK(before <= now);
    if (before != now) continue;
    together = true;
    CHECK(**table->integer(i - 1, "replica") < **table->integer(i, "replica"));
  }
  CHECK(together);
}
