// Speculative decoding on scripts short enough to work out by hand. Steps take 10 ms unless stated.
#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;
using models::EngineKind;

namespace {

const ConstantStepModel kTenMs(0.010);

// `drafts` tokens a step; probabilities of 0 and 1 make every draw certain.
Scenario speculating(EngineKind kind, std::vector<double> acceptance, std::int32_t drafts,
                     std::int64_t usable = 1000, std::int64_t block = 4) {
  Scenario s(kind, kTenMs, usable, block);
  s.engine().speculation.drafts = drafts;
  s.engine().speculation.acceptance = std::move(acceptance);
  return s;
}

std::vector<std::int64_t> blocks_used(const Outcome& o) {
  std::vector<std::int64_t> out;
  for (const auto& step : o.sink.steps) out.push_back(step.record.kv_blocks_used);
  return out;
}

}  // namespace

TEST_CASE("drafts that are all accepted bring K + 1 tokens a step, which arrive together") {
  const EngineKind kind = GENERATE(EngineKind::vllm, EngineKind::sglang, EngineKind::trtllm);
  CAPTURE(static_cast<int>(kind));
  Scenario s = speculating(kind, {1, 1}, 2);
  s.send(0, 5, 7);
  const Outcome o = run(s);
  // The prefill samples one token, each later step 1 + 2: 1, 4, 7.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:3", "20..30 0:3"});
  CHECK(o.request(0).finish == at_ms(30));
  CHECK(o.request(0).output_tokens == 7);
  // Tokens at 10, 20 20 20, 30 30 30 ms: gaps of 10, 0, 0, 10, 0, 0.
  CHECK(o.summary.itl.count() == 6);
  CHECK(o.summary.itl.mean_s() == Approx(0.020 / 6));
  CHECK(o.summary.itl.max_s() == Approx(0.010));
  CHECK(o.summary.itl.quantile_s(0.5) == 0);
  CHECK(o.request(0).tpot_s() == Approx(0.020 / 6));
  CHECK(o.summary.counts.verifications == 2);
  CHECK(o.summary.counts.draft_tokens == 4);
  CHECK(o.summary.counts.accepted_tokens == 4);
  CHECK(o.summary.counts.tokens_per_verification() == 3);
  CHECK(o.summary.counts.acceptance_rate() == 1);
  CHECK(o.summary.counts.scheduled_tokens == 5 + 3 + 3);
}

TEST_CASE("drafts that are never accepted leave the steps as they were, but for their tokens") {
  const EngineKind kind = GENERATE(EngineKind::vllm, EngineKind::sglang, EngineKind::trtllm);
  CAPTURE(static_cast<int>(kind));
  Scenario s = speculating(kind, {0, 0}, 2);
  s.send(0, 5, 4);
  const Outcome o = run(s);
  // Also for the last token two drafts are verified.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:3", "20..30 0:3", "30..40 0:3"});
  CHECK(o.summary.itl.count() == 3);
  CHECK(o.summary.counts.tokens_per_verification() == 1);
  CHECK(o.sink.steps[3].record.shape.decode_context_tokens == 7);  // 5 and two outputs
}

TEST_CASE("more is never produced than the request still wants") {
  Scenario s = speculating(EngineKind::vllm, {1, 1, 1}, 3);
  s.send(0, 5, 3);
  const Outcome o = run(s);
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:4"});
  CHECK(o.request(0).output_tokens == 3);
  CHECK(o.summary.counts.accepted_tokens == 3);  // as the engine counts them
}

TEST_CASE("on a linear profile each draft costs what a decoding sequence does, to the nanosecond") {
  const double acceptance = GENERATE(0.0, 1.0);
  // 5 ms + 40 us a prompt token + 10 us a decoding sequence + 1.5 ns a KV token.
  const LinearStepModel linear(5e-3, 40e-6, 10e-6, 1.5e-9);
  Scenario s(EngineKind::vllm, linear);
  s.engine().speculation = {.drafts = 3, .acceptance = {acceptance, acceptance, acceptance}};
  s.send(0, 1000, 9);
  const Outcome o = run(s);
  CHECK(o.request(0).first_token.ns == 45'000'000);
  // The KV tokens at a step's start: 1000 and what came out but the newest.
  std::int64_t at = 45'000'000;
  const std::int64_t brings = acceptance == 0 ? 1 : 4;
  for (std::int64_t out = 1; out < 9; out += brings)
    at += std::llround(5'000'000 + 4 * 10'000 + 1.5 * static_cast<double>(1000 + out - 1));
  CHECK(o.request(0).finish.ns == at);
}

TEST_CASE("vLLM charges drafts against the budget and cuts them where it ends") {
  Scenario s = speculating(EngineKind::vllm, {1, 1, 1}, 3);
  s.engine().max_num_batched_tokens = 6;
  s.send(0, 2, 9);
  s.send(0, 2, 9);
  s.send(0, 2, 3);
  const Outcome o = run(s);
  // Of 6 tokens request 0 takes 4, request 1 the other 2 (one draft), request 2 none. Outputs of
  // 0: 1, 5, 9; of 1: 1, 3, 5, 9; of 2: 1, 1, 1, 3.
  CHECK(texts(o) ==
        Steps{"0..10 0:2 1:2 2:2", "10..20 0:4 1:2", "20..30 0:4 1:2", "30..40 1:4 2:2"});
  CHECK(o.summary.counts.draft_tokens == 3 + 1 + 3 + 1 + 3 + 1);
}

TEST_CASE("vLLM cuts drafts at max_model_len") {
  Scenario s = speculating(EngineKind::vllm, {1, 1, 1, 1}, 4);
  s.engine().max_model_len = 12;
  s.send(0, 5, 7);
  const Outcome o = run(s);
  // min(5, 12 - 1 - 5) tokens bring outputs 2 to 6; then min(5, 12 - 1 - 10) = 1.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:5", "20..30 0:1"});
}

TEST_CASE("vLLM takes blocks for drafts, with a draft model for as many slots again") {
  const bool model = GENERATE(false, true);
  CAPTURE(model);
  Scenario s = speculating(EngineKind::vllm, {0, 0}, 2);
  if (model) s.engine().speculation.draft_slots = 2;
  s.send(0, 4, 4);
  const Outcome o = run(s);
  // n-gram: 4 tokens, then 4 + 3, 5 + 3, 6 + 3 in blocks of 4; rejected ones keep their blocks.
  // With lookahead 4 + 2, 4 + 3 + 2, 5 + 3 + 2, 6 + 3 + 2.
  CHECK(blocks_used(o) ==
        (model ? std::vector<std::int64_t>{2, 3, 3, 3} : std::vector<std::int64_t>{1, 2, 2, 3}));
}

TEST_CASE("vLLM preempts for want of blocks for drafts") {
  Scenario s = speculating(EngineKind::vllm, {0, 0, 0}, 3, 5);
  s.send(0, 7, 6);
  s.send(0, 7, 6);
  const Outcome o = run(s);
  // 2 + 2 blocks of 4; 7 + 4 tokens are 3 blocks: request 0 gets the fifth, request 1, the last,
  // goes. It is back at once with 7 + 1 tokens in 2 blocks, goes again when request 0 needs a
  // fourth, and with 9 tokens (3 blocks) it waits for its end.
  CHECK(texts(o) == Steps{"0..10 0:7 1:7", "10..20 0:4 !1", "20..30 0:4 1:8", "30..40 0:4 !1",
                          "40..50 0:4", "50..60 0:4", "60..70 1:9", "70..80 1:4", "80..90 1:4",
                          "90..100 1:4"});
  CHECK(o.request(1).preemptions == 2);
  CHECK(o.request(1).output_tokens == 6);
}

TEST_CASE("vLLM composes ahead as if drafts were accepted, and may waste the step behind an end") {
  const double acceptance = GENERATE(0.0, 1.0);
  CAPTURE(acceptance);
  Scenario s = speculating(EngineKind::vllm, {acceptance, acceptance}, 2);
  s.engine().async_scheduling = true;
  s.send(0, 5, acceptance == 0 ? 3 : 7);
  const Outcome o = run(s);
  if (acceptance == 0) {
    // Composed at 20 ms: 2 outputs are known, the step in flight is sure to bring the third.
    CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:3", "20..30 0:3"});
    // The GPU finds 5 + 1 tokens, not the 8 that were assumed.
    CHECK(o.sink.steps[2].record.shape.decode_context_tokens == 6);
  } else {
    // At 20 ms 4 outputs are known and a fifth is sure; the other two come too, and the end.
    CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:3", "20..30 0:3", "30..40 0:3"});
    CHECK(o.sink.steps[2].record.shape.decode_context_tokens == 8);
  }
  CHECK(o.request(0).finish == at_ms(30));
}

TEST_CASE("with a draft model vLLM computes the last block of a hit again") {
  const bool model = GENERATE(false, true);
  Scenario s = speculating(EngineKind::vllm, {0}, 1);
  s.engine().prefix_caching = true;
  s.engine().speculation.drops_last_hit = model;
  s.hash_tokens = 4;
  s.send_named(0, {1, 2, 3}, 12, 2);
  s.send_named(100, {1, 2, 3}, 12, 2);
  const Outcome o = run(s);
  // Of 12 tokens floor(11 / 4) = 2 blocks can be found.
  CHECK(cached(o) == Cached{0, model ? 4 : 8});
}

TEST_CASE("SGLang verifies its number of draft tokens and gives back what was not accepted") {
  // 3 steps of the draft model, 4 tokens verified; the third is never accepted.
  Scenario s = speculating(EngineKind::sglang, {1, 1, 0}, 3, 1000, 1);
  s.engine().speculation.draft_slots = 3;
  s.send(0, 5, 8);
  const Outcome o = run(s);
  // Outputs: 1, 4, 7, 8. Pages of one token: 5, 5 + 4, 8 + 4, 11 + 4.
  CHECK(texts(o) == Steps{"0..10 0:5", "10..20 0:4", "20..30 0:4", "30..40 0:4"});
  CHECK(blocks_used(o) == std::vector<std::int64_t>{5, 9, 12, 15});
}

TEST_CASE("SGLang retracts the last of the batch when drafts do not fit") {
  Scenario s = speculating(EngineKind::sglang, {0}, 1, 24, 1);
  s.engine().speculation.draft_slots = 1;
  s.engine().new_token_ratio_init = 0.1;
  s.engine().new_token_ratio_min = 0.1;
  s.send(0, 8, 10);
  s.send(5, 4, 10);
  const Outcome o = run(s);
  // 12 prompt tokens; each decode step needs 2 x 2 pages and keeps 2: five fit (12, 10, 8, 6, 4
  // free), not the sixth. Without drafts request 0 would go, with as many outputs and the longer
  // prompt. Request 1 comes back with 4 + 6 tokens when request 0 has ended: before, 10 + 4 + 1 are
  // not below what is free less 1.0 of what request 0 may still produce.
  CHECK(texts(o) == Steps{"0..10 0:8", "10..20 1:4", "20..30 0:2 1:2", "30..40 0:2 1:2",
                          "40..50 0:2 1:2", "50..60 0:2 1:2", "60..70 0:2 1:2", "70..80 0:2 !1",
                          "80..90 0:2", "90..100 0:2", "100..110 0:2", "110..120 1:10",
                          "120..130 1:2", "130..140 1:2", "140..150 1:2"});
}

TEST_CASE("in TensorRT-LLM a generation that does not fit with its drafts stops the walk") {
  Scenario s = speculating(EngineKind::trtllm, {1, 1}, 2);
  s.engine().max_num_batched_tokens = 5;
  s.send(0, 2, 4);
  s.send(0, 3, 4);
  s.send(5, 1, 1);
  const Outcome o = run(s);
  // Step 2 has room for 5: 3 of request 0, not 3 of request 1, and then for no context either.
  CHECK(texts(o) == Steps{"0..10 0:2 1:3", "10..20 0:3", "20..30 1:3 2:1"});
}

TEST_CASE("TensorRT-LLM sets blocks aside for the drafts behind the last token") {
  const bool overlap = GENERATE(false, true);
  CAPTURE(overlap);
  Scenario s = speculating(EngineKind::trtllm, {1, 1}, 2, 3);
  s.engine().async_scheduling = overlap;
  s.send(0, 5, overlap ? 3 : 5);  // 5 + 5 + 2, or 5 + 3 + 2 x 2 tokens: all 12
  s.send(0, 5, overlap ? 4 : 6);
  const Outcome o = run(s);
  CHECK(o.request(0).status == sim::RequestStatus::finished);
  CHECK(o.request(1).status == sim::RequestStatus::rejected);
}

TEST_CASE("drafts that an engine cannot have are refused") {
  const auto refused = [](Scenario s) {
    ScriptedLoad load(s.arrivals);
    return !sim::Simulation(s.config).run(load, {}).has_value();
  };
  CHECK(refused(speculating(EngineKind::vllm, {}, 2)));
  CHECK(refused(speculating(EngineKind::vllm, {0.5, 0.5, 0.5}, 2)));
  CHECK(refused(speculating(EngineKind::vllm, {1.5}, 2)));
  Scenario overlap = speculating(EngineKind::sglang, {0.5}, 1);
  overlap.engine().async_scheduling = true;
  CHECK(refused(overlap));
  Scenario narrow = speculating(EngineKind::trtllm, {0.5}, 4);
  narrow.engine().max_num_batched_tokens = 4;
  CHECK(refused(narrow));
}
