// Damaged traces on purpose: every file ends in rows or in one error with its place, never in a
// crash.
#include <array>

#include "core/rng.h"
#include "tests/unit/workload/support.h"

namespace eph::workload {
namespace {

constexpr std::array<std::string_view, 4> kWhole{
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
    "2023-11-16 18:15:50.9951690,396,109\n2024-05-12 00:00:00+00:00,1,2\n",
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,7,3.2,ChatGPT,400,30,430,Conversation log\n45.5,,1,\"GPT, 4\",100,0,100,API log\n",
    "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 40, \"hash_ids\": [0, 1, 2]}\n"
    "{\"timestamp\": 3000, \"input_length\": 5, \"output_length\": 1, \"hash_ids\": []}\n",
    "arrival_s,prompt_tokens,output_tokens,prefix_group,prefix_tokens,session,class\n"
    "0,10,20,g,5,s,c\n1.5e0,10,20,,,17,\n"};

constexpr std::string_view kBytes = "0123456789,.\"{}[]:-+eE \n\r\t\0xZ";

// One to four bytes replaced, put in or taken out.
std::string damaged(std::string text, Stream& stream) {
  const std::uint64_t edits = 1 + stream.below(4);
  for (std::uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = stream.below(text.size());
    const char c = kBytes[stream.below(kBytes.size())];
    switch (stream.below(4)) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      case 2:
        text.erase(at, 1 + stream.below(3));
        break;
      default:
        text.resize(at);
        break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("a damaged trace gives rows in order or one error with its place") {
  std::size_t errors = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Stream stream({.seed = 77, .purpose = Purpose::test, .entity = i});
    const std::string text = damaged(std::string(kWhole[i % kWhole.size()]), stream);
    CAPTURE(i, text);
    const Pulled all = read_text("damaged.txt", text);  // pull_all checks the order
    for (const Arrival& a : all.arrivals) {
      REQUIRE(a.at >= SimTime::zero());
      REQUIRE((a.prompt_tokens >= 1 && a.output_tokens >= 1));
      REQUIRE((a.prefix_tokens >= 0 && a.prefix_tokens <= a.prompt_tokens));
      REQUIRE(a.max_output_tokens >= a.output_tokens);
    }
    if (all.error.empty()) continue;
    ++errors;
    REQUIRE(all.error.substr(0, 11) == "damaged.txt");
    REQUIRE(all.error.find("; ") != std::string::npos);  // a remedy
    REQUIRE(all.error.size() < 500);
  }
  CHECK(errors > 1000);
}

}  // namespace eph::workload
