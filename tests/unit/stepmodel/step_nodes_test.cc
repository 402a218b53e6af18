// Replicas of several nodes: what the network between them costs a step.
#include <catch2/catch.hpp>

#include "models/catalog.h"
#include "models/fitted_model.h"
#include "models/topology/collectives.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

ClusterSpec topology(const char* name) {
  auto spec = Catalog(EPH_SOURCE_DIR "/data").topology(name);
  REQUIRE(spec.has_value());
  return *spec;
}

StepContext on(StepContext context, const ClusterSpec& spec) {
  const auto network = node_network(spec, context.layout.gpus());
  REQUIRE(network.has_value());
  context.network = *network;
  return context;
}

double seconds(const StepContext& context, const BatchShape& shape) {
  return FittedStepModel(context, start_values()).seconds(shape);
}

StepContext staged(int tp, int pp) {
  StepContext context = deployment(llama8b(), tp);
  context.layout.pipeline = pp;
  context.async_scheduling = false;
  return context;
}

}  // namespace

TEST_CASE("a replica inside one node does not depend on the network between nodes, to the bit") {
  Stream stream(StreamKey{3, 0, Purpose::test, 1});
  for (const StepContext& context :
       {deployment(llama8b(), 8), deployment(moe235b(), 4, 2, 8), staged(4, 2)}) {
    for (int i = 0; i < 100; ++i) {
      const BatchShape shape = random_shape(stream);
      CHECK(seconds(on(context, topology("dgx-h100")), shape) == seconds(context, shape));
    }
  }
}

TEST_CASE("an all-reduce over two nodes is one inside each and one between them") {
  const GpuSpec gpu = h100();
  const CommunicationConstants c;
  const NodeNetwork network{8, {10e-6, 40e9}};
  const double bytes = 1e7;
  // Between two nodes each GPU has an eighth: 2 steps and that eighth once each way.
  CHECK(allreduce_seconds(c, gpu, network, 16, bytes) ==
        Approx(allreduce_seconds(c, gpu, 8, bytes) + 20e-6 + bytes / 8 / 40e9));
  CHECK(allreduce_seconds(c, gpu, network, 8, bytes) == allreduce_seconds(c, gpu, 8, bytes));
}

TEST_CASE("a hop to the next stage moves hidden state and residual, cut over the tensor ranks") {
  const GpuSpec gpu = h100();
  const CommunicationConstants c;
  const NodeNetwork network{8, {10e-6, 40e9}};
  CHECK(stage_hop_seconds(c, gpu, &network, 1, 4e6) == Approx(10e-6 + 4e6 / 40e9));
  const double gather =
      c.latency_us * 1e-6 + 4e6 * 7 / 8 / (c.efficiency * gpu.link_bandwidth.value);
  CHECK(stage_hop_seconds(c, gpu, &network, 8, 4e6) == Approx(10e-6 + 0.5e6 / 40e9 + gather));
  // Two stages of 8 on two nodes: one hop a step beside what the stages take without it.
  const StepContext context = staged(8, 2);
  const BatchShape shape = prefill(2048);
  CoefficientValues values = bare_values();
  coefficient(values, Coefficient::allreduce_scale) = 1;
  const double with = FittedStepModel(context, values).seconds(shape);
  StepContext wide = context;
  wide.gpu.max_gpus_per_node = 16;  // the same without leaving the node
  const NodeNetwork constants = constant_network(context.operators.communication, context.gpu);
  const double bytes = 2.0 * 2048 * 2 * context.llm.hidden;
  CHECK(
      with - FittedStepModel(wide, values).seconds(shape) ==
      Approx(stage_hop_seconds(context.operators.communication, context.gpu, &constants, 8, bytes))
          .epsilon(1e-6));
}

TEST_CASE("slower networks never make a step faster, and more nodes never the all-reduce") {
  const StepContext tensor = deployment(llama8b(), 16), experts = deployment(deepseek(), 2, 8, 16),
                    stages = staged(8, 2);
  for (const StepContext& context : {tensor, experts, stages}) {
    for (const BatchShape& shape : {decode(32, 1000), prefill(4096), decode(1, 100)}) {
      ClusterSpec spec = topology("dgx-h100");
      double before = 0;
      for (const double gigabytes : {400.0, 100.0, 50.0, 12.5, 1.0}) {
        spec.nic_bytes_per_s = gigabytes * 1e9;
        const double time = seconds(on(context, spec), shape);
        CHECK(time >= before);
        before = time;
      }
    }
  }
  const GpuSpec gpu = h100();
  double before = 0;
  for (const int nodes : {1, 2, 4, 8, 16}) {
    const NodeNetwork network = *node_network(topology("dgx-h100"), 8 * nodes);
    const double time = allreduce_seconds({}, gpu, network, 8 * nodes, 1e6);
    CHECK(time > before);
    before = time;
  }
}

TEST_CASE(
    "batches side by side in a pipeline cost what one of them costs, and a lone one all stages") {
  StepContext one = staged(1, 4), four = one;
  four.pipeline_batches = 4;
  // 256 decodes are four batches of 64, each with a quarter of the context.
  CHECK(seconds(four, decode(256, 1000)) == seconds(one, decode(64, 1000)));
  CHECK(seconds(four, decode(1, 1000)) == seconds(one, decode(1, 1000)));  // nothing beside it
  CHECK(seconds(four, prefill(512)) == seconds(one, prefill(512)));
  // There are never more batches than stages.
  four.pipeline_batches = 64;
  CHECK(seconds(four, decode(256, 1000)) == seconds(one, decode(64, 1000)));
  for (int decodes = 1; decodes < 300; ++decodes)
    CHECK(seconds(four, decode(decodes, 500)) <= seconds(one, decode(decodes, 500)));
}
