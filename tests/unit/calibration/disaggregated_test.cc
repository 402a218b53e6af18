#include <catch2/catch.hpp>

#include "calibration/disaggregated.h"
#include "calibration/protocol.h"
#include "calibration/run_table.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

MeasuredRun pools(const std::string& concurrency, const std::string& decode_workers) {
  const auto table = load_runs(write_temporary(
      "pools.csv",
      "engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,tp,protocol,prefill_"
      "workers,prefill_tp,"
      "prefill_attention_dp,prefill_moe_ep,decode_workers,decode_tp,decode_attention_dp,decode_moe_"
      "ep,mean_ttft_ms,"
      "mean_tpot_ms\nvllm,0.22.1,H100-SXM-80GB,Qwen/Qwen3-32B,bf16,disagg,1000,100," +
          concurrency + ",,inferencemax,2,4,1,1," + decode_workers + ",2,1,1,100,10\n"));
  INFO((table ? std::string() : table.error().text()));
  REQUIRE(table.has_value());
  return table->runs[0];
}

Replayed predicted(const std::string& concurrency, const std::string& decode_workers) {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  const auto plan = plan_run(pools(concurrency, decode_workers), specs);
  INFO((plan ? std::string() : plan.error().text()));
  REQUIRE(plan.has_value());
  const auto profile = models::load_profile(catalog.folder() + "/profiles/vllm-h100-sxm.json");
  REQUIRE(profile.has_value());
  const auto out = predict_disaggregated(*plan, *profile, {});
  REQUIRE(out.has_value());
  return *out;
}

}  // namespace

TEST_CASE("a disaggregated row is read with the layout and the number of both kinds of workers") {
  const MeasuredRun run = pools("8", "3");
  CHECK(run.disaggregated);
  CHECK(run.layout.tensor == 2);
  CHECK(run.decode_workers == 3);
  CHECK(run.prefill_layout.tensor == 4);
  CHECK(run.prefill_workers == 2);
  CHECK(run.problem.empty());
  CHECK(pools("", "3").problem == "concurrency is not recorded");
}

TEST_CASE(
    "closed loop of one customer: no wait; of many without think time: the servers are always "
    "busy") {
  CHECK(closed_loop_response_s(2.0, 1, 10.0, 1) == Approx(2.0));
  CHECK(closed_loop_response_s(2.0, 4, 10.0, 1) == Approx(2.0));
  // Little's law at full use: n / (4 servers / 2 s) = 50 s for 100 customers.
  CHECK(closed_loop_response_s(2.0, 4, 0.0, 100) == Approx(50.0).epsilon(0.02));
}

TEST_CASE("requests that share decode workers slow each other; more workers share them out") {
  const Replayed alone = predicted("1", "1"), shared = predicted("64", "1"),
                 spread = predicted("64", "4");
  CHECK(*shared.figures[Figure::mean_tpot] > 1.2 * *alone.figures[Figure::mean_tpot]);
  CHECK(*spread.figures[Figure::mean_tpot] < *shared.figures[Figure::mean_tpot]);
  CHECK(*shared.figures[Figure::mean_ttft] > *alone.figures[Figure::mean_ttft]);
}

TEST_CASE("the KV cache of a lone request moves at the inter-node bandwidth of the fewer GPUs") {
  // Qwen3-32B: 64 layers x 2 x 8 heads x 128 x 2 bytes = 262144 bytes a token. With 900 tokens
  // (mean length 0.9 of 1000) over 2 GPUs at 50 GB/s that is 2.4 ms; halving the bandwidth adds as
  // much again.
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  auto plan = plan_run(pools("1", "1"), specs);
  REQUIRE(plan.has_value());
  auto profile = models::load_profile(catalog.folder() + "/profiles/vllm-h100-sxm.json");
  REQUIRE(profile.has_value());
  const auto fast = predict_disaggregated(*plan, *profile, {});
  plan->deployment.context.operators.communication.internode_gb_per_s /= 2;
  const auto slow = predict_disaggregated(*plan, *profile, {});
  REQUIRE(fast.has_value());
  REQUIRE(slow.has_value());
  CHECK(*slow->figures[Figure::mean_ttft] - *fast->figures[Figure::mean_ttft] ==
        Approx(2.359).epsilon(0.01));
}

TEST_CASE("the simulation of a disaggregated row agrees with the approximation of its means") {
  const models::Catalog catalog = shipped_catalog();
  SpecCache specs(catalog);
  const auto profile = models::load_profile(catalog.folder() + "/profiles/vllm-h100-sxm.json");
  REQUIRE(profile.has_value());
  for (const char* concurrency : {"1", "16", "64"}) {
    CAPTURE(concurrency);
    const auto plan = plan_run(pools(concurrency, "2"), specs);
    REQUIRE(plan.has_value());
    const auto simulated = simulate_disaggregated(*plan, *profile, {}, 1);
    REQUIRE(simulated.has_value());
    const Replayed means = predicted(concurrency, "2");
    CHECK(*simulated->figures[Figure::mean_tpot] ==
          Approx(*means.figures[Figure::mean_tpot]).epsilon(0.1));
    // Prompts share steps in the simulation; all of the first come at once, which many feel.
    CHECK(*simulated->figures[Figure::mean_ttft] > 0.5 * *means.figures[Figure::mean_ttft]);
    CHECK(*simulated->figures[Figure::mean_ttft] < 3 * *means.figures[Figure::mean_ttft]);
  }
}
