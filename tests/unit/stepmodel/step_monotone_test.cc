#include <catch2/catch.hpp>
#include <cmath>

#include "models/fitted_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

std::vector<StepContext> deployments() {
  std::vector<StepContext> all{deployment(llama8b()),           deployment(llama8b(), 8),
                               deployment(moe235b(), 4),        deployment(moe235b(), 8, 1, 8),
                               deployment(windowed(), 2),       deployment(deepseek(), 8),
                               deployment(deepseek(), 2, 4, 8), deployment(hybrid(), 2)};
  all.push_back(deployment(llama8b(), 2));
  all.back().async_scheduling = false;
  all.push_back(deployment(llama8b()));
  all.back().max_graph_tokens = 0;
  return all;
}

}  // namespace

TEST_CASE("step times are positive, finite and never fall when a step grows") {
  const std::uint64_t seed = 20;
  Stream stream(StreamKey{seed, 0, Purpose::test, 1});
  for (const StepContext& context : deployments()) {
    const FittedStepModel model(context, start_values());
    for (int i = 0; i < 400; ++i) {
      const BatchShape shape = random_shape(stream);
      const double base = model.seconds(shape);
      REQUIRE(base > 0);
      REQUIRE(std::isfinite(base));
      BatchShape more = shape;
      const auto grown = [&](BatchShape bigger, const char* what) {
        INFO(context.llm.name << " tp " << context.layout.tensor << ": " << what << ", seed "
                              << seed);
        CHECK(model.seconds(bigger) >= base * (1 - 1e-12));
      };
      more.decode_seqs += 1 + static_cast<int>(stream.below(100));
      grown(more, "decodes");
      more = shape;
      more.decode_context_tokens += 1 + static_cast<std::int64_t>(stream.below(10000));
      grown(more, "context");
      more = shape;
      more.prefill_tokens += 1 + static_cast<std::int64_t>(stream.below(3000));
      more.prefill_seqs = std::max(more.prefill_seqs, 1);
      grown(more, "prompt tokens");
      more = shape;
      more.prefill_pairs += 1 + static_cast<std::int64_t>(stream.below(1000000));
      grown(more, "pairs");
      more = shape;
      more.prefill_context_tokens += 1 + static_cast<std::int64_t>(stream.below(10000));
      grown(more, "past of chunks");
      more = shape;
      more.prefill_seqs += 1;
      grown(more, "chunks");
      more = shape;
      more.sampled_seqs += 1;
      grown(more, "samples");
    }
  }
}

TEST_CASE("a slower GPU is never quicker") {
  Stream stream(StreamKey{21, 0, Purpose::test, 2});
  for (const StepContext& context : deployments()) {
    const FittedStepModel model(context, start_values());
    for (int which = 0; which < 4; ++which) {
      StepContext slow = context;
      if (which == 0) slow.gpu.memory_bandwidth.value *= 0.6;
      if (which == 1) slow.gpu.bf16.value *= 0.6;
      if (which == 2) slow.gpu.fp8.value *= 0.6;
      if (which == 3) slow.gpu.link_bandwidth.value *= 0.6;
      const FittedStepModel slower(slow, start_values());
      for (int i = 0; i < 50; ++i) {
        const BatchShape shape = random_shape(stream);
        CHECK(slower.seconds(shape) >= model.seconds(shape) * (1 - 1e-12));
      }
    }
  }
}

TEST_CASE("the parts explain the GPU time and the total") {
  Stream stream(StreamKey{22, 0, Purpose::test, 3});
  for (const StepContext& context : deployments()) {
    const FittedStepModel model(context, start_values());
    for (int i = 0; i < 100; ++i) {
      const BatchShape shape = random_shape(stream);
      const StepBreakdown b = model.explain(shape);
      CHECK(b.total == model.seconds(shape));
      const double parts = b.gemm + b.attention_prefill + b.attention_decode + b.moe +
                           b.communication + b.elementwise + b.overhead;
      CHECK(parts == Approx(b.gpu).epsilon(1e-12));
    }
  }
}

TEST_CASE("an empty step takes no time") {
  const FittedStepModel model(deployment(llama8b()), start_values());
  CHECK(model.seconds(BatchShape{}) == 0);
  CHECK(model.explain(BatchShape{}).total == 0);
}
