// A lane says of its sequences what single steps would have made of them.
#include <catch2/catch.hpp>

#include "sim/lane.h"

using namespace eph;
using namespace eph::sim;

namespace {

constexpr models::KvPool kPool{.blocks = 100, .block_size = 4, .usable_blocks = 100};

// Its prompt has been computed and brought a token; a decode is in flight.
SeqId decoding(EngineState& state, std::int32_t prompt, std::uint32_t request) {
  BatchPlan plan;
  (void)state.add_waiting(prompt, 100, RequestId{request});
  const SeqId id = state.admit(plan);
  state.append_running(id);
  REQUIRE(state.reserve(id, prompt));
  state.schedule(plan, id, prompt);
  Sequence& s = state.sequences()[index(id)];
  s.generated = 1;
  s.plans = 0;
  REQUIRE(state.reserve(id, prompt + 1));
  state.schedule(plan, id, 1);
  return id;
}

}  // namespace

// Prompts of 3 and 6 tokens: after the decode in flight 4 and 7 are computed, in 1 and 2 blocks
// of 4. Outputs of 3 and 5 tokens, of which one is known: the last ones come with steps 2 and 4.
TEST_CASE("a lane counts tokens, blocks and ends of its decodes") {
  EngineState state(kPool, 8);
  const SeqId a = decoding(state, 3, 0), b = decoding(state, 6, 1);
  Lane lane(state);
  lane.open(1, true, false);
  lane.add(a, 3);
  lane.add(b, 5);
  REQUIRE(state.kv().used() == 3);

  CHECK(lane.to_come() == 2 * (100 - 1));
  lane.finish(2);  // step 1
  CHECK(lane.ending().empty());
  REQUIRE(lane.prepare(8));
  BatchPlan plan;
  lane.compose(plan);  // step 2: the first one's block is full
  CHECK(plan.shape.decode_seqs == 2);
  CHECK(plan.shape.decode_context_tokens == 4 + 7);
  CHECK(state.kv().used() == 4);
  CHECK(lane.steady());
  CHECK(lane.steps_alike() == 0);

  lane.finish(2);
  REQUIRE(lane.ending() == std::vector{a});
  lane.end(a);
  CHECK(lane.to_come() == 100 - 3);
  CHECK(state[a].generated == 3);
  CHECK(state[a].computed == 5);
  CHECK(state[a].capacity == 8);
  state.remove_running(0);
  state.end(a);
  CHECK(state.kv().used() == 2);

  REQUIRE(lane.prepare(8));
  lane.compose(plan);  // step 3: the second one's blocks are full
  CHECK(plan.shape.decode_seqs == 1);
  CHECK(plan.shape.decode_context_tokens == 8);
  CHECK(state.kv().used() == 3);
  CHECK(lane.steps_alike() == 1);

  BatchPlan* const plans[] = {&plan};
  lane.close(plans, 1);
  CHECK_FALSE(lane.is_open());
  REQUIRE(plan.entries.size() == 1);
  CHECK(plan.entries[0].seq == b);
  CHECK(plan.entries[0].samples());
  CHECK(state[b].computed == 9);
  CHECK(state[b].sampled == 4);
  CHECK(state[b].generated == 3);
  CHECK(state[b].capacity == 12);
  CHECK(state[b].plans == 1);
}

TEST_CASE("a lane has no room for more decodes than a step holds, or without blocks") {
  models::KvPool tight = kPool;
  tight.usable_blocks = 3;
  EngineState state(tight, 8);
  Lane lane(state);
  const SeqId a = decoding(state, 3, 0), b = decoding(state, 7, 1);
  lane.open(1, true, false);
  lane.add(a, 50);
  lane.add(b, 50);
  lane.finish(2);
  CHECK_FALSE(lane.prepare(1));
  CHECK_FALSE(lane.prepare(2));  // both need a block, and all 3 are taken
}

// A prompt of 5 tokens takes a step of its own between steps 1 and 2; its request wants 2 tokens.
TEST_CASE("a lane's decodes stand still while a prompt is computed apart") {
  EngineState state(kPool, 8);
  const SeqId a = decoding(state, 3, 0);
  Lane lane(state);
  lane.open(1, true, false);
  lane.add(a, 20);
  BatchPlan prompt;
  (void)state.add_waiting(5, 2, RequestId{1});
  const SeqId b = state.admit(prompt);
  state.append_running(b);
  REQUIRE(state.reserve(b, 5));
  state.schedule(prompt, b, 5);
  lane.join_apart(b, 2);
  lane.finish(1);  // step 1, which does not hold the prompt
  CHECK_FALSE(lane.has_emitted(b));
  lane.prompt_done(b);
  CHECK(state[b].generated == 1);
  REQUIRE(lane.prepare(8));
  BatchPlan plan;
  lane.compose(plan);  // step 2
  CHECK(plan.shape.decode_seqs == 2);
  CHECK(plan.shape.decode_context_tokens == 4 + 5);
  lane.finish(2);
  REQUIRE(lane.ending() == std::vector{b});
  lane.end(b);
  CHECK(state[b].generated == 2);
  CHECK(state[b].computed == 6);
  CHECK(state[b].plans == 0);
}
