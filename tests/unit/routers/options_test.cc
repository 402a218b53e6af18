#include <catch2/catch.hpp>
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;
using sim::RouterKind;
using sim::RoutingOptions;

TEST_CASE("Routers refuse what their rules make no sense of", "[routers][options]") {
  const auto refused = [](RouterKind kind, auto change) {
    RoutingOptions options;
    REQUIRE(sim::check(kind, options));
    change(options);
    return !sim::check(kind, options);
  };
  using O = RoutingOptions;
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.cache_threshold = 1.01; }));
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.balance_abs_threshold = -1; }));
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.balance_rel_threshold = -1; }));
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.eviction_interval = {}; }));
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.max_tree_size = 0; }));
  CHECK(refused(RouterKind::cache_aware, [](O& o) { o.cache_aware.chars_per_token = 0; }));
  CHECK(refused(RouterKind::llm_d, [](O& o) { o.llm_d.queue_weight = -1; }));
  CHECK(refused(RouterKind::llm_d, [](O& o) { o.llm_d.block_tokens = 0; }));
  CHECK(refused(RouterKind::llm_d, [](O& o) { o.llm_d.max_prefix_blocks = 0; }));
  CHECK(refused(RouterKind::llm_d, [](O& o) { o.llm_d.lru_capacity_per_server = 0; }));
  CHECK(refused(RouterKind::dynamo_kv, [](O& o) { o.dynamo_kv.overlap_weight = -1; }));
  CHECK(refused(RouterKind::dynamo_kv, [](O& o) { o.dynamo_kv.prefill_load_scale = -1; }));
  CHECK(refused(RouterKind::dynamo_kv, [](O& o) { o.dynamo_kv.ttl = {}; }));
  CHECK(refused(RouterKind::dynamo_kv, [](O& o) { o.dynamo_kv.max_tree_size = 0; }));
  CHECK(refused(RouterKind::dynamo_kv, [](O& o) { o.dynamo_kv.prune_target_ratio = 1.1; }));
  CHECK(refused(RouterKind::prefix_hash, [](O& o) { o.prefix_hash.prefix_tokens = 0; }));
  CHECK(refused(RouterKind::prefix_hash, [](O& o) { o.load_bound = 0.9; }));
  CHECK(refused(RouterKind::session_affinity, [](O& o) { o.load_bound = 0.9; }));
  CHECK(refused(RouterKind::round_robin, [](O& o) { o.staleness = Duration{-1}; }));
}

TEST_CASE("Only llm-d's router scrapes unless it is told to", "[routers][options]") {
  CHECK(sim::default_staleness(RouterKind::llm_d) == Duration{50'000'000});
  CHECK(sim::default_staleness(RouterKind::dynamo_kv) == Duration::zero());
}
