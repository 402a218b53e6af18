// Asynchronous scheduling with a launching thread and a GPU that work side by side (MODEL eq. 18).
// Times are worked out by hand in the comments, in ms.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

namespace {

// Prompts and single tokens take the same time but for the launch.
class PipelineModel final : public models::StepModel {
 public:
  PipelineModel(models::StepTimes times, double prompt_launch_s)
      : times_(times), prompt_launch_s_(prompt_launch_s) {}
  [[nodiscard]] double seconds(const models::BatchShape&) const noexcept override {
    return times_.gpu;
  }
  [[nodiscard]] models::StepBreakdown explain(const models::BatchShape&) const override {
    return {};
  }
  [[nodiscard]] models::StepTimes times(const models::BatchShape& shape) const noexcept override {
    models::StepTimes t = times_;
    t.launch = shape.prefill_tokens > 0 ? prompt_launch_s_ : 0;
    if (t.launch == 0) t.launch_jitter = 0;
    return t;
  }

 private:
  models::StepTimes times_;
  double prompt_launch_s_;
};

Scenario async(const models::StepModel& model) {
  Scenario s(models::EngineKind::vllm, model);
  s.engine().async_scheduling = true;
  return s;
}

}  // namespace

TEST_CASE("host work of the next step hides behind a longer GPU step") {
  const PipelineModel model({.gpu = 0.004, .lead = 0.001, .results = 0.0005}, 0);
  Scenario s = async(model);
  s.send(0, 10, 3);
  const Outcome o = run(s);
  // Launches at 0, 1 and, with the results of step 0 at 5.5, then; the GPU is never idle after 1.
  CHECK(texts(o) == Steps{"1..5 0:10", "5..9 0:1", "9..13 0:1"});
  CHECK(o.request(0).engine_first_token == at_ms(5.5));
  CHECK(o.request(0).finish == at_ms(13.5));
}

TEST_CASE("a request is seen until the results of the step before are there") {
  const PipelineModel model({.gpu = 0.004, .lead = 0.001, .results = 0.0005}, 0);
  Scenario s = async(model);
  s.send(0, 10, 8);
  s.send(5.4, 4, 1);  // after the GPU ended step 0, before its results: step 2, composed at 5.5
  s.send(9.6, 4, 1);  // step 3 was composed at 9.5: step 4
  const Outcome o = run(s);
  REQUIRE(texts(o).size() >= 5);
  CHECK(texts(o)[2] == "9..13 0:1 1:4");
  CHECK(texts(o)[3] == "13..17 0:1");
  CHECK(texts(o)[4] == "17..21 0:1 2:4");
}

TEST_CASE("a host that is slower than the GPU sets the pace") {
  const PipelineModel model({.gpu = 0.001, .lead = 0.003, .results = 0.001}, 0);
  Scenario s = async(model);
  s.send(0, 10, 5);
  const Outcome o = run(s);
  // Launches 0..3, 3..6; results of step 0 wait for the thread until 6 and take until 7;
  // launch 7..10. From then on every step takes lead + results.
  CHECK(texts(o) == Steps{"3..4 0:10", "6..7 0:1", "10..11 0:1", "14..15 0:1", "18..19 0:1"});
}

TEST_CASE("a launch that takes longer than the GPU's work delays the step and what follows") {
  const PipelineModel model({.gpu = 0.004, .lead = 0.001}, 0.012);
  Scenario s = async(model);
  s.send(0, 1000, 2);
  const Outcome o = run(s);
  // From 1 on the GPU's 4 ms and the launch's 12 run side by side: (4^4 + 12^4)^(1/4) = 12.0369 ms.
  // The thread is free at 13 and launches the next step until 14.
  REQUIRE(o.sink.steps.size() == 2);
  CHECK(o.sink.steps[0].record.end.seconds() == Approx(0.001 + 0.0120369).epsilon(1e-5));
  CHECK(o.sink.steps[1].record.start == at_ms(14));
}

TEST_CASE("launch jitter has its mean and is drawn from the seed alone") {
  models::StepTimes times{.gpu = 1e-6};
  times.launch_jitter = 0.0005;
  const PipelineModel model(times, 0.001);
  Scenario s = async(model);
  constexpr int kRequests = 4000;
  for (int i = 0; i < kRequests; ++i) s.send(20.0 * i, 10, 1);
  const Outcome o = run(s);
  double sum = 0;
  for (const auto& r : o.sink.requests) sum += r.ttft().ms();
  // Mean 1.5 ms; the standard error is 0.5 / sqrt(4000) = 0.008.
  CHECK(sum / kRequests == Approx(1.5).margin(0.03));
  CHECK(run(s).summary.digest == o.summary.digest);
  s.config.seed = 2;
  CHECK(run(s).summary.digest != o.summary.digest);
}

TEST_CASE("a client takes the tokens of a step in turn") {
  const ConstantStepModel ten(0.010);
  Scenario s(models::EngineKind::vllm, ten);
  s.config.replica.front_end.client_out_s = 0.001;
  s.config.replica.front_end.client_token_s = 0.002;
  s.send(0, 4, 1);
  s.send(0, 4, 1);
  s.send(0, 4, 1);
  const Outcome o = run(s);
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(o.request(i).first_token == at_ms(10 + 1 + 3 * 2));
}

TEST_CASE("a step that has not begun when the run stops is not counted as begun") {
  const PipelineModel model({.gpu = 0.004, .lead = 0.003}, 0);
  Scenario s = async(model);
  s.config.horizon = at_ms(2);
  s.send(0, 10, 3);
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::unfinished);
  CHECK(o.request(0).engine_scheduled == SimTime::never());
}
