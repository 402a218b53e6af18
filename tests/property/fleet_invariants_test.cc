// Requests are conserved through everything that can happen to a fleet, on random systems.
#include <set>

#include <tuple>

#include "sim/explanation.h"
#include "tests/support/random_rules.h"

using namespace eph;
using namespace eph::test;

namespace {

using detail::chance;
using detail::in;

Duration ms(std::int64_t n) { return Duration{n * 1'000'000}; }

sim::Spread spread(Stream& stream) {
  if (chance(stream, 40)) return {};
  const double median = 1e-3 * static_cast<double>(in(stream, 1, 200));
  return {median, median * (chance(stream, 50) ? 1.0 : 2.0)};
}

sim::AutoscalerOptions draw_autoscaler(Stream& stream) {
  sim::AutoscalerOptions out;
  switch (stream.below(5)) {
    case 0: {
      sim::HpaOptions o;
      o.target = static_cast<double>(in(stream, 1, 6));
      o.max_replicas = static_cast<int>(in(stream, 1, 6));
      o.sync_period = ms(in(stream, 20, 200));
      o.stabilization_down = ms(in(stream, 0, 500));
      out.policy = o;
      break;
    }
    case 1: {
      sim::ServerlessOptions o;
      o.target_inputs = static_cast<int>(in(stream, 1, 5));
      o.max_containers = static_cast<int>(in(stream, 1, 6));
      o.scaledown_window = ms(in(stream, 10, 300));
      o.period = ms(in(stream, 5, 100));
      out.policy = o;
      break;
    }
    case 2: {
      sim::KnativeOptions o;
      o.target = static_cast<double>(in(stream, 1, 6));
      o.max_scale = 5;
      o.tick = ms(in(stream, 10, 100));
      o.stable_window = ms(in(stream, 100, 500));
      o.scale_to_zero_grace = ms(in(stream, 0, 200));
      out.policy = o;
      break;
    }
    case 3: {
      sim::RayServeOptions o;
      o.max_replicas = static_cast<int>(in(stream, 1, 6));
      o.metrics_interval = ms(20);
      o.look_back_period = ms(60);
      o.control_loop = ms(10);
      o.upscale_delay = ms(in(stream, 0, 50));
      o.downscale_delay = ms(in(stream, 0, 200));
      out.policy = o;
      break;
    }
    default: {
      sim::ScheduledOptions o;
      for (std::int64_t at = 0, k = 0; k < 4; ++k, at += in(stream, 20, 400))
        o.entries.push_back({ms(at), static_cast<int>(in(stream, 1, 5))});
      out.policy = o;
    }
  }
  if (chance(stream, 40)) out.metrics = {ms(in(stream, 0, 50)), ms(in(stream, 0, 50))};
  return out;
}

void draw_faults(Stream& stream, sim::PoolConfig& pool) {
  sim::FaultOptions& f = pool.faults;
  const auto rate = [&](std::int64_t least) {
    return chance(stream, 40)
               ? sim::FailureRate{ms(in(stream, least, 4000)), ms(in(stream, 1, 500))}
               : sim::FailureRate{};
  };
  f.gpu = rate(200);
  f.node = rate(400);
  f.zone = rate(1000);
  if (chance(stream, 40)) f.reclaims_per_hour = 3600.0 * static_cast<double>(in(stream, 1, 4));
  f.reclaim_notice = ms(in(stream, 0, 300));
  f.detection = ms(chance(stream, 50) ? 0 : in(stream, 1, 200));
  f.replace = chance(stream, 60);
  f.lost_work = chance(stream, 70) ? sim::LostWork::retry : sim::LostWork::lose;
  f.max_retries = static_cast<int>(in(stream, 0, 5));
  f.retry_delay = ms(chance(stream, 60) ? 0 : in(stream, 1, 50));
  f.straggler_share = chance(stream, 30) ? 0.5 : 0;
  f.straggler_factor = 1.5;
  if (chance(stream, 40))
    f.outages.push_back({static_cast<sim::FaultKind>(stream.below(3)),
                         static_cast<std::uint32_t>(stream.below(3)),
                         SimTime{in(stream, 0, 800) * 1'000'000}, ms(in(stream, 1, 300))});
  pool.places.replicas_per_node = static_cast<int>(in(stream, 1, 3));
  pool.places.zones = static_cast<int>(in(stream, 1, 3));
  if (chance(stream, 20)) pool.places.capacity = static_cast<int>(in(stream, 3, 6));
}

void draw_second_pool(Stream& stream, sim::SimulationConfig& c) {
  sim::FurtherPool further{c, {}};
  further.pool.name = "second";
  further.pool.replicas = std::max(1, static_cast<int>(in(stream, 1, 3)));
  c.further.push_back(further);
}

// Of which the second pool computes prompts.
void draw_disaggregation(Stream& stream, sim::SimulationConfig& c) {
  sim::Disaggregation how;
  how.llm.layers = 2;
  how.llm.heads = how.llm.kv_heads = how.llm.head_dim = how.llm.hidden = 2;
  how.llm.groups.emplace_back().count = 2;
  how.flow = static_cast<sim::Disaggregation::Flow>(stream.below(2));
  how.first_from_prefill = chance(stream, 50);
  how.local_prompt = chance(stream, 50) ? in(stream, 0, 40) : 0;
  how.kv_lease = ms(chance(stream, 30) ? in(stream, 1, 300) : 0);
  how.spares_cached = chance(stream, 50);
  how.takes_ahead = chance(stream, 70);
  models::ClusterSpec spec;
  spec.name = "small";
  spec.gpus_per_node = 2;
  spec.scale_up_bytes_per_s = 1e6;
  spec.nics_per_node = 1;
  spec.nic_bytes_per_s = 1e5;
  spec.pcie_bytes_per_s = 1e7;
  auto cluster = models::Cluster::build(spec, 16);
  REQUIRE(cluster);
  how.cluster = std::make_shared<const models::Cluster>(std::move(*cluster));
  how.prefill_gpu = 4;
  c.disaggregation = how;
}

// A second pool: of its own, or for prompts.
void draw_pools(Stream& stream, sim::SimulationConfig& c) {
  draw_second_pool(stream, c);
  if (!chance(stream, 40)) return draw_disaggregation(stream, c);
  c.rule.max_prompt = static_cast<std::int32_t>(in(stream, 1, 60));
  c.rule.spill_above = chance(stream, 50) ? static_cast<double>(in(stream, 1, 6)) : 0;
}

// Enough for all replicas at the start.
void draw_machines(Stream& stream, sim::SimulationConfig& c) {
  sim::MachineOptions m;
  m.nodes = static_cast<int>(in(stream, 12, 16));
  m.gpus_per_node = 2;
  m.nodes_per_rack = 1;
  m.zones = static_cast<int>(in(stream, 1, 3));
  m.rule.policy =
      chance(stream, 50) ? models::PlacementPolicy::pack : models::PlacementPolicy::spread;
  m.rule.anti_affinity = static_cast<models::AntiAffinity>(stream.below(3));
  c.machines = m;
  c.gpus = static_cast<int>(in(stream, 1, 2));
  c.places.capacity = 0;
  c.faults.replace = true;
}

void draw_fleet(std::uint64_t seed, Scenario& s) {
  Stream stream({seed, 0, Purpose::test, 99});
  sim::SimulationConfig& c = s.config;
  c.router = static_cast<sim::RouterKind>(stream.below(10));
  if (chance(stream, 40)) c.routing.staleness = ms(in(stream, 1, 100));
  if (chance(stream, 60)) c.autoscaler = draw_autoscaler(stream);
  if (c.autoscaler && chance(stream, 40)) c.replicas = 0;
  c.start.times = {spread(stream), spread(stream), spread(stream), spread(stream)};
  c.start.warm_nodes = static_cast<int>(stream.below(3));
  if (chance(stream, 70)) draw_faults(stream, c);
  if (chance(stream, 30))
    c.upgrade = {SimTime{in(stream, 0, 500) * 1'000'000}, static_cast<int>(in(stream, 1, 2)),
                 static_cast<int>(in(stream, 0, 1))};
  sim::AdmissionOptions& a = c.admission;
  if (chance(stream, 30)) a.max_queue = in(stream, 0, 20);
  if (chance(stream, 30)) a.max_per_replica = in(stream, 1, 8);
  if (chance(stream, 20)) {
    a.rate = static_cast<double>(in(stream, 20, 400));
    a.burst = static_cast<double>(in(stream, 1, 10));
  }
  if (!s.classes.empty() && chance(stream, 60)) {
    a.sheddable = {"b"};
    a.shed_above = static_cast<double>(in(stream, 0, 5));
  }
  if (chance(stream, 30)) c.drain_limit = ms(in(stream, 1, 300));
  if (chance(stream, 40)) {
    models::NetworkProfile n;
    n.client_to_gateway = {0.002, 0.005};
    n.gateway_to_replica = {0.001, 0.001};
    n.replica_to_client = {0.003, 0.004};
    c.network = n;
  }
  c.horizon = SimTime{60'000'000'000};
  if (chance(stream, 40)) draw_machines(stream, c);
  if (chance(stream, 50)) draw_pools(stream, c);
}

void check(const Scenario& s, const Outcome& o) {
  const sim::RunCounts& c = o.summary.counts;
  REQUIRE(c.arrived == s.arrivals.size());
  REQUIRE(c.arrived == c.finished + c.rejected + c.cancelled + c.unfinished + c.shed + c.lost);
  REQUIRE(o.sink.requests.size() == s.arrivals.size());
  REQUIRE(o.ended.size() == c.arrived - c.unfinished);
  std::set<std::uint64_t> seen;
  std::uint64_t retries = 0;
  for (const sim::RequestRecord& r : o.sink.requests) {
    REQUIRE(seen.insert(index(r.id)).second);
    retries += static_cast<std::uint64_t>(r.retries);
    REQUIRE(r.retries <= s.config.faults.max_retries);
    if (r.status != sim::RequestStatus::finished) continue;
    REQUIRE(r.output_tokens == s.arrivals[index(r.id)].output_tokens);
    REQUIRE(r.sent <= r.ingress);
    REQUIRE(r.ingress <= r.engine_queued);
    REQUIRE(r.first_token <= r.finish);
  }
  if (!o.summary.fleet) return;
  REQUIRE(o.summary.fleet->retries == retries);
  for (const sim::PoolSummary& pool : o.summary.fleet->pools) {
    REQUIRE(pool.ready_s <= pool.held_s + 1e-9);
    REQUIRE(pool.peak_ready >= pool.least_ready);
    REQUIRE(pool.reclaims <= pool.starts + static_cast<std::uint64_t>(pool.start_replicas));
    REQUIRE(pool.start_time.count() <= pool.starts);
  }
}

// Without a sink for steps the run goes by spans: the same records, means and lives of replicas.
void check_spans(const Scenario& s, const Outcome& o) {
  ScriptedLoad load(s.arrivals, s.hashes, s.hash_tokens);
  load.classes = s.classes;
  const auto summary = sim::Simulation(s.config).run(load, s.options);
  REQUIRE(summary.has_value());
  REQUIRE(summary->digest == o.summary.digest);
  REQUIRE(summary->counts.steps == o.summary.counts.steps);
  REQUIRE(summary->mean_running == o.summary.mean_running);
  REQUIRE(summary->mean_waiting == o.summary.mean_waiting);
  REQUIRE(summary->peak_kv_used == o.summary.peak_kv_used);
  REQUIRE(summary->busy_share == o.summary.busy_share);
  REQUIRE(summary->itl.count() == o.summary.itl.count());
  REQUIRE(summary->itl.mean_s() == o.summary.itl.mean_s());
  REQUIRE(summary->itl.quantile_s(0.9) == o.summary.itl.quantile_s(0.9));
  REQUIRE(summary->fleet.has_value() == o.summary.fleet.has_value());
  if (!summary->fleet) return;
  for (std::size_t i = 0; i < summary->fleet->pools.size(); ++i) {
    const auto& a = summary->fleet->pools[i];
    const auto& b = o.summary.fleet->pools[i];
    REQUIRE(a.ready_s == b.ready_s);
    REQUIRE(std::tuple(a.starts, a.deaths, a.drained) == std::tuple(b.starts, b.deaths, b.drained));
  }
}

}  // namespace

TEST_CASE("Every request ends once, whatever happens to the fleet", "[property][fleet]") {
  std::uint64_t handed_over = 0, finished = 0, retried = 0, shed = 0, lost = 0, cancelled = 0,
                deaths = 0, expired = 0, spared = 0, ahead = 0;
  for (const std::uint64_t seed : seeds(3000)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, seed % 2 == 0);
    Scenario& s = random.scenario;
    draw_rules(seed, s);
    Stream stream({seed, 0, Purpose::test, 98});
    if (chance(stream, 50)) draw_patience(stream, s);
    if (chance(stream, 40)) draw_sharing(stream, s);
    draw_fleet(seed, s);
    const Outcome o = run(s);
    check(s, o);
    if (seed % 10 == 0) REQUIRE(run(s).summary.digest == o.summary.digest);
    check_spans(s, o);
    if (s.config.disaggregation && s.config.disaggregation->takes_ahead) {
      s.config.disaggregation->takes_ahead = false;
      ahead += run(s).summary.digest != o.summary.digest ? 1 : 0;
    }
    finished += o.summary.counts.finished;
    shed += o.summary.counts.shed;
    lost += o.summary.counts.lost;
    cancelled += o.summary.counts.cancelled;
    if (!o.summary.fleet) continue;
    retried += o.summary.fleet->retries;
    handed_over += o.summary.fleet->handed_over;
    expired += o.summary.fleet->expired_leases;
    spared += o.summary.fleet->spared_tokens;
    for (const auto& pool : o.summary.fleet->pools) deaths += pool.deaths;
  }
  if (seeds(2).size() == 1) return;
  // Each of them really happened.
  CHECK(finished > 10'000);
  CHECK(handed_over > 1'000);
  CHECK(retried > 100);
  CHECK(shed > 100);
  CHECK(lost > 100);
  CHECK(cancelled > 100);
  CHECK(deaths > 100);
  CHECK(expired > 100);
  CHECK(spared > 100);
  CHECK(ahead > 100);  // runs in which it matters that blocks are taken before KV moves
}

// Prefill workers keep KV on one of several ranks until it has been read, die with it or drain, and
// so do decode workers that it is on its way to. Each has as many ranks as it likes.
TEST_CASE("Ranks keep, move and lose KV between prefill and decode workers", "[property][fleet]") {
  std::uint64_t handed_over = 0, finished = 0, retried = 0, drained = 0, deaths = 0;
  for (const std::uint64_t seed : seeds(1500)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, seed % 2 == 0);
    Scenario& s = random.scenario;
    draw_rules(seed, s);
    sim::SimulationConfig& c = s.config;
    if (c.replica.engine.kind == models::EngineKind::llamacpp) continue;
    Stream stream({seed, 0, Purpose::test, 97});
    if (chance(stream, 40)) draw_sharing(stream, s);
    draw_fleet(seed, s);
    draw_faults(stream, c);
    if (c.machines) {
      c.places.capacity = 0;
      c.faults.replace = true;
    }
    c.further.clear();
    draw_second_pool(stream, c);
    draw_disaggregation(stream, c);
    c.replica.ranks = static_cast<int>(in(stream, 1, 4));
    c.further.front().pool.replica.ranks = static_cast<int>(in(stream, 2, 4));
    const Outcome o = run(s);
    check(s, o);
    check_spans(s, o);
    finished += o.summary.counts.finished;
    retried += o.summary.fleet->retries;
    handed_over += o.summary.fleet->handed_over;
    for (const auto& pool : o.summary.fleet->pools) {
      deaths += pool.deaths;
      drained += pool.drained;
    }
  }
  if (seeds(2).size() == 1) return;
  CHECK(finished > 5'000);
  CHECK(handed_over > 2'000);
  CHECK(retried > 200);
  CHECK(drained > 200);
  CHECK(deaths > 200);
}

TEST_CASE("The parts of a request's time add up exactly in fleets too", "[property][fleet]") {
  std::uint64_t explained = 0, retried = 0, moved = 0, waited = 0;
  for (const std::uint64_t seed : seeds(400)) {
    INFO("EPH_SEED=" << seed);
    RandomScenario random = random_scenario(seed, seed % 2 == 0);
    Scenario& s = random.scenario;
    draw_rules(seed, s);
    draw_fleet(seed, s);
    const Outcome o = run(s);
    std::size_t done = 0;
    for (const sim::RequestRecord& known : o.sink.requests) {
      if (known.status != sim::RequestStatus::finished || (known.retries == 0 && done >= 2))
        continue;
      std::vector<const models::StepModel*> steps{s.config.replica.step};
      for (const sim::FurtherPool& further : s.config.further)
        steps.push_back(further.pool.replica.step);
      sim::RequestWatch watch(known, std::move(steps));
      ScriptedLoad load(s.arrivals, s.hashes, s.hash_tokens);
      load.classes = s.classes;
      sim::RunOptions options = s.options;
      options.sink = &watch;
      REQUIRE(sim::Simulation(s.config).run(load, options));
      const sim::Explanation e = watch.explanation();  // INV-11
      for (const Duration part : e.to_first_token.part) REQUIRE(part >= Duration::zero());
      for (const Duration part : e.whole.part) REQUIRE(part >= Duration::zero());
      REQUIRE((e.whole[sim::TimePart::retry] > Duration::zero()) == (known.retries > 0));
      ++done;
      ++explained;
      retried += known.retries > 0 ? 1 : 0;
      moved += e.whole[sim::TimePart::transfer] > Duration::zero() ? 1 : 0;
      waited +=
          e.whole[sim::TimePart::gateway] + e.whole[sim::TimePart::cold_start] > Duration::zero()
              ? 1
              : 0;
    }
  }
  CHECK(explained > 500);
  CHECK(retried > 50);
  CHECK(moved > 50);
  CHECK(waited > 50);
}
