// What a model says of a stretch of decode steps holds for each of its steps.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "core/time.h"
#include "models/compact_model.h"
#include "models/fitted_model.h"
#include "models/linear_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

// With host work, and factors between 1/e and e that go up and down with contexts.
FittedStepModel fitted(const LlmSpec& llm, bool residual, Stream& stream) {
  CoefficientValues values = bare_values();
  coefficient(values, Coefficient::host_step) = 0.4;
  coefficient(values, Coefficient::host_seq) = 3;
  coefficient(values, Coefficient::host_results) = 0.3;
  FittedStepModel model(deployment(llm), values);
  if (!residual) return model;
  StepResidual r;
  for (double& knot : r.decode) knot = 2 * stream.unit() - 1;
  model.set_residual(r);
  return model;
}

std::vector<std::unique_ptr<StepModel>> models_of_all_kinds(Stream& stream) {
  std::vector<std::unique_ptr<StepModel>> all;
  for (const bool residual : {false, true}) {
    all.push_back(std::make_unique<FittedStepModel>(fitted(llama8b(), residual, stream)));
    all.push_back(std::make_unique<FittedStepModel>(fitted(windowed(), residual, stream)));
  }
  all.push_back(std::make_unique<LinearStepModel>(LinearProfile{"", 5, 20, 10, 0.3, false, {}}));
  CompactProfile compact;
  compact.values = {1, 2, 30, 4, 0.4, 1.5, 0.1, 3, 1};
  all.push_back(std::make_unique<CompactStepModel>(compact));
  return all;
}

std::vector<std::int64_t> rounded(const StepTimes& t) {
  return {Duration::from_seconds(t.gpu).ns, Duration::from_seconds(t.lead).ns,
          Duration::from_seconds(t.results).ns};
}

}  // namespace

TEST_CASE("the steps of a stretch round as its single steps do, and none is below its floor") {
  Stream stream({7, 0, Purpose::test, 0});
  const auto all = models_of_all_kinds(stream);
  constexpr std::int64_t kSteps = 512;
  std::int64_t longest = 0, asked = 0, unsure = 0;
  for (int round = 0; round < 5000; ++round) {
    const StepModel& model = *all[stream.below(all.size())];
    const auto seqs = static_cast<int>(1 + stream.below(stream.below(2) == 0 ? 8 : 300));
    const std::int64_t near = std::int64_t{128} << stream.below(9);  // a knot, or none
    BatchShape shape =
        decode(seqs, stream.below(2) == 0 ? near - static_cast<std::int64_t>(stream.below(20))
                                          : static_cast<std::int64_t>(stream.below(20'000)));
    shape.decode_context_tokens += static_cast<std::int64_t>(stream.below(3));
    const BatchShape first = shape;
    Stretch stretch = model.stretch(first);
    const std::int64_t known = std::min(kSteps, stretch.left);
    const double floor = model.stretch_floor(first, kSteps), sum_floor = stretch.floor(known);
    CAPTURE(round, seqs, first.decode_context_tokens, known);
    REQUIRE(known >= 1);
    longest = std::max(longest, known);
    double least = model.times(first).gpu, sum = 0;
    StepBlock block;
    std::size_t looked = 0, sure_steps = 0;  // of the block: steps gone through, and those promised
    Stretch behind = stretch;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      const StepTimes t = model.times(shape);
      least = std::min(least, t.gpu);
      REQUIRE(stretch.shape == shape);
      if (looked == sure_steps && stretch.left > 0) {
        behind = stretch;
        looked = 0;
        sure_steps = stretch.look(block, 1 + stream.below(StepBlock::kMost));
      }
      RoundedStep r;
      const bool sure = stretch.next(r);
      if (looked < sure_steps) {
        if (rounded(t) != std::vector{block.gpu[looked], block.lead[looked], block.results[looked]})
          FAIL("step " << step << " rounds to something else in a block");
        Stretch after = behind;
        after.skip(block, ++looked);
        REQUIRE(after.shape == stretch.shape);
        REQUIRE(after.left == stretch.left);
        REQUIRE(after.step_ns() == Approx(stretch.step_ns()).epsilon(1e-13));
      }
      if (sure && rounded(t) != std::vector{r.gpu, r.lead, r.results})
        FAIL("step " << step << " rounds to something else");
      if (step < known) {
        ++asked;
        unsure += sure ? 0 : 1;
        sum += static_cast<double>(rounded(t)[0]);
      }
      shape.decode_context_tokens += seqs;
    }
    REQUIRE(sum_floor <= sum);
    REQUIRE(sum_floor > 0.25 * sum - static_cast<double>(known));
    REQUIRE(floor <= least);
    REQUIRE(floor > 0.3 * least);
  }
  CHECK(longest == kSteps);
  CHECK(unsure > 0);  // the linear model's times are often halves of nanoseconds
  CHECK(unsure < asked / 5);
}

TEST_CASE("a model with launches leaves its stretches to single steps") {
  CoefficientValues values = bare_values();
  coefficient(values, Coefficient::host_layer_eager) = 10;
  const FittedStepModel model(deployment(llama8b()), values);
  CHECK(model.stretch(decode(8, 100)).left > 0);
  CHECK(model.stretch(decode(600, 100)).left == 0);  // above the largest graph
}
