// The step model where the roofline has closed forms.
#include <catch2/catch.hpp>
#include <cmath>

#include "models/fitted_model.h"
#include "models/machine.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph::models;
using namespace eph::models::test;

namespace {

// Weights of llama8b without the embedding: 32 layers of (4096 x 6144 + 4096^2 + 3 * 4096 * 14336)
// and the head 4096 x 128256, 2 bytes each: 15.01 GB.
constexpr double kWeightBytes =
    2.0 * (32.0 * (4096.0 * 6144 + 4096.0 * 4096 + 3.0 * 4096 * 14336) + 4096.0 * 128256);

OperatorModel ideal_operators() {
  OperatorModel o;
  for (GemmConstants& g : o.gemm) g = {0, 1, 1, 1, 0, 0, 8};
  for (MoeConstants& m : o.moe) m = {0, 1, 1, 0, 0, 0, true, 8};
  o.attention = {1, 1, 1, 1, 0, 1};
  o.communication.latency_us = 0;
  o.communication.efficiency = 1;
  return o;
}

FittedStepModel ideal(StepContext c) {
  c.operators = ideal_operators();
  CoefficientValues v = bare_values();
  coefficient(v, Coefficient::elementwise_scale) = 0;
  return {c, v};
}

}  // namespace

TEST_CASE("with ideal kernels a decode at batch 1 takes weights over bandwidth") {
  const double t = ideal(deployment(llama8b())).seconds(decode(1, 1));
  CHECK(t == Approx(kWeightBytes / 3.35e12).epsilon(1e-3));  // 4.48 ms
}

TEST_CASE("with ideal kernels a long prefill takes its flops over the peak") {
  BatchShape s = prefill(65536);
  const double linear = 2 * 65536.0 * 32 * (4096.0 * 6144 + 4096.0 * 4096 + 3.0 * 4096 * 14336);
  const double attention = 4.0 * 32 * 128 * 32 * (65536.0 * 65537 / 2);
  CHECK(ideal(deployment(llama8b())).seconds(s) ==
        Approx((linear + attention) / 989.4e12).epsilon(1e-3));
}

TEST_CASE("below the ridge point doubling the flops changes less than 1 %") {
  StepContext fast = deployment(llama8b());
  fast.gpu.bf16.value *= 2;
  const FittedStepModel one(deployment(llama8b()), bare_values()), two(fast, bare_values());
  for (int batch : {1, 4, 16}) {
    const double a = one.seconds(decode(batch, 500)), b = two.seconds(decode(batch, 500));
    CHECK(b <= a);
    CHECK(a / b < 1.1);  // the soft corner of real kernels
  }
  StepContext slow = deployment(llama8b()), quick = fast;
  const double a = ideal(slow).seconds(decode(1, 500)), b = ideal(quick).seconds(decode(1, 500));
  CHECK(a / b < 1.01);
}

TEST_CASE("above the ridge point doubling the bandwidth changes less than 5 %") {
  StepContext wide = deployment(llama8b());
  wide.gpu.memory_bandwidth.value *= 2;
  const double a = FittedStepModel(deployment(llama8b()), bare_values()).seconds(prefill(8192));
  const double b = FittedStepModel(wide, bare_values()).seconds(prefill(8192));
  CHECK(b < a);
  CHECK(a / b < 1.05);
}

TEST_CASE("tensor parallelism divides large gemms by its degree") {
  const auto gemm = [](int tp) {
    return FittedStepModel(deployment(llama8b(), tp), bare_values()).explain(prefill(16384)).gemm;
  };
  CHECK(gemm(1) / gemm(2) == Approx(2).epsilon(0.03));
  CHECK(gemm(1) / gemm(4) == Approx(4).epsilon(0.06));
}

TEST_CASE("key and value heads replicate beyond their number") {
  // Per rank one KV head at tp 8 (8 heads) and at tp 16: the context costs the same, not half.
  const auto attention = [](int tp) {
    StepContext c = deployment(llama8b(), tp);
    c.operators.attention.decode_compute_efficiency = 1e6;  // memory only
    return FittedStepModel(c, bare_values()).explain(decode(32, 4000)).attention_decode;
  };
  CHECK(attention(4) / attention(8) == Approx(2));
  CHECK(attention(16) == Approx(attention(8)));
}

TEST_CASE("a decode reads the keys and values of its context") {
  // 64 x 2000 tokens x 32 layers x 2 x 8 x 128 x 2 bytes = 16.78 GB -> 5.008 ms ideally.
  StepContext c = deployment(llama8b());
  c.operators.attention.decode_compute_efficiency = 1e6;
  c.operators.attention.decode_memory_efficiency = 1;
  const double t = FittedStepModel(c, bare_values()).explain(decode(64, 2000)).attention_decode;
  CHECK(t == Approx(64.0 * 2000 * 32 * 2 * 8 * 128 * 2 / 3.35e12));
  c.kv_precision = Precision::fp8;
  c.operators.attention.decode_memory_efficiency_8bit = 1;
  CHECK(FittedStepModel(c, bare_values()).explain(decode(64, 2000)).attention_decode ==
        Approx(t / 2));
}

TEST_CASE("windowed layers stop paying for context beyond the window") {
  const FittedStepModel m(deployment(windowed()), bare_values());
  const double at_window = m.explain(decode(16, 128)).attention_decode;
  const double beyond = m.explain(decode(16, 1280)).attention_decode;
  // Half of the layers are full: (10 + 1) / 2 times the cost at the window.
  CHECK(beyond / at_window == Approx(5.5));
}

TEST_CASE("latent attention reads 576 values a token on every rank") {
  StepContext c = deployment(deepseek());
  c.operators.attention.mla_decode_compute_efficiency = 1e6;
  c.operators.attention.mla_decode_memory_efficiency = 1;
  const double expected = 32.0 * 1000 * 61 * 576 * 2 / 3.35e12;
  CHECK(FittedStepModel(c, bare_values()).explain(decode(32, 1000)).attention_decode ==
        Approx(expected));
  c.layout.tensor = 8;
  CHECK(FittedStepModel(c, bare_values()).explain(decode(32, 1000)).attention_decode ==
        Approx(expected));
}

TEST_CASE("linear attention costs the same at any context") {
  LlmSpec all_linear = hybrid();
  all_linear.groups = {{48, AttentionKind::linear, 0, true}};
  const FittedStepModel m(deployment(all_linear), bare_values());
  CHECK(m.seconds(decode(8, 100)) == m.seconds(decode(8, 100000)));
  // State: 32 heads x 128 x 128 x 4 bytes, read and written, 48 layers, 8 sequences, 86 % of the
  // peak.
  CHECK(m.explain(decode(8, 100)).attention_decode ==
        Approx(8 * 48.0 * 2 * 32 * 128 * 128 * 4 / (0.86 * 3.35e12)));
}

TEST_CASE("data-parallel attention splits tokens and context between its ranks") {
  const StepBreakdown one =
      FittedStepModel(deployment(deepseek(), 1, 1), bare_values()).explain(decode(8, 1000));
  const StepBreakdown four =
      FittedStepModel(deployment(deepseek(), 1, 4, 4), bare_values()).explain(decode(32, 1000));
  CHECK(four.attention_decode == Approx(one.attention_decode));
  CHECK(four.communication > 0);
  CHECK(one.communication == 0);
}

TEST_CASE("host work hides behind the GPU only with asynchronous scheduling") {
  StepContext c = deployment(llama8b());
  CoefficientValues v = bare_values();
  coefficient(v, Coefficient::host_step) = 1;  // ms
  const double gpu = FittedStepModel(c, bare_values()).seconds(decode(1, 100));
  const double async = FittedStepModel(c, v).seconds(decode(1, 100));
  CHECK(async == Approx(std::pow(std::pow(gpu, 4) + 1e-12, 0.25)));
  c.async_scheduling = false;
  CHECK(FittedStepModel(c, v).seconds(decode(1, 100)) == Approx(gpu + 1e-3));
  const CoefficientValues slow = on_machine(v, {1.0, 2.0});
  CHECK(FittedStepModel(c, slow).seconds(decode(1, 100)) == Approx(gpu + 2e-3));
}

TEST_CASE("a step above the largest graph pays eager host time per layer") {
  CoefficientValues v{};
  coefficient(v, Coefficient::host_layer_graph) = 50;
  coefficient(v, Coefficient::host_layer_eager) = 200;
  coefficient(v, Coefficient::host_tp_extra) = 0.5;
  const FittedStepModel one(deployment(llama8b()), v), two(deployment(llama8b(), 2), v);
  CHECK(one.explain(decode(512, 10)).host == 0);
  CHECK(one.explain(prefill(512)).host == Approx(32 * 50e-6));
  CHECK(one.explain(prefill(513)).host == Approx(32 * 200e-6));
  CHECK(one.explain(decode(513, 10)).host == Approx(32 * 200e-6));
  CHECK(two.explain(prefill(513)).host == Approx(32 * 300e-6));
}

TEST_CASE("unfitted, Llama-3.1-8B on H100 decodes in 6.3 to 7 ms, on eight GPUs in 2.3 ms") {
  // 6.5 ms at batch 1 and 2.33 ms at tp 8 as measured with vLLM 0.22 (docs/MODEL.md, "Step time").
  const double one = FittedStepModel(deployment(llama8b()), start_values()).seconds(decode(1, 320));
  const double eight =
      FittedStepModel(deployment(llama8b(), 8), start_values()).seconds(decode(1, 320));
  CHECK(one > 6.3e-3);
  CHECK(one < 7.0e-3);
  CHECK(eight == Approx(2.3e-3).epsilon(0.1));
}

TEST_CASE("experts weigh the same on a rank whether they are cut or spread") {
  // At many tokens every rank reads 1/8 of all experts' bytes either way.
  const auto moe = [](int expert_ranks) {
    StepContext c = deployment(moe235b(), 8, 1, expert_ranks);
    c.operators = ideal_operators();
    c.gpu.fp8.value *= 1e6;  // memory only
    return FittedStepModel(c, bare_values()).explain(decode(512, 1)).moe;
  };
  CHECK(moe(8) == Approx(moe(1)).epsilon(1e-6));
  const double bytes = 94 * 128 * 3.0 * 4096 * 1536 * bytes_per_value(Precision::fp8_block);
  CHECK(moe(1) == Approx(bytes / 8 / 3.35e12).epsilon(1e-6));
}
