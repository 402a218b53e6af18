#include "sim/simulation.h"

#include <utility>

#include "sim/engine_policy.h"
#include "sim/fleet/machines.h"
#include "sim/run.h"

namespace eph::sim {
namespace {

constexpr int kMostRanks = 1024;

Result<void> check_pool(const PoolConfig& pool) {
  if (pool.replicas < (pool.autoscaler ? 0 : 1))
    return usage_error(fmt::format("{} replicas", pool.replicas),
                       pool.autoscaler ? "give zero or more" : "simulate at least one");
  if (pool.places.replicas_per_node < 1 || pool.places.zones < 1)
    return usage_error("a node holds no replica, or there is no zone", "give one at least");
  if (auto ok = check(pool.router, pool.routing); !ok) return ok.error();
  if (pool.autoscaler)
    if (auto ok = check(*pool.autoscaler); !ok) return ok.error();
  if (pool.upgrade.at != SimTime::never() && pool.upgrade.max_surge < 1 &&
      pool.upgrade.max_unavailable < 1)
    return usage_error("an upgrade with neither a surge nor a missing replica never begins",
                       "allow one of them");
  const models::FrontEnd& f = pool.replica.front_end;
  for (const double s : {f.client_in_s, f.client_out_s, f.client_token_s, f.jitter_mean_s,
                         f.request_s, f.prompt_token_s, f.output_token_s})
    if (!(s >= 0 && s < 1e6))
      return usage_error(fmt::format("front-end time of {} s", s), "times are zero or above");
  EPH_ASSERT(pool.replica.step != nullptr, "a simulation without a step model");
  if (pool.replica.ranks < 1 || pool.replica.ranks > kMostRanks)
    return usage_error(fmt::format("{} data-parallel ranks", pool.replica.ranks),
                       fmt::format("give 1 to {}", kMostRanks));
  if (pool.replica.ranks > 1 && pool.replica.engine.kind == models::EngineKind::llamacpp)
    return usage_error("llama.cpp has no data-parallel ranks", "use replicas");
  return check(pool.replica.engine, pool.replica.kv);
}

}  // namespace

Result<void> check(const SimulationConfig& config) {
  if (auto ok = check_pool(config); !ok) return ok.error();
  for (const FurtherPool& further : config.further)
    if (auto ok = check_pool(further.pool); !ok) return ok.error();
  if (config.disaggregation && config.disaggregation->planner) {
    if (auto ok = check(AutoscalerOptions{*config.disaggregation->planner, {}}); !ok)
      return ok.error();
    if (config.autoscaler || config.further.front().pool.autoscaler)
      return usage_error("a planner of both kinds of workers beside an autoscaler of one",
                         "give one of the two");
  }
  if (config.disaggregation && config.further.size() != 1)
    return usage_error("separate prefill workers are one further pool", "give one");
  if (config.series_interval < Duration::zero())
    return usage_error(fmt::format("series interval of {} s", config.series_interval.seconds()),
                       "give a time above zero, or zero for no series");
  if (config.client_timeout < Duration::zero())
    return usage_error(fmt::format("client timeout of {} s", config.client_timeout.seconds()),
                       "give a time above zero, or zero for none");
  return check_machines(config);
}

struct Simulation::Impl {
  SimulationConfig config;
};

Simulation::Simulation(SimulationConfig config) : impl_(std::make_unique<Impl>(Impl{config})) {}
Simulation::~Simulation() = default;

Result<RunSummary> Simulation::run(workload::Load& load, const RunOptions& options) {
  if (auto ok = check(impl_->config); !ok) return ok.error();
  return Run(impl_->config, load, options).go();
}

}  // namespace eph::sim
