#include "scenario/load.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"
#include "scenario/assemble.h"

using namespace eph;
using namespace eph::scenario;

namespace {

const models::Catalog& catalog() {
  static const models::Catalog shipped(EPH_SOURCE_DIR "/data");
  return shipped;
}

std::string write(const std::string& name, std::string_view text) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  REQUIRE(write_file(path, text));
  return path;
}

// Ten requests, one a second, prompts 100 to 109.
WorkloadSpec ten() {
  std::string text = "arrival_s,prompt_tokens,output_tokens\n";
  for (int i = 0; i < 10; ++i) text += fmt::format("{},{},{}\n", i, 100 + i, 20);
  WorkloadSpec spec;
  spec.trace = write("ten.csv", text);
  return spec;
}

std::vector<workload::Arrival> all(workload::Load& load) {
  std::vector<workload::Arrival> out;
  while (load.peek() != SimTime::never()) out.push_back(load.take());
  CHECK(load.failed());
  return out;
}

}  // namespace

TEST_CASE("a list, its replay and the stream give the same requests") {
  WorkloadSpec spec = ten();
  spec.rate_scale = 3;
  spec.from_s = 2;
  const auto list = load_requests(catalog(), spec, 1, 0);
  REQUIRE(list);
  CHECK(list->arrivals.size() == 24);  // eight in the window, three times
  const auto stream = make_load(catalog(), spec, 1, 0);
  REQUIRE(stream);
  const auto streamed = all(**stream);
  const auto replayed = all(*replay(*list));
  REQUIRE(streamed.size() == list->arrivals.size());
  REQUIRE(replayed.size() == list->arrivals.size());
  for (std::size_t i = 0; i < streamed.size(); ++i) {
    CHECK(streamed[i].at == list->arrivals[i].at);
    CHECK(streamed[i].prompt_tokens == list->arrivals[i].prompt_tokens);
    CHECK(replayed[i].at == list->arrivals[i].at);
  }
}

TEST_CASE("transforms apply in order: window, repeat, rate, caps, count") {
  WorkloadSpec spec = ten();
  spec.from_s = 4;
  spec.to_s = 8;
  spec.repeat = 2;
  spec.cap_prompt = 105;
  spec.max_requests = 7;
  const auto list = load_requests(catalog(), spec, 1, 0);
  REQUIRE(list);
  REQUIRE(list->arrivals.size() == 7);
  CHECK(list->arrivals[0].at == SimTime::zero());
  CHECK(list->arrivals[0].prompt_tokens == 104);
  CHECK(list->arrivals[3].prompt_tokens == 105);  // 107 cut
  // Four requests a second apart last 3 s plus one mean gap of 1 s.
  CHECK(list->arrivals[4].at.seconds() == Approx(4));
  CHECK(list->description.find(
            "from 4 s to 8 s, 2 times in a row, prompts up to 105 tokens, the first 7 "
            "requests") != std::string::npos);
  bool said = false;
  for (const std::string& warning : list->warnings)
    said = said || warning.find("shortened by a cap") != std::string::npos;
  CHECK(said);
}

TEST_CASE("closed arrivals are a load but no list") {
  WorkloadSpec spec;
  spec.synthetic.emplace();
  spec.synthetic->arrivals = "closed";
  spec.synthetic->concurrency = 2;
  spec.synthetic->requests = 3;
  CHECK_FALSE(load_requests(catalog(), spec, 1, 0));
  const auto load = make_load(catalog(), spec, 1, 0);
  REQUIRE(load);
  CHECK((*load)->take().at == SimTime::zero());
  CHECK((*load)->take().at == SimTime::zero());
  CHECK((*load)->peek() == SimTime::never());
  (*load)->on_finished(RequestId{0}, SimTime::from_seconds(1));
  CHECK((*load)->peek() >= SimTime::from_seconds(1));
}

TEST_CASE("constant arrivals have the rate and the lengths asked for") {
  WorkloadSpec spec;
  spec.synthetic.emplace();
  spec.synthetic->arrivals = "constant";
  spec.synthetic->rate = 4;
  spec.synthetic->prompt_tokens = 100;
  spec.synthetic->length_spread = 0.1;
  spec.synthetic->duration_s = 10;
  const auto list = load_requests(catalog(), spec, 1, 0);
  REQUIRE(list);
  CHECK(list->arrivals.size() == 40);
  for (const workload::Arrival& a : list->arrivals) {
    CHECK(a.prompt_tokens >= 90);
    CHECK(a.prompt_tokens <= 110);
  }
  CHECK(list->duration_s() == Approx(9.75));
  CHECK(list->description ==
        "constant arrivals at 4 requests/s, 100 prompt and 128 output tokens +- 10 %, 10 s");
}

TEST_CASE("requests that share prefixes are known as such, their hashes carried along") {
  WorkloadSpec spec;
  spec.trace = write("prefix.csv",
                     "arrival_s,prompt_tokens,output_tokens,prefix_group,prefix_tokens\n0,100,5,a,"
                     "50\n1,100,5,a,50\n");
  const auto load = make_load(catalog(), spec, 1, 0);
  REQUIRE(load);
  CHECK_FALSE((*load)->shares_prefixes());
  (void)all(**load);
  CHECK((*load)->shares_prefixes());
  CHECK(load_requests(catalog(), spec, 1, 0)->shares_prefixes);

  spec.trace = write("hashes.jsonl",
                     "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, "
                     "\"hash_ids\": [4, 7]}\n"
                     "{\"timestamp\": 3000, \"input_length\": 500, \"output_length\": 5, "
                     "\"hash_ids\": [4]}\n");
  const auto list = load_requests(catalog(), spec, 1, 0);
  REQUIRE(list);
  CHECK(list->hashes == std::vector<std::uint64_t>{4, 7, 4});
  const auto again = replay(*list);
  CHECK(again->hash_block_tokens() == 512);
  const workload::Arrival first = again->take();
  CHECK(again->block_hashes(first).size() == 2);
  const workload::Arrival second = again->take();
  REQUIRE(again->block_hashes(second).size() == 1);
  CHECK(again->block_hashes(second)[0] == 4);
}

TEST_CASE("conversations are a load of their own and no stream of requests") {
  WorkloadSpec spec;
  spec.synthetic.emplace();
  spec.synthetic->rate = 2;
  spec.synthetic->prompt_tokens = 100;
  spec.synthetic->output_tokens = 10;
  spec.synthetic->requests = 6;
  spec.synthetic->turns = 3;
  spec.synthetic->user_tokens = 20;
  spec.synthetic->think_time_s = 0;
  spec.synthetic->shared_tokens = 50;
  CHECK(describe(spec) ==
        "poisson arrivals at 2 conversations/s, 100 prompt and 10 output tokens, 3 turns with 20 "
        "new tokens after 0 s, behind a prompt of 50 shared tokens, 6 requests");
  CHECK_FALSE(load_requests(catalog(), spec, 1, 0));
  const auto load = make_load(catalog(), spec, 1, 0);
  REQUIRE(load);
  const workload::Arrival first = (*load)->take();
  CHECK(first.prompt_tokens == 150);
  CHECK(first.prefix_tokens == 50);
  (*load)->on_finished(RequestId{0}, first.at);
  const workload::Arrival second = (*load)->take();
  CHECK(second.at == first.at);
  CHECK(second.prompt_tokens == 150 + 10 + 20);
  CHECK(second.stream == first.stream);
}

TEST_CASE("an unknown workload model is answered with the shipped names") {
  WorkloadSpec spec;
  spec.model = "azure-conv-2032";
  const auto load = make_load(catalog(), spec, 1, 0);
  REQUIRE_FALSE(load);
  CHECK(load.error().text() ==
        "workload model \"azure-conv-2032\" is not known; did you mean \"azure-conv-2023\"?");
}
