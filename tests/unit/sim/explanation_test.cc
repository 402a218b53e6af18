// Where a request's time goes, worked out by hand.
#include "sim/explanation.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;
using sim::TimePart;

namespace {

sim::Explanation explain(const Scenario& s, std::uint64_t id) {
  const sim::RequestRecord known = run(s).request(id);
  sim::RequestWatch watch(known, *s.config.replica.step);
  ScriptedLoad load(s.arrivals);
  sim::RunOptions options;
  options.sink = &watch;
  REQUIRE(sim::Simulation(s.config).run(load, options));
  return watch.explanation();
}

// Parts in ms that are not zero.
std::string text(const sim::TimeParts& parts) {
  std::string out;
  for (std::size_t i = 0; i < sim::kTimeParts; ++i)
    if (parts.part[i] != Duration::zero())
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name(static_cast<TimePart>(i)),
                         static_cast<double>(parts.part[i].ns) / 1e6);
  return out;
}

// 5 ms, 40 us a prompt token, 10 us a decoding sequence.
const LinearStepModel kLinear(0.005, 40e-6, 10e-6);

Scenario two_requests(models::EngineKind kind) {
  Scenario s(kind, kLinear, 10000, 1);
  s.send(0, 100, 3);
  s.send(1, 200, 2);
  return s;
}

}  // namespace

// Steps: 0 to 9 ms prefills request 0 (5 + 100 * 0.04). Request 1, seen at 1 ms, is prefilled alone
// in 5 + 8 = 13 ms, during which 0 waits. Then both decode in 5.02 ms, then 0 alone in 5.01 ms.
TEST_CASE("under sglang the prompts of others stall decodes for whole steps") {
  const Scenario s = two_requests(models::EngineKind::sglang);
  const sim::Explanation first = explain(s, 0), second = explain(s, 1);
  CHECK(text(first.to_first_token) == "prefill_own 9");
  CHECK(text(first.after) == "decode 10.03, decode_stalls 13");
  CHECK(first.whole.total() == Duration{32'030'000});
  CHECK(text(second.to_first_token) == "queue 8, prefill_own 13");
  CHECK(text(second.after) == "decode 5.02");
}

// vLLM: the second step holds a decode of 0 and the prompt of 1: 5 + 8 + 0.01 = 13.01 ms. Without
// the prompt the decode would have taken 5.01 ms, without the decode the prompt 13 ms.
TEST_CASE("under vllm a shared step is divided by what each would have taken alone") {
  const Scenario s = two_requests(models::EngineKind::vllm);
  const sim::Explanation first = explain(s, 0), second = explain(s, 1);
  CHECK(text(first.to_first_token) == "prefill_own 9");
  CHECK(text(first.after) == "decode 10.03, decode_stalls 8");
  CHECK(text(second.to_first_token) == "queue 8, prefill_own 13, decode_others 0.01");
  CHECK(text(second.after) == "decode 5.02");
}

TEST_CASE("two prompts in one step: each sees the other's part") {
  Scenario s(models::EngineKind::vllm, kLinear, 10000, 1);
  s.send(0, 100, 1);
  s.send(0, 50, 1);
  CHECK(text(explain(s, 0).whole) == "prefill_own 9, prefill_others 2");
  CHECK(text(explain(s, 1).whole) == "prefill_own 7, prefill_others 4");
}

// The script of vllm_test.cc: request 1 has tokens at 10 and 20 ms, is preempted at 20, scheduled
// again at 60, has its third token at 70 and its sixth at 100 ms. A constant model gives every
// share in full.
TEST_CASE("preemption is waiting again and recomputation") {
  const ConstantStepModel ten_ms(0.010);
  Scenario s(models::EngineKind::vllm, ten_ms, 4, 4);
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  const sim::Explanation e = explain(s, 1);
  CHECK(text(e.to_first_token) == "prefill_own 10");
  CHECK(text(e.after) == "decode 40, preemption_wait 40, recompute 10");
}

// 1 ms to the server, 2 ms parsing, then a step of 10 ms; its token takes 3 ms in the server and 4
// ms on the way back.
TEST_CASE("front end and network stand on both sides of the engine") {
  const ConstantStepModel ten_ms(0.010);
  Scenario s(models::EngineKind::vllm, ten_ms);
  models::FrontEnd& f = s.config.replica.front_end;
  f.client_in_s = 0.001;
  f.request_s = 0.002;
  f.output_token_s = 0.003;
  f.client_out_s = 0.004;
  s.send(0, 8, 1);
  CHECK(text(explain(s, 0).whole) == "network 5, host 5, prefill_own 10");
}
