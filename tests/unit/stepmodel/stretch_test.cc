// What a model says of a stretch of decode steps holds for each of its steps.
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
          Duration::from_seconds(t.lead + t.launch).ns, Duration::from_seconds(t.results).ns};
}

}  // namespace

TEST_CASE("steps of a stretch round to the nanoseconds of its first, and none is below its floor") {
  Stream stream({7, 0, Purpose::test, 0});
  const auto all = models_of_all_kinds(stream);
  std::int64_t longest = 0;
  for (int round = 0; round < 2000; ++round) {
    const StepModel& model = *all[stream.below(all.size())];
    const auto seqs = static_cast<int>(1 + stream.below(stream.below(2) == 0 ? 8 : 700));
    BatchShape shape = decode(seqs, static_cast<std::int64_t>(stream.below(20'000)));
    const BatchShape first = shape;
    const auto limit = static_cast<std::int64_t>(1 + stream.below(400));
    const StepModel::Stretch stretch = model.stretch(first, limit);
    const double floor = model.stretch_floor(first, limit);
    CAPTURE(round, seqs, first.decode_context_tokens, limit, stretch.steps);
    REQUIRE(stretch.steps >= 1);
    REQUIRE(stretch.steps <= limit);
    REQUIRE(stretch.times.gpu == model.times(first).gpu);
    longest = std::max(longest, stretch.steps);
    double least = stretch.times.gpu;
    for (std::int64_t step = 0; step < limit; ++step) {
      const StepTimes t = model.times(shape);
      least = std::min(least, t.gpu);
      if (step < stretch.steps && rounded(t) != rounded(stretch.times))
        FAIL("step " << step << " rounds to something else");
      shape.decode_context_tokens += seqs;
    }
    REQUIRE(floor <= least);
    REQUIRE(floor > 0.3 * least);
  }
  CHECK(longest >= 1);
}
