#include "workload/trace_reader.h"

#include "tests/unit/workload/support.h"
#include "workload/mooncake_row.h"
#include "workload/row_fields.h"

namespace eph::workload {

// The first rows of each published trace, in its own number format.
constexpr std::string_view kAzure2023 =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:15:46.6805900,374,44\r\n"
    "2023-11-16 18:15:50.9951690,396,109\r\n"
    "2023-11-17 00:00:00.0000001,12,7";

TEST_CASE("Azure 2023 times count from the first row, to the nanosecond") {
  const Pulled all = read_text("azure2023.csv", kAzure2023);
  REQUIRE(all.error.empty());
  REQUIRE(all.arrivals.size() == 3);
  CHECK(all.arrivals[0].at.ns == 0);
  CHECK(all.arrivals[1].at.ns == 4'314'579'000);
  // 18:15:46.68059 to midnight is 20653.3194100 s; 100 ns more.
  CHECK(all.arrivals[2].at.ns == 20'653'319'410'100);
  CHECK(all.arrivals[1].prompt_tokens == 396);
  CHECK(all.arrivals[1].output_tokens == 109);
  CHECK(all.arrivals[1].max_output_tokens == 109);
  CHECK(all.arrivals[1].prefix_group == kNoPrefixGroup);
  CHECK(all.arrivals[1].session == kNoSession);
  CHECK(all.counts.rows == 3);
}

TEST_CASE("Azure 2024 rows with and without a fraction mix") {
  const Pulled all = read_text("azure2024.csv",
                               "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                               "2024-05-12 00:00:00+00:00,100,5\n"
                               "2024-05-12 00:00:00.001163+00:00,200,6\n"
                               "2024-05-12 02:00:01+02:00,300,7\n");
  REQUIRE(all.error.empty());
  REQUIRE(all.arrivals.size() == 3);
  CHECK(all.arrivals[1].at.ns == 1'163'000);
  CHECK(all.arrivals[2].at.ns == 1'000'000'000);  // 02:00 in a zone two hours ahead is midnight UTC
}

TEST_CASE("BurstGPT failures are dropped and counted, or kept as one token") {
  constexpr std::string_view kText =
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log "
      "Type\n"
      "5,7,3.2,ChatGPT,400,30,430,Conversation log\n"
      "45,8,1.0,GPT-4,100,0,100,API log\n"
      "118.5,,1.0,GPT-4,50,9,59,API log\n";
  const Pulled dropped = read_text("burst12.csv", kText);
  REQUIRE(dropped.error.empty());
  REQUIRE(dropped.arrivals.size() == 2);
  CHECK(dropped.counts.failures_dropped == 1);
  CHECK(dropped.arrivals[0].at.ns == 0);
  CHECK(dropped.arrivals[0].session == 7);
  CHECK(dropped.arrivals[1].at.ns == 113'500'000'000);
  CHECK(dropped.arrivals[1].session == kNoSession);
  CHECK(dropped.arrivals[0].request_class == 0);
  CHECK(dropped.arrivals[1].request_class == 1);

  const Pulled kept = read_text("burst12.csv", kText, {.zero_output = ZeroOutput::keep_as_one});
  REQUIRE(kept.arrivals.size() == 3);
  CHECK(kept.arrivals[1].output_tokens == 1);
  CHECK(kept.counts.failures_kept == 1);
  CHECK(read_text("burst12.csv", kText, {.zero_output = ZeroOutput::reject}).error ==
        "burst12.csv:3: Response tokens is 0, must be at least 1; fix or delete the row");
}

TEST_CASE("BurstGPT v1.0 has no session columns") {
  const auto path =
      test_file("burst10.csv",
                "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                "5,ChatGPT,472,18,490,Conversation log\n"
                "45,GPT-4,1087,230,1317,\"API, log\"\n");
  auto source = open_trace(path);
  REQUIRE(source);
  const Pulled all = pull_all(**source);
  REQUIRE(all.arrivals.size() == 2);
  CHECK(all.arrivals[1].prompt_tokens == 1087);
  REQUIRE((*source)->class_names().size() == 2);
  CHECK((*source)->class_names()[1] == "GPT-4");
}

constexpr std::string_view kMooncake =
    "{\"timestamp\": 27000, \"input_length\": 1100, \"output_length\": 40, \"hash_ids\": [0, 1, "
    "2]}\n"
    "{\"timestamp\": 27000, \"input_length\": 512, \"output_length\": 1, \"hash_ids\": [0]}\n"
    "{\"timestamp\": 30000, \"output_length\": "
    "9,\"input_length\":513,\"hash_ids\":[0,18446744073709551615]}\n"
    "{\"timestamp\": 33000, \"input_length\": 3, \"output_length\": 2}\n";

TEST_CASE("Mooncake rows keep their block hashes") {
  for (const std::size_t block : {1, 2, 100}) {
    const Pulled all = read_trace(test_file("moon.jsonl", kMooncake), {}, block);
    REQUIRE(all.error.empty());
    REQUIRE(all.arrivals.size() == 4);
    CHECK(all.arrivals[2].at.ns == 3'000'000'000);
    CHECK(all.arrivals[2].output_tokens == 9);
    CHECK(all.hashes[0] == std::vector<std::uint64_t>{0, 1, 2});
    CHECK(all.hashes[2] == std::vector<std::uint64_t>{0, 18446744073709551615ULL});
    CHECK(all.hashes[3].empty());
  }
}

TEST_CASE("spreading quantised times keeps the order, the step and the hashes") {
  const auto path = test_file("moon.jsonl", kMooncake);
  const TraceOptions options{.dequantise = Duration::from_seconds(3.0)};
  const Pulled all = read_trace(path, options, 2);
  REQUIRE(all.arrivals.size() == 4);
  CHECK(all.arrivals[0].at < all.arrivals[1].at);
  CHECK(all.arrivals[1].at.seconds() < 3.0);
  CHECK(all.arrivals[2].at.seconds() >= 3.0);
  CHECK(all.arrivals[2].at.seconds() < 6.0);
  CHECK(all.hashes[0] == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(all.hashes[1] == std::vector<std::uint64_t>{0});
  const Pulled again = read_trace(path, options, 100);
  for (std::size_t i = 0; i < 4; ++i) CHECK(again.arrivals[i].at == all.arrivals[i].at);
}

TEST_CASE("a row of the own CSV may have its own timeout") {
  const Pulled all = read_text("timeouts.csv",
                               "arrival_s,prompt_tokens,output_tokens,timeout_s\n"
                               "0,100,5,2.5\n"
                               "1,100,5,\n");
  REQUIRE(all.error.empty());
  REQUIRE(all.arrivals.size() == 2);
  CHECK(all.arrivals[0].timeout == Duration{2'500'000'000});
  CHECK(all.arrivals[1].timeout == Duration::zero());
  for (const char* bad : {"0", "-1", "soon", "1e30"}) {
    CAPTURE(bad);
    const Pulled none = read_text(
        "bad_timeouts.csv",
        std::string("arrival_s,prompt_tokens,output_tokens,timeout_s\n0,100,5,") + bad + "\n");
    CHECK(none.error.find("is no time above 0") != std::string::npos);
  }
}

TEST_CASE("the own CSV keeps its times and takes optional columns in any order") {
  const auto path = test_file("own.csv",
                              "session,arrival_s,prompt_tokens,output_tokens,prefix_group,prefix_"
                              "tokens,class,max_output_tokens\n"
                              "s1,0.25,100,5,system,64,chat,10\n"
                              "\n"
                              "17,1e1,200,6,,,batch,\n"
                              "s1,10.0000000015,30,7,tool,30,chat,7\n"
                              "s2,11,30,7,system,0,chat,7\n");
  auto source = open_trace(path);
  REQUIRE(source);
  const Pulled all = pull_all(**source, 1);
  REQUIRE(all.error.empty());
  REQUIRE(all.arrivals.size() == 4);
  CHECK(all.arrivals[0].at.ns == 250'000'000);
  CHECK(all.arrivals[1].at.ns == 10'000'000'000);
  CHECK(all.arrivals[2].at.ns == 10'000'000'002);  // rounded half up at the tenth digit
  CHECK(all.arrivals[0].max_output_tokens == 10);
  CHECK(all.arrivals[1].max_output_tokens == 6);
  CHECK(all.arrivals[0].prefix_group == 0);
  CHECK(all.arrivals[0].prefix_tokens == 64);
  CHECK(all.arrivals[1].prefix_group == kNoPrefixGroup);
  CHECK(all.arrivals[2].prefix_group == 1);
  CHECK(all.arrivals[3].prefix_group == kNoPrefixGroup);  // shares 0 tokens
  CHECK(all.arrivals[0].session == all.arrivals[2].session);
  CHECK(all.arrivals[0].session != all.arrivals[3].session);
  CHECK(all.arrivals[1].session == 17);
  CHECK(all.arrivals[1].request_class == 1);
  CHECK((*source)->class_names()[1] == "batch");
}

TEST_CASE("gzip, a byte order mark and blank lines change nothing") {
  const Pulled plain = read_text("plain.csv", kAzure2023);
  const Pulled packed = read_text("packed.csv", gzip(kAzure2023));
  const Pulled marked = read_text("marked.csv", "\xEF\xBB\xBF" + std::string(kAzure2023) + "\n\n");
  for (const Pulled& other : {packed, marked}) {
    CHECK(other.error.empty());
    REQUIRE(other.arrivals.size() == plain.arrivals.size());
    for (std::size_t i = 0; i < plain.arrivals.size(); ++i)
      CHECK(other.arrivals[i].at == plain.arrivals[i].at);
  }
}

TEST_CASE("decimals are scaled exactly") {
  CHECK(parse_scaled("0.1", 9) == 100'000'000);
  CHECK(parse_scaled("123456789.123456789", 9) == 123'456'789'123'456'789);
  CHECK(parse_scaled("1.9999999995", 9) == 2'000'000'000);
  CHECK(parse_scaled("-2.5", 9) == -2'500'000'000);
  CHECK(parse_scaled("25e-1", 9) == 2'500'000'000);
  for (const char* bad : {"", "-", "x", "1.", ".5", "1 ", "1e400", "nan", "99999999999999999999"})
    CHECK(parse_scaled(bad, 9) == std::nullopt);
}

TEST_CASE("dates are checked against the calendar") {
  TimestampParser clock;
  CHECK(clock.parse("1970-01-01 00:00:00") == 0);
  CHECK(clock.parse("2024-02-29T00:00:00Z") == 1'709'164'800'000'000'000);
  CHECK(clock.parse("2024-02-29 01:00:00.5+0100") == 1'709'164'800'500'000'000);
  for (const char* bad : {"2023-02-29 00:00:00", "2024-13-01 00:00:00", "2024-01-01 24:00:00",
                          "2024-01-01", "2024-01-01 00:00:00.", "2024-01-01 00:00:00+25:00",
                          "2024/01/01 00:00:00", "2024-01-01 00:00:0x"})
    CHECK(clock.parse(bad) == std::nullopt);
  CHECK(clock.parse("1970-01-02 00:00:00") == 86'400'000'000'000);
}

}  // namespace eph::workload
