// Coefficients on other machines, and the parts of a step that the launching thread takes.
#include "models/machine.h"

#include <catch2/catch.hpp>

#include "models/fitted_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

TEST_CASE("efficiency moves the GPU, host speed the host, and neither the client or the links") {
  const CoefficientValues from = start_values();
  const CoefficientValues to = on_machine(from, {1.25, 4.0});
  const auto factor = [&](Coefficient c) {
    return to[static_cast<std::size_t>(c)] / from[static_cast<std::size_t>(c)];
  };
  CHECK(factor(Coefficient::gemm_scale) == Approx(1.25));
  CHECK(factor(Coefficient::decode_attention_scale) == Approx(1.25));
  CHECK(factor(Coefficient::layer_overhead) == Approx(1.25));
  CHECK(factor(Coefficient::allreduce_scale) == 1);
  CHECK(factor(Coefficient::host_step) == Approx(4));
  CHECK(factor(Coefficient::host_layer_eager) == Approx(4));
  CHECK(factor(Coefficient::host_launch_jitter) == 1);  // a share of the launch
  CHECK(factor(Coefficient::server_request) == Approx(2));
  CHECK(factor(Coefficient::server_output_token) == Approx(2));
  CHECK(factor(Coefficient::client_jitter) == Approx(8));
  CHECK(factor(Coefficient::client_in) == 1);
  CHECK(factor(Coefficient::client_token) == 1);
  CHECK(on_machine(from, {}) == from);
}

TEST_CASE("matrix rates, the link, fixed overheads and launches have factors of their own") {
  Machine machine{1.25, 4.0};
  machine.compute = 2;
  machine.link = 4;
  machine.overhead = 3;
  machine.launch = 0.5;
  const CoefficientValues from = start_values();
  const CoefficientValues to = on_machine(from, machine);
  const auto factor = [&](Coefficient c) {
    return to[static_cast<std::size_t>(c)] / from[static_cast<std::size_t>(c)];
  };
  CHECK(factor(Coefficient::gemm_scale) == Approx(1.25));
  CHECK(factor(Coefficient::layer_overhead) == Approx(3.75));
  CHECK(factor(Coefficient::seq_overhead) == Approx(3.75));
  CHECK(factor(Coefficient::host_step) == Approx(4));
  CHECK(factor(Coefficient::host_layer_graph) == Approx(2));
  CHECK(factor(Coefficient::host_layer_eager) == Approx(2));
  GpuSpec gpu;
  gpu.bf16 = {100e12};
  gpu.fp8 = {200e12};
  gpu.memory_bandwidth = {300e9};
  gpu.link_bandwidth = {32e9};
  gpu.bridge_bandwidth = {300e9};
  const GpuSpec reached = on_machine(gpu, machine);
  CHECK(reached.bf16.value == 50e12);
  CHECK(reached.fp8.value == 100e12);
  CHECK(reached.fp4.value == 0);
  CHECK(reached.memory_bandwidth.value == 300e9);
  CHECK(reached.link_bandwidth.value == 8e9);
  CHECK(reached.bridge_bandwidth.value == 300e9);
}

TEST_CASE("the front end has the coefficients' times in seconds") {
  CoefficientValues v{};
  coefficient(v, Coefficient::client_in) = 1.5;
  coefficient(v, Coefficient::client_token) = 40;
  coefficient(v, Coefficient::server_output_token) = 36;
  const FrontEnd f = front_end_of(v);
  CHECK(f.client_in_s == Approx(1.5e-3));
  CHECK(f.client_token_s == Approx(40e-6));
  CHECK(f.output_token_s == Approx(36e-6));
  CHECK(f.client_out_s == 0);
}

TEST_CASE("a step's host work is split into lead, launch and results") {
  CoefficientValues v = bare_values();
  coefficient(v, Coefficient::host_step) = 1;           // ms
  coefficient(v, Coefficient::host_seq) = 100;          // us
  coefficient(v, Coefficient::host_results) = 0.25;     // of those two
  coefficient(v, Coefficient::host_prefill_token) = 1;  // us
  coefficient(v, Coefficient::host_layer_eager) = 200;  // us
  coefficient(v, Coefficient::host_launch_jitter) = 0.1;
  StepContext context = deployment(llama8b());
  const FittedStepModel model(context, v);
  const StepTimes prompt = model.times(prefill(1000));
  CHECK(prompt.results == Approx(0.25 * 1.1e-3));
  CHECK(prompt.lead == Approx(0.75 * 1.1e-3 + 1e-3));
  CHECK(prompt.launch == Approx(32 * 200e-6));
  CHECK(prompt.launch_jitter == Approx(0.1 * 32 * 200e-6));
  CHECK(prompt.gpu == Approx(model.explain(prefill(1000)).gpu));
  CHECK(prompt.lead + prompt.launch + prompt.results == Approx(model.explain(prefill(1000)).host));
  const StepTimes token = model.times(decode(4, 100));
  CHECK(token.lead == Approx(0.75 * 1.4e-3));
  CHECK(token.launch == 0);
  context.async_scheduling = false;  // in turn: the sum is one time
  const FittedStepModel in_turn(context, v);
  CHECK(in_turn.times(decode(4, 100)).gpu == in_turn.seconds(decode(4, 100)));
  CHECK(in_turn.times(decode(4, 100)).lead == 0);
}
