#include <catch2/catch.hpp>
#include <cmath>

#include "models/fitted_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

TEST_CASE("the gradient agrees with central differences") {
  Stream stream(StreamKey{30, 0, Purpose::test, 1});
  for (StepContext context :
       {deployment(llama8b(), 2), deployment(moe235b(), 8, 1, 4), deployment(windowed()),
        deployment(deepseek(), 2, 4, 8), deployment(hybrid())}) {
    for (bool async : {true, false}) {
      context.async_scheduling = async;
      CoefficientValues values = start_values();
      coefficient(values, Coefficient::fp8_block_extra) = 0.1;
      coefficient(values, Coefficient::fp4_extra) = 0.2;
      coefficient(values, Coefficient::prefill_token_overhead) = 0.3;
      const FittedStepModel model(context, values);
      FittedStepModel moved = model;
      std::vector<double> row(kCoefficientCount);
      for (int i = 0; i < 20; ++i) {
        const BatchShape shape = random_shape(stream);
        model.gradient(shape, row);
        for (std::size_t c = 0; c < kCoefficientCount; ++c) {
          const double h = 1e-4 * std::max(1.0, std::abs(values[c]));
          CoefficientValues there = values;
          there[c] = values[c] + h;
          moved.set_values(there);
          const double up = moved.seconds(shape);
          there[c] = values[c] - h;
          moved.set_values(there);
          const double down = moved.seconds(shape);
          INFO(coefficient_info(static_cast<Coefficient>(c)).name << " of " << context.llm.name);
          // Rounding of the difference: 1e-16 * step / h.
          CHECK(row[c] == Approx((up - down) / (2 * h)).epsilon(1e-5).margin(1e-11));
        }
      }
    }
  }
}

TEST_CASE("front-end coefficients do not move the step") {
  const FittedStepModel model(deployment(llama8b()), start_values());
  std::vector<double> row(kCoefficientCount, 1.0);
  model.gradient(prefill(1000), row);
  for (Coefficient c :
       {Coefficient::client_token, Coefficient::client_in, Coefficient::client_out,
        Coefficient::client_jitter, Coefficient::server_request, Coefficient::server_prompt_token,
        Coefficient::server_output_token, Coefficient::kv_reserve}) {
    CHECK(row[static_cast<std::size_t>(c)] == 0);
  }
}

TEST_CASE("setting the same values again changes nothing") {
  FittedStepModel model(deployment(moe235b(), 4), start_values());
  const double before = model.seconds(prefill(3000, 1000));
  CoefficientValues other = start_values();
  coefficient(other, Coefficient::gemm_scale) = 2;
  model.set_values(other);
  CHECK(model.seconds(prefill(3000, 1000)) > before);
  model.set_values(start_values());
  CHECK(model.seconds(prefill(3000, 1000)) == before);
}
