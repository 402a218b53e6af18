// What lies between clients and replicas: one step takes 10 ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

TEST_CASE("A request takes both ways in, each token the way out", "[fleet][network]") {
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step);
  models::NetworkProfile network;  // a 95th percentile at the median: no spread
  network.client_to_gateway = {0.020, 0.020};
  network.gateway_to_replica = {0.005, 0.005};
  network.replica_to_client = {0.007, 0.007};
  s.config.network = network;
  s.send(100, 4, 3);
  const Outcome o = run(s);
  const sim::RequestRecord& r = o.request(0);
  CHECK(r.ingress == at_ms(125));
  CHECK(r.engine_first_token == at_ms(135));
  CHECK(r.first_token == at_ms(142));
  CHECK(r.finish == at_ms(162));
  CHECK(o.summary.ttft.mean_s() == Approx(0.042));
  CHECK(o.summary.engine_ttft.mean_s() == Approx(0.010));
  CHECK(o.summary.itl.mean_s() == Approx(0.010));
}

TEST_CASE("Hops vary from request to request as their percentiles say", "[fleet][network]") {
  const ConstantStepModel step(0.001);
  Scenario s(models::EngineKind::vllm, step, 100'000);
  models::NetworkProfile network;
  network.client_to_gateway = {0.050, 0.150};
  s.config.network = network;
  for (int i = 0; i < 4000; ++i) s.send(50 * i, 4, 1);
  const Outcome o = run(s);
  // TTFT is the hop and a step; a quantile of 4,000 draws lies within a few per cent.
  CHECK(o.summary.ttft.quantile_s(0.5) == Approx(0.051).epsilon(0.05));
  CHECK(o.summary.ttft.quantile_s(0.95) == Approx(0.151).epsilon(0.07));
}
