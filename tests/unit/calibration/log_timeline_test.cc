#include "calibration/log_timeline.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "calibration/log_picture.h"
#include "calibration/log_replay.h"
#include "core/line_source.h"
#include "models/linear_model.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kMeta =
    R"({"model": "meta-llama/Llama-3.1-8B", "kv_cache": {"num_gpu_blocks": 101},
        "hardware": {"device_name": "NVIDIA GeForce RTX 4090"}})";

std::string folder_of(const std::string& name, const std::string& requests,
                      const std::string& series = "") {
  const std::string folder = std::string(EPH_TEST_OUT) + "/" + name;
  std::filesystem::create_directories(folder);
  write_temporary(name + "/meta.json", kMeta);
  write_temporary(name + "/requests.jsonl", requests);
  std::filesystem::remove(folder + "/timeseries.csv");
  if (!series.empty()) write_temporary(name + "/timeseries.csv", series);
  return folder;
}

// Prompts of 100 and 200 tokens with first tokens 0.35 and 0.6 s after the first arrival.
const char* const kTwo =
    R"({"request_id": "a", "input_toks": 100, "output_toks": 9, "arrival_time": 50, "first_token_ts": 50.35, "last_token_ts": 52}
{"request_id": "b", "input_toks": 200, "output_toks": 9, "arrival_time": 50.1, "first_token_ts": 50.6, "last_token_ts": 52}
)";

RequestLog load(const std::string& folder, const LogFacts& facts = {}) {
  auto log = load_request_log(folder, facts);
  INFO((log ? std::string() : log.error().text()));
  REQUIRE(log.has_value());
  return std::move(*log);
}

std::vector<sim::RequestRecord> replay(const RequestLog& log) {
  const auto setup = set_up(log, shipped_catalog(), {});
  REQUIRE(setup.has_value());
  models::LinearProfile profile;  // 10 ms and 1 ms a prompt token
  profile.t0_ms = 10;
  profile.us_per_prefill_token = 1000;
  const models::LinearStepModel step(profile);
  auto records = simulate_log(log, *setup, step, {}, 1);
  REQUIRE(records.has_value());
  return std::move(*records);
}

}  // namespace

TEST_CASE("a log's time series is put on its requests' clock by the prompts it counts") {
  // 100 prompt tokens in the first second and 200 in the second: its zero lies before the second
  // first token by at least a second and before the first one by less, so between 0.65 and 0.4 s
  // before the first arrival; the middle is 0.525.
  const std::string series =
      "t,prompt_throughput,gen_throughput,running,waiting,kv_cache_pct\n1,100,1,1,0,7\n2,200,9,2,3,"
      "20\n";
  const auto levels = read_levels(load(folder_of("series", kTwo, series)));
  REQUIRE(levels.has_value());
  REQUIRE(levels->size() == 2);
  CHECK((*levels)[0].at_s == Approx(0.475).margin(0.006));
  CHECK((*levels)[1].at_s == Approx(1.475).margin(0.006));
  CHECK((*levels)[1].waiting == 3);
  CHECK((*levels)[1].kv_percent == 20);
  // Without the column the first arrival is the zero.
  const auto plain = read_levels(load(folder_of("series2", kTwo, "t,running,waiting\n1,1,0\n")));
  REQUIRE(plain.has_value());
  CHECK((*plain)[0].at_s == 1);
  CHECK(read_levels(load(folder_of("series3", kTwo)))->empty());
}

TEST_CASE("a time series that cannot be read says where") {
  const auto without = read_levels(load(folder_of("series4", kTwo, "t,running\n1,1\n")));
  REQUIRE_FALSE(without.has_value());
  CHECK(without.error().text().find("there is no column waiting") != std::string::npos);
  const auto back =
      read_levels(load(folder_of("series5", kTwo, "t,running,waiting\n2,1,1\n1,1,1\n")));
  REQUIRE_FALSE(back.has_value());
  CHECK(back.error().text().find("timeseries.csv:3: t does not grow") != std::string::npos);
}

TEST_CASE("levels are those of the step under way, over all replicas") {
  LevelSink sink(2, 100);
  const auto step = [&](std::uint32_t replica, double start, double end, std::int64_t running,
                        std::int64_t blocks) {
    sim::StepRecord record;
    record.replica = ReplicaId{replica};
    record.start = SimTime::from_seconds(start);
    record.end = SimTime::from_seconds(end);
    record.running = running;
    record.waiting = 1;
    record.kv_blocks_used = blocks;
    sink.on_step(record);
  };
  step(0, 0, 1, 3, 40);
  step(0, 1, 2, 4, 60);
  step(1, 0.5, 1.5, 10, 20);
  const auto at = sink.at({{0.25, 0, 0, 0}, {1.2, 0, 0, 0}, {1.8, 0, 0, 0}, {3, 0, 0, 0}});
  REQUIRE(at.size() == 4);
  CHECK(at[0].running == 3);      // the second replica has not begun
  CHECK(at[0].kv_percent == 20);  // (40 + 0) / 2
  CHECK(at[1].running == 14);
  CHECK(at[1].waiting == 2);
  CHECK(at[1].kv_percent == 40);  // (60 + 20) / 2
  CHECK(at[2].running == 4);      // the second replica is idle
  CHECK(at[3].running == 0);
  CHECK(timeline_csv({{{1, 2, 3, 0}}, {{1, 4, 5, 6}}, false}) ==
        "t_s,running,waiting,kv_percent,pred_running,pred_waiting,pred_kv_percent\n"
        "1,2,3,,4,5,6\n");
}

TEST_CASE("prompts that are said to begin alike are found in the cache") {
  // The second prompt comes while the first one decodes; 48 common tokens are 3 blocks of 16.
  const std::string requests =
      R"({"request_id": "a", "input_toks": 64, "output_toks": 40, "arrival_time": 1, "first_token_ts": 2, "last_token_ts": 3}
{"request_id": "b", "input_toks": 64, "output_toks": 5, "arrival_time": 1.3, "first_token_ts": 2, "last_token_ts": 3}
)";
  const std::string folder = folder_of("alike", requests);
  const auto alone = replay(load(folder));
  LogFacts facts;
  facts.prefixes = write_temporary(
      "alike/prefixes.csv", "request_id,prefix_group,prefix_tokens\nb,system,48\na,system,50\n");
  const auto shared = replay(load(folder, facts));
  CHECK(alone[1].cached_tokens == 0);
  CHECK(shared[0].cached_tokens == 0);
  CHECK(shared[1].cached_tokens == 48);
  // A millisecond a token less to compute.
  CHECK((alone[1].ttft() - shared[1].ttft()).ms() == Approx(48.0).margin(1e-6));
}

TEST_CASE("a file of common prefixes is checked against the log") {
  const std::string folder = folder_of("alike2", kTwo);
  const auto error_of = [&](const std::string& rows) {
    LogFacts facts;
    facts.prefixes =
        write_temporary("alike2/prefixes.csv", "request_id,prefix_group,prefix_tokens\n" + rows);
    const auto log = load_request_log(folder, facts);
    return log ? std::string() : log.error().text();
  };
  CHECK(error_of("a,x,100\n").empty());
  CHECK(error_of("zz,x,10\n").find("prefixes.csv:2: no request of the log is called \"zz\"") !=
        std::string::npos);
  CHECK(error_of("a,x,101\n").find("prefix_tokens of 1 to the 100 of the prompt") !=
        std::string::npos);
  CHECK(error_of("a,,10\n").find("needs prefix_group") != std::string::npos);
  CHECK(error_of("a,x,10\na,y,10\n").find("a stands twice") != std::string::npos);
}

TEST_CASE("the picture of a replay has a mark for each request and a curve for each level") {
  LogTimeline timeline;
  for (int i = 0; i < 5; ++i) {
    timeline.measured.push_back({1.0 * i, 2.0 + i, 3, 50});
    timeline.predicted.push_back({1.0 * i, 2.5 + i, 3, 55});
  }
  std::vector<ScoredRow> rows(3);
  for (ScoredRow& row : rows) {
    row.measured[Figure::ttft] = 1000;
    row.predicted[Figure::ttft] = 1100;
  }
  const auto count = [](const std::string& svg, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = svg.find(part); at != std::string::npos; at = svg.find(part, at + 1)) ++n;
    return n;
  };
  const std::string without_kv = log_svg(timeline, rows, {"A & B", "c"});
  CHECK(count(without_kv, "<circle ") == 6);        // TTFT measured and simulated
  CHECK(count(without_kv, "class=\"plot\"") == 5);  // running, waiting; queue, TTFT, TPOT
  CHECK(count(without_kv, "class=\"curve\" ") == 4);
  CHECK(without_kv.find("A &amp; B") != std::string::npos);
  CHECK(without_kv.find("mean +10.0 %") != std::string::npos);
  CHECK(without_kv.find("0.5 apart on average") != std::string::npos);
  timeline.kv = true;
  CHECK(count(log_svg(timeline, rows, {}), "class=\"plot\"") == 6);
  CHECK(count(log_svg({}, rows, {}), "class=\"plot\"") == 3);
}
