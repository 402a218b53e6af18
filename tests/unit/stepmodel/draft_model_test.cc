// What verification and drafting add to a step, against the equations worked out beside the code.
#include "models/draft_model.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "models/linear_model.h"
#include "models/ranked_model.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

// `seqs` decodes at `context` that verify `drafts` tokens each.
BatchShape verification(int seqs, std::int64_t context, int drafts) {
  BatchShape s = decode(seqs, context);
  s.draft_tokens = seqs * drafts;
  return s;
}

DraftingStepModel drafting(const StepContext& context, int passes, int width = 1) {
  const CoefficientValues values = start_values(EngineKind::vllm);
  return DraftingStepModel(std::make_unique<FittedStepModel>(context, values), context, values,
                           {passes, width});
}

}  // namespace

TEST_CASE("verifying drafts costs their tokens in the matrices and queries in the attention") {
  const StepContext context = deployment(llama8b());
  const FittedStepModel model(context, start_values(EngineKind::vllm));
  const double plain = model.times(decode(32, 2000)).gpu;
  const double verify = model.times(verification(32, 2000, 3)).gpu;
  // A context of 2,000 is read once for all four queries. 128 tokens instead of 32 are still bound
  // by streaming the weights: far less than four steps.
  CHECK(verify > plain);
  CHECK(verify < 2 * plain);
  // Matrices alone: no context. They are those of 128 decodes, but for the sequences' overhead.
  const auto seq = static_cast<std::size_t>(Coefficient::seq_overhead);
  const double per_seq =
      start_values(EngineKind::vllm)[seq] * coefficient_info(Coefficient::seq_overhead).to_si;
  CHECK(model.times(verification(32, 0, 3)).gpu ==
        Approx(model.times(decode(128, 0)).gpu - 96 * per_seq).epsilon(1e-9));
}

TEST_CASE("attention with more queries a sequence moves the same bytes and computes more") {
  const StepOps ops = step_ops(deployment(llama8b()));
  REQUIRE(ops.attentions.size() == 1);
  const AttentionOp& op = ops.attentions.front();
  CHECK(op.verify_per_token(1) == Approx(op.decode_per_token).epsilon(1e-12));
  CHECK(op.verify_per_token(4) == Approx(std::hypot(op.decode_memory, 4 * op.decode_compute)));
  CHECK(op.verify_per_token(4) < 4 * op.decode_per_token);
}

TEST_CASE("a step never takes less with more drafts") {
  const FittedStepModel model(deployment(moe235b(), 4, 1, 4), start_values(EngineKind::vllm));
  for (const int seqs : {1, 7, 64, 400}) {
    double before = 0;
    for (int drafts = 0; drafts <= 8; ++drafts) {
      const double now = model.times(verification(seqs, 1500, drafts)).gpu;
      CHECK(now >= before);
      before = now;
    }
  }
}

TEST_CASE("drafting is a pass over the step's tokens and one over each further position") {
  const StepContext context = deployment(llama8b());
  const FittedStepModel target(context, start_values(EngineKind::vllm));
  const BatchShape step = verification(16, 1000, 3);
  const double base = target.times(step).gpu;
  const double one = drafting(context, 1).times(step).gpu - base;
  const double two = drafting(context, 2).times(step).gpu - base;
  const double three = drafting(context, 3).times(step).gpu - base;
  CHECK(one > 0);
  CHECK(three - two == Approx(two - one).epsilon(1e-9));  // the further passes are alike
  // A layer of 32 and the LM head: more than 1/32 of the step, less than 1/4.
  CHECK(one > base / 32);
  CHECK(one < base / 4);
  // A tree's positions hold more tokens.
  CHECK(drafting(context, 3, 4).times(step).gpu > base + three);
  CHECK(drafting(context, 3).seconds(step) == Approx(target.seconds(step) + three));
  CHECK(drafting(context, 3).explain(step).gpu == Approx(base + three));
}

TEST_CASE("prompts pass the draft model too") {
  const StepContext context = deployment(llama8b());
  const FittedStepModel target(context, start_values(EngineKind::vllm));
  const BatchShape prompt = prefill(4096);
  const double draft = drafting(context, 1).times(prompt).gpu - target.times(prompt).gpu;
  CHECK(draft > target.times(prompt).gpu / 64);
  CHECK(draft < target.times(prompt).gpu / 8);
}

TEST_CASE("a linear profile takes a draft token for a decoding sequence") {
  LinearProfile profile;
  profile.t0_ms = 5;
  profile.us_per_decode_sequence = 10;
  profile.ns_per_kv_token = 1.5;
  const LinearStepModel model(profile);
  // 5 ms + 8 sequences x 4 tokens x 10 us + 8,000 x 1.5 ns.
  CHECK(model.seconds(verification(8, 1000, 3)) == Approx(5e-3 + 32 * 10e-6 + 8000 * 1.5e-9));
}

TEST_CASE("ranks alike cost what the model says of their sum, and padding what tokens cost") {
  const FittedStepModel model(deployment(deepseek(), 1, 8, 8), start_values(EngineKind::sglang));
  CHECK(model.ranks() == 8);
  const BatchShape one = decode(20, 3000);
  CHECK(model.times(one.times(8)).gpu == model.times(decode(160, 3000)).gpu);
  BatchShape padded = one;
  padded.padding_tokens = 80;  // to a rank with 100
  const double alone = model.times(one.times(8)).gpu,
               with_padding = model.times(padded.times(8)).gpu;
  CHECK(with_padding > alone);
  CHECK(with_padding < model.times(decode(100, 3000).times(8)).gpu);  // which attend, too
}

TEST_CASE("experts that are common see the tokens of all ranks, the rest of a step its own") {
  const StepContext context = deployment(deepseek(), 1, 8, 8);
  const CoefficientValues values = start_values(EngineKind::sglang);
  const FittedStepModel even(context, values);
  const RankedStepModel model(std::make_unique<FittedStepModel>(context, values), context, values);
  CHECK(model.ranks() == 8);
  // One rank has a prompt of 1,024 tokens and the others nothing, or all have one.
  BatchShape alone = prefill(1024).times(8), all = alone;
  alone.padding_tokens = 1024 - 8 * 1024;
  CHECK(model.times(all).gpu == even.times(all).gpu);
  CHECK(model.times(alone).gpu < 0.8 * even.times(all).gpu);
  // As fast as an eighth of the prompt on every rank, but for attention and matrices of 1,024
  // tokens.
  CHECK(model.times(alone).gpu > even.times(prefill(128).times(8)).gpu);
  CHECK(model.explain(alone).total == Approx(model.seconds(alone)));
  // Between the two when the others have something.
  BatchShape some = all;
  some.padding_tokens = 4096 - 8 * 1024;
  CHECK(model.times(alone).gpu < model.times(some).gpu);
  CHECK(model.times(some).gpu < model.times(all).gpu);
}
