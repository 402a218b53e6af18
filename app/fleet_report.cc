#include "app/fleet_report.h"

#include <fmt/format.h>

#include "app/run_figures.h"
#include "app/table.h"

namespace eph::app {
namespace {

using Align = TextTable::Align;

double cost(const sim::PoolSummary& pool, const models::Price& price) {
  return pool.gpu_hours() * price.per_gpu_hour.value;
}

Json count(std::uint64_t value) { return Json::integer(static_cast<std::int64_t>(value)); }

std::string starts_line(const sim::PoolSummary& pool) {
  if (pool.starts == 0) return {};
  std::string out = fmt::format("starts       {} begun ({} on warm nodes)", human_count(pool.starts),
                                human_count(pool.warm_starts));
  if (pool.start_time.count() > 0)
    out += fmt::format(", {} to serve at the median, {} at p95",
                       human_time(pool.start_time.quantile_s(0.5)),
                       human_time(pool.start_time.quantile_s(0.95)));
  return out + '\n';
}

}  // namespace

std::string fleet_text(const sim::RunSummary& run, const Prices& prices) {
  const sim::FleetSummary& fleet = *run.fleet;
  std::string out;
  for (std::size_t i = 0; i < fleet.pools.size(); ++i) {
    const sim::PoolSummary& pool = fleet.pools[i];
    const std::optional<models::Price>& price = prices[i];
    const std::string label = fleet.pools.size() == 1 ? "fleet" : pool.name;
    out += fmt::format("{:<12} {} replicas ready on average, {} to {}; {} GPU-hours", label, human(pool.mean_ready),
                       pool.least_ready, pool.peak_ready, human(pool.gpu_hours()));
    if (price)
      out += fmt::format(" = {} USD{}", human(cost(pool, *price)),
                         price->assumed ? " at an assumed price" : "");
    out += '\n' + starts_line(pool);
    if (pool.deaths > 0 || pool.drained > 0)
      out += fmt::format("stops        {} drained, {} died; {} machines reclaimed\n",
                         human_count(pool.drained), human_count(pool.deaths),
                         human_count(pool.reclaims));
  }
  if (fleet.handed_over > 0)
    out += fmt::format("KV moved     {} requests, {} GB; there {} after the prompt was complete, {} at p95\n",
                       human_count(fleet.handed_over), human(fleet.moved_bytes / 1e9),
                       human_time(fleet.transfer_time.mean_s()),
                       human_time(fleet.transfer_time.quantile_s(0.95)));
  if (fleet.queued > 0)
    out += fmt::format("gateway      {} requests waited there, {} on average, {} at most\n",
                       human_count(fleet.queued), human_time(fleet.gateway_wait.mean_s()),
                       human_time(fleet.gateway_wait.max_s()));
  if (fleet.retries > 0 || run.counts.lost > 0)
    out += fmt::format("lost work    {} requests sent again, {} lost\n", human_count(fleet.retries),
                       human_count(run.counts.lost));
  return out;
}

Json fleet_json(const sim::RunSummary& run, const Prices& prices) {
  Json pools = Json::array();
  for (std::size_t i = 0; i < run.fleet->pools.size(); ++i) {
    const sim::PoolSummary& pool = run.fleet->pools[i];
    const std::optional<models::Price>& price = prices[i];
    Json item = Json::object();
    item.set("name", pool.name).set("gpus_per_replica", pool.gpus);
    item.set("start_replicas", Json::integer(pool.start_replicas));
    item.set("mean_ready", pool.mean_ready);
    item.set("peak_ready", Json::integer(pool.peak_ready));
    item.set("least_ready", Json::integer(pool.least_ready));
    item.set("held_s", pool.held_s).set("ready_s", pool.ready_s);
    item.set("warm_node_s", pool.warm_node_s).set("gpu_hours", pool.gpu_hours());
    if (price)
      item.set("cost_usd", cost(pool, *price))
          .set("price_per_gpu_hour", price->per_gpu_hour.value)
          .set("price_assumed", price->assumed);
    item.set("starts", count(pool.starts)).set("warm_starts", count(pool.warm_starts));
    if (pool.start_time.count() > 0)
      item.set("start_p50_s", pool.start_time.quantile_s(0.5))
          .set("start_p95_s", pool.start_time.quantile_s(0.95));
    item.set("drained", count(pool.drained)).set("deaths", count(pool.deaths));
    item.set("reclaims", count(pool.reclaims));
    pools.push(std::move(item));
  }
  Json out = Json::object();
  out.set("pools", std::move(pools)).set("retries", count(run.fleet->retries));
  out.set("waited_in_gateway", count(run.fleet->queued));
  out.set("gateway_wait_mean_ms", to_ms(run.fleet->gateway_wait.mean_s()));
  out.set("gateway_wait_p95_ms", to_ms(run.fleet->gateway_wait.quantile_s(0.95)));
  out.set("gateway_wait_max_ms", to_ms(run.fleet->gateway_wait.max_s()));
  if (run.fleet->handed_over > 0) {
    out.set("handed_over", count(run.fleet->handed_over)).set("moved_bytes", run.fleet->moved_bytes);
    out.set("transfer_mean_ms", to_ms(run.fleet->transfer_time.mean_s()));
    out.set("transfer_p95_ms", to_ms(run.fleet->transfer_time.quantile_s(0.95)));
  }
  return out;
}

}  // namespace eph::app
