// The event loop around the engines: front end, routing, horizon, errors.
#include "sim/simulation.h"

#include "tests/support/closed_load.h"
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

const ConstantStepModel kTenMs(0.010);

Scenario vllm() { return Scenario(models::EngineKind::vllm, kTenMs); }

models::FrontEnd front_end() {
  models::FrontEnd f;
  f.client_in_s = 0.001;
  f.client_out_s = 0.003;
  f.request_s = 0.002;
  f.prompt_token_s = 0.0001;
  f.output_token_s = 0.0005;
  return f;
}

Error run_error(const sim::SimulationConfig& config, std::vector<workload::Arrival> arrivals) {
  ScriptedLoad load(std::move(arrivals));
  auto summary = sim::Simulation(config).run(load, {});
  REQUIRE_FALSE(summary.has_value());
  return summary.error();
}

}  // namespace

TEST_CASE("a lone request passes client, API server, engine, API server and client") {
  Scenario s = vllm();
  s.config.replica.front_end = front_end();
  s.send(0, 10, 2);
  const Outcome o = run(s);
  // In: 1 ms, then 2 + 10 * 0.1 ms of service. Steps 4..14 and 14..24 ms; out: 0.5 + 3 ms each.
  CHECK(texts(o) == Steps{"4..14 0:10", "14..24 0:1"});
  CHECK(o.request(0).engine_queued == at_ms(4));
  CHECK(o.request(0).engine_first_token == at_ms(14));
  CHECK(o.request(0).first_token == at_ms(17.5));
  CHECK(o.request(0).engine_finish == at_ms(24));
  CHECK(o.request(0).finish == at_ms(27.5));
  CHECK(o.ended.at(0).second == at_ms(27.5));  // the load learns it when the client does
  CHECK(o.request(0).queued() == Duration::from_seconds(0.004));
}

TEST_CASE("requests and tokens queue at the API server in order of time") {
  Scenario s = vllm();
  s.config.replica.front_end = front_end();
  s.send(0, 10, 2);
  s.send(0, 10, 2);
  s.send(12, 20, 1);
  const Outcome o = run(s);
  // Request 1 waits for request 0: visible at 7 ms, after step 0 began. Request 2 is served 13..17
  // ms, so the token of step 0 (14 ms) leaves at 17.5; step 1's two tokens take 24..25 ms.
  CHECK(texts(o) == Steps{"4..14 0:10", "14..24 0:1 1:10", "24..34 1:1 2:20"});
  CHECK(o.request(0).first_token == at_ms(20.5));
  CHECK(o.request(0).finish == at_ms(28));
  CHECK(o.request(1).first_token == at_ms(28));
  CHECK(o.request(2).engine_queued == at_ms(17));
  CHECK(o.request(2).finish == at_ms(38));
  CHECK(o.summary.itl.count() == 2);
  CHECK(o.summary.itl.quantile_s(0) == Approx(0.0075));  // request 0: 20.5 to 28 ms
  CHECK(o.summary.itl.max_s() == Approx(0.010));         // request 1: 28 to 38 ms
}

TEST_CASE("network jitter is drawn per request, from seed and replication alone") {
  Scenario s = vllm();
  s.config.replica.front_end.jitter_mean_s = 0.001;
  for (int i = 0; i < 20; ++i) s.send(100.0 * i, 4, 1);
  const Outcome first = run(s);
  CHECK(run(s).summary.digest == first.summary.digest);
  CHECK(first.request(0).ttft() > Duration::from_seconds(0.010));
  CHECK(first.request(0).ttft() != first.request(1).ttft());
  s.arrivals.pop_back();
  CHECK(run(s).request(7).ttft() == first.request(7).ttft());
  s.config.run = 1;
  CHECK(run(s).request(7).ttft() != first.request(7).ttft());
}

TEST_CASE("a rejection reaches the client and the load") {
  Scenario s = vllm();
  s.config.replica.front_end = front_end();
  s.engine().max_model_len = 16;
  s.send(0, 10, 7);
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::rejected);
  CHECK(o.request(0).finish == at_ms(7));
  CHECK(o.request(0).engine_queued == SimTime::never());
  CHECK(o.ended.at(0).second == at_ms(7));
  CHECK(o.summary.counts.steps == 0);
}

TEST_CASE("round robin deals requests out in turn") {
  Scenario s = vllm();
  s.config.replicas = 3;
  s.config.router = sim::RouterKind::round_robin;
  for (int i = 0; i < 7; ++i) s.send(i, 4, 1);
  const Outcome o = run(s);
  for (std::uint64_t i = 0; i < 7; ++i) CHECK(index(o.request(i).replica) == i % 3);
}

TEST_CASE("least outstanding counts what has not ended at the client, ties to the lowest index") {
  Scenario s = vllm();
  s.config.replicas = 3;
  s.config.replica.front_end.client_out_s = 0.004;
  s.send(0, 4, 1);   // 0: ends at 14 ms
  s.send(1, 4, 5);   // 1: ends at 55 ms
  s.send(2, 4, 1);   // 2: ends at 16 ms
  s.send(13, 4, 1);  // all have one: 0
  s.send(15, 4, 1);  // 0 has one left, 1 one, 2 one: 0
  s.send(17, 4, 1);  // 2 is empty
  const Outcome o = run(s);
  const std::vector<std::uint32_t> expected{0, 1, 2, 0, 0, 2};
  for (std::uint64_t i = 0; i < expected.size(); ++i)
    CHECK(index(o.request(i).replica) == expected[i]);
}

TEST_CASE("the horizon ends the run and what has not ended is reported as it stands") {
  Scenario s = vllm();
  s.config.replica.front_end.client_out_s = 0.003;
  s.config.horizon = at_ms(21);
  s.send(0, 4, 2);   // tokens at 10 and 20 ms, 13 and 23 at the client
  s.send(2, 4, 3);   // first scheduled at 10 ms: one token at 20 ms, not at the client yet
  s.send(21, 4, 1);  // sent at the horizon: still part of the run
  s.send(22, 4, 1);  // after it
  const Outcome o = run(s);
  CHECK(o.summary.counts.arrived == 3);
  CHECK(o.summary.counts.unfinished == 3);
  CHECK(o.request(0).status == sim::RequestStatus::unfinished);
  CHECK(o.request(0).output_tokens == 2);
  CHECK(o.request(0).first_token == at_ms(13));
  CHECK(o.request(0).finish == SimTime::never());
  CHECK(o.request(1).output_tokens == 1);
  CHECK(o.request(1).first_token == SimTime::never());
  CHECK(o.request(1).engine_first_token == at_ms(20));
  CHECK(o.request(2).output_tokens == 0);
  CHECK(o.ended.empty());
}

TEST_CASE("progress can stop a run") {
  Scenario s = vllm();
  for (int i = 0; i < 10000; ++i) s.send(100.0 * i, 4, 1);
  std::uint64_t calls = 0;
  s.options.progress = [&](SimTime, std::uint64_t ended) { return ++calls, ended < 2000; };
  const Outcome o = run(s);
  CHECK(calls > 0);
  CHECK(o.summary.counts.finished >= 2000);
  CHECK(o.summary.counts.arrived < 10000);
  CHECK(o.summary.counts.arrived == o.summary.counts.finished + o.summary.counts.unfinished);
}

TEST_CASE("a closed loop sends when the client has the answer") {
  Scenario s = vllm();
  s.config.replica.front_end.client_out_s = 0.003;
  ClosedLoad load({2, 6, 4, 2, 2});
  RecordingSink sink;
  sim::RunOptions options;
  options.sink = &sink;
  const auto summary = sim::Simulation(s.config).run(load, options);
  REQUIRE(summary.has_value());
  // Two steps of 10 ms and 3 ms back: pairs are sent at 0, 23, 46 ms.
  REQUIRE(sink.requests.size() == 6);
  CHECK(sink.requests[2].sent == at_ms(23));
  CHECK(sink.requests[5].sent == at_ms(46));
  CHECK(summary->last_finish == at_ms(69));
  CHECK_FALSE(summary->saturated);
}

TEST_CASE("a config that cannot run is a usage error with the value and a remedy") {
  Scenario s = vllm();
  SECTION("llama.cpp ahead of time") {
    s.engine().kind = models::EngineKind::llamacpp;
    s.engine().async_scheduling = true;
    CHECK(run_error(s.config, {}).text() ==
          "llama.cpp schedules one step after the other; leave async scheduling off");
  }
  SECTION("no replica") {
    s.config.replicas = 0;
    CHECK(run_error(s.config, {}).text() == "0 replicas; simulate at least one");
  }
  SECTION("no budget") {
    s.engine().max_num_batched_tokens = 0;
    CHECK(run_error(s.config, {}).text() == "max_num_batched_tokens is 0; it must be at least 1");
  }
  SECTION("no blocks") {
    s.config.replica.kv.usable_blocks = 0;
    CHECK(run_error(s.config, {}).kind == ErrorKind::usage);
  }
  SECTION("a watermark that leaves nothing") {
    s.engine().watermark = 1.0;
    CHECK(run_error(s.config, {}).text() ==
          "watermark is 1; it is the share of blocks kept free: 0 to below 1");
  }
  SECTION("a chunk below the page") {
    s.engine().kind = models::EngineKind::sglang;
    s.engine().chunk_tokens = 3;
    CHECK(run_error(s.config, {}).text() ==
          "chunk_tokens is 3, less than a KV page of 4; chunks are whole pages: give at least one, "
          "or 0 "
          "for no chunking");
  }
  SECTION("a negative front-end time") {
    s.config.replica.front_end.request_s = -1;
    CHECK(run_error(s.config, {}).text() == "front-end time of -1 s; times are zero or above");
  }
  SECTION("a request without output") {
    CHECK(run_error(s.config, {request(at_ms(0), 4, 0)}).text() ==
          "request 0 has 4 prompt tokens, 0 output tokens, at most 0 permitted; prompts and "
          "outputs have "
          "at least one token, and outputs no more than they may");
  }
  SECTION("a time out of range") {
    CHECK(run_error(s.config, {request(SimTime::from_seconds(1.7e9), 4, 1)}).kind ==
          ErrorKind::usage);
  }
}

TEST_CASE("a load that breaks off turns the run into its error") {
  class BrokenLoad final : public workload::Load {
   public:
    SimTime peek() override { return SimTime::never(); }
    workload::Arrival take() override { return {}; }
    void on_finished(RequestId, SimTime) override {}
    [[nodiscard]] Result<void> failed() const override {
      return row_error("trace.csv", 7, "bad row");
    }
  };
  BrokenLoad load;
  const auto summary = sim::Simulation(vllm().config).run(load, {});
  REQUIRE_FALSE(summary.has_value());
  CHECK(summary.error().text() == "trace.csv:7: bad row");
}
