#include "models/step_residual.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "models/fitted_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph::models;
using namespace eph::models::test;

namespace {

// Knot (i, j) of the decode surface is i + 10 j, so that every reading tells its place.
StepResidual numbered() {
  StepResidual r;
  for (std::size_t i = 0; i < StepResidual::kSeqKnots; ++i) {
    for (std::size_t j = 0; j < StepResidual::kContextKnots; ++j) {
      r.decode[i * StepResidual::kContextKnots + j] = static_cast<double>(i + 10 * j);
    }
  }
  for (std::size_t i = 0; i < StepResidual::kPromptKnots; ++i)
    r.prefill[i] = static_cast<double>(i);
  return r;
}

BatchShape decodes(int seqs, std::int64_t context_each) {
  BatchShape s;
  for (int i = 0; i < seqs; ++i) s.add_decode(context_each);
  return s;
}

}  // namespace

TEST_CASE("a residual reads its knots at powers of two and is linear in the count between them") {
  const StepResidual r = numbered();
  CHECK(r.decode_at(1, 128) == 0);
  CHECK(r.decode_at(8, 128) == 3);
  CHECK(r.decode_at(8, 512) == 23);
  CHECK(r.decode_at(12, 128) == 3.5);  // half way from 8 to 16
  CHECK(r.decode_at(8, 640) == 25.5);  // 512 + 128 of 512
  CHECK(r.prefill_at(64) == 0);
  CHECK(r.prefill_at(96) == 0.5);
  CHECK(r.prefill_at(16384) == 8);
}

TEST_CASE("a residual stays constant beyond its last knots") {
  const StepResidual r = numbered();
  CHECK(r.decode_at(2000, 128) == 9);
  CHECK(r.decode_at(1, 10) == 0);
  CHECK(r.decode_at(1, 1e6) == 70);
  CHECK(r.prefill_at(1) == 0);
  CHECK(r.prefill_at(1e6) == 8);
}

TEST_CASE("prompt work and decodes mix by their share of tokens") {
  StepResidual r;
  r.decode.fill(0.2);
  r.prefill.fill(-0.1);
  CHECK(r.log_factor(decodes(4, 1000)) == Approx(0.2));
  BatchShape mixed = decodes(100, 1000);
  mixed.add_chunk(300, 0, true);
  CHECK(r.log_factor(mixed) == Approx(0.25 * 0.2 - 0.75 * 0.1));
  BatchShape prompt;
  prompt.add_chunk(300, 0, true);
  CHECK(r.log_factor(prompt) == Approx(-0.1));
}

TEST_CASE("a residual multiplies whole steps, and zeros change nothing at all") {
  FittedStepModel model(deployment(llama8b()), start_values());
  const FittedStepModel plain = model;
  const BatchShape shape = decodes(32, 700);
  model.set_residual({});
  CHECK(model.seconds(shape) == plain.seconds(shape));
  StepResidual r;
  r.decode.fill(std::log(1.5));
  model.set_residual(r);
  CHECK(model.seconds(shape) == Approx(1.5 * plain.seconds(shape)).epsilon(1e-12));
  CHECK(model.explain(shape).total == model.seconds(shape));
}
