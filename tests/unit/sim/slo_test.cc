#include "sim/slo.h"

#include <catch2/catch.hpp>

using namespace eph;
using namespace eph::sim;

TEST_CASE("SLOs are read and written back") {
  const auto slos = parse_slos("p95_ttft=500ms, mean_tpot=30 ms,p99.9_e2e=20s,P50_ITL=0.5 ms");
  REQUIRE(slos.has_value());
  REQUIRE(slos->size() == 4);
  CHECK((*slos)[0].latency == Latency::ttft);
  CHECK((*slos)[0].quantile == Approx(0.95));
  CHECK((*slos)[0].limit == Duration{500'000'000});
  CHECK((*slos)[1].mean);
  CHECK((*slos)[2].text() == "p99.9_e2e=20000ms");
  CHECK((*slos)[3].text() == "p50_itl=0.5ms");
  CHECK(parse_slos((*slos)[1].text())->front().text() == "mean_tpot=30ms");
  CHECK(parse_slos(" ")->empty());
}

TEST_CASE("a bad SLO says what is wrong and what would be right") {
  const auto fault = [](std::string_view text) { return parse_slos(text).error().text(); };
  CHECK(fault("p95_tfft=500ms") ==
        "SLO \"p95_tfft=500ms\": unknown latency \"tfft\"; did you mean \"ttft\"?");
  CHECK(fault("q95_ttft=500ms") ==
        "SLO \"q95_ttft=500ms\": unknown statistic \"q95\"; write mean or p95, p99.9, ...");
  CHECK(fault("p100_ttft=1s") ==
        "SLO \"p100_ttft=1s\": percentile 100; percentiles lie between 0 and 100, both excluded");
  CHECK(fault("p95_ttft") ==
        "SLO \"p95_ttft\": no limit; write STATISTIC_LATENCY=LIMIT, as in p95_ttft=500ms");
  CHECK(fault("ttft=1s") ==
        "SLO \"ttft=1s\": \"ttft\" is not STATISTIC_LATENCY; write it as in "
        "p95_ttft=500ms or mean_tpot=30ms");
  CHECK(fault("p95_ttft=0ms") == "SLO \"p95_ttft=0ms\": limit of 0 s; give a time above zero");
  CHECK(fault("p95_ttft=fast").find("SLO \"p95_ttft=fast\": ") == 0);
  CHECK(fault("p95_ttft=1s,,").find("SLO \"\": no limit") == 0);
}

TEST_CASE("an SLO may be of one class of requests") {
  const auto slos = parse_slos(
      "Chat_1:p95_ttft=200ms, batch:mean:tpot<=30ms,a:b:p99_e2e<=2s,p95:ttft<=1s,p95_ttft<=1s");
  REQUIRE(slos.has_value());
  REQUIRE(slos->size() == 5);
  CHECK((*slos)[0].request_class == "Chat_1");
  CHECK((*slos)[0].text() == "Chat_1:p95_ttft=200ms");
  CHECK((*slos)[1].text() == "batch:mean_tpot=30ms");
  CHECK((*slos)[2].text() == "a:b:p99_e2e=2000ms");
  CHECK((*slos)[3].text() == "p95_ttft=1000ms");
  CHECK((*slos)[3].request_class.empty());
  CHECK((*slos)[4].text() == "p95_ttft=1000ms");
  CHECK(parse_slos((*slos)[0].text())->front().request_class == "Chat_1");
  const auto fault = [](std::string_view text) { return parse_slos(text).error().text(); };
  CHECK(fault(":p95_ttft=1s").find("no class before the colon") != std::string::npos);
  CHECK(fault("chat:p95_itl=1s").find("limit the class's tpot") != std::string::npos);
  CHECK(fault("chat:p95_tfft=1s").find("did you mean \"ttft\"?") != std::string::npos);
}
