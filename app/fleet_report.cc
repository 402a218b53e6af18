#include "app/fleet_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/fleet_figures.h"
#include "app/run_figures.h"
#include "app/table.h"
#include "scenario/fleet.h"

namespace eph::app {
namespace {

using Align = TextTable::Align;

double cost(const sim::PoolSummary& pool, const models::Price& price) {
  return pool.gpu_hours() * price.per_gpu_hour.value;
}

Json count(std::uint64_t value) { return Json::integer(static_cast<std::int64_t>(value)); }

std::string starts_line(const sim::PoolSummary& pool) {
  if (pool.starts == 0) return {};
  std::string out = fmt::format("starts       {} begun ({} on warm nodes)",
                                human_count(pool.starts), human_count(pool.warm_starts));
  if (pool.start_time.count() > 0)
    out += fmt::format(", {} to serve at the median, {} at p95",
                       human_time(pool.start_time.quantile_s(0.5)),
                       human_time(pool.start_time.quantile_s(0.95)));
  return out + '\n';
}

std::string pool_text(const sim::PoolSummary& pool, const PoolTerms& terms,
                      const std::string& label) {
  std::string out =
      fmt::format("{:<12} {} replicas ready on average, {} to {}; {} {}", label,
                  human(pool.mean_ready), pool.least_ready, pool.peak_ready,
                  human(pool.gpu_hours()), terms.cpu ? "instance-hours" : "GPU-hours");
  if (terms.price)
    out += fmt::format(" = {} USD{}", human(cost(pool, *terms.price)),
                       terms.price->assumed ? " at an assumed price" : "");
  out += '\n' + starts_line(pool);
  if (pool.deaths > 0 || pool.drained > 0)
    out += fmt::format("stops        {} drained, {} died; {} machines reclaimed\n",
                       human_count(pool.drained), human_count(pool.deaths),
                       human_count(pool.reclaims));
  if (pool.no_room > 0)
    out += fmt::format("no room      {} starts waited for idle GPUs\n", human_count(pool.no_room));
  return out;
}

// Requests by the pool that had them last.
std::string by_pool(const sim::FleetSummary& fleet) {
  TextTable table({"ms, by pool", "requests", "finished", "shed", "lost", "TTFT p50", "TTFT p95",
                   "TPOT p50", "TPOT p95", "e2e p50", "e2e p95", "gateway p95"},
                  {Align::left});
  for (const sim::PoolSummary& pool : fleet.pools) {
    const sim::PoolTally& t = pool.requests;
    if (t.requests() == 0 && fleet.handed_over > 0) continue;  // prefill workers end no request
    std::vector<std::string> cells{pool.name, human_count(t.requests()), human_count(t.finished),
                                   human_count(t.shed), human_count(t.lost)};
    for (const sim::LatencySample* sample : {&t.ttft, &t.tpot, &t.e2e})
      for (const double p : {0.5, 0.95})
        cells.push_back(sample->count() > 0 ? human(sample->quantile_s(p) * 1e3) : "-");
    cells.push_back(t.gateway_wait.count() > 0 ? human(t.gateway_wait.quantile_s(0.95) * 1e3)
                                               : "-");
    table.add(std::move(cells));
  }
  return "\n" + table.text();
}

std::string gateway_text(const sim::FleetSummary& fleet) {
  std::string out;
  if (fleet.queued > 0)
    out += fmt::format("gateway      {} requests waited there, {} on average, {} at most\n",
                       human_count(fleet.queued), human_time(fleet.gateway_wait.mean_s()),
                       human_time(fleet.gateway_wait.max_s()));
  if (fleet.never_left > 0)
    out += fmt::format("never served {} requests waited there in vain, {} on average, {} at most\n",
                       human_count(fleet.never_left), human_time(fleet.never_left_wait.mean_s()),
                       human_time(fleet.never_left_wait.max_s()));
  return out;
}

std::string machines_text(const sim::FleetSummary& fleet, double seconds) {
  if (fleet.nodes == 0) return {};
  std::string out = fmt::format("machines     {} nodes, {} of {} GPUs in use at most\n",
                                fleet.nodes, fleet.peak_gpus, fleet.gpus);
  if (seconds <= 0) return out;
  for (const sim::PoolSummary& pool : fleet.pools)
    if (pool.scattered_gpu_s > 0)
      out += fmt::format("scattered    {} idle GPUs on average that no replica of {} can use\n",
                         human(pool.scattered_gpu_s / seconds), pool.name);
  return out;
}

Json tally_json(const sim::PoolTally& tally) {
  Json out = Json::object();
  out.set("requests", count(tally.requests())).set("finished", count(tally.finished));
  out.set("rejected", count(tally.rejected)).set("cancelled", count(tally.cancelled));
  out.set("unfinished", count(tally.unfinished)).set("shed", count(tally.shed));
  out.set("lost", count(tally.lost)).set("prompt_tokens", count(tally.prompt_tokens));
  out.set("output_tokens", count(tally.output_tokens));
  Json latency = Json::object();
  const std::pair<const char*, const sim::LatencySample*> samples[] = {
      {"ttft", &tally.ttft},
      {"tpot", &tally.tpot},
      {"e2e", &tally.e2e},
      {"gateway_wait", &tally.gateway_wait}};
  for (const auto& [name, sample] : samples) latency.set(name, latency_json(*sample));
  out.set("latency_ms", std::move(latency));
  Json series = Json::array();
  for (const sim::PoolPoint& point : tally.series) {
    Json item = Json::array();
    for (const std::int64_t value :
         {point.ready, point.held, point.gateway, point.waiting, point.running})
      item.push(Json::integer(value));
    series.push(std::move(item));
  }
  out.set("series", std::move(series));
  return out;
}

Json pool_json(const sim::PoolSummary& pool, const PoolTerms& terms) {
  Json item = Json::object();
  item.set("name", pool.name)
      .set(terms.cpu ? "instances_per_replica" : "gpus_per_replica", pool.gpus);
  item.set("start_replicas", Json::integer(pool.start_replicas));
  item.set("mean_ready", pool.mean_ready);
  item.set("peak_ready", Json::integer(pool.peak_ready));
  item.set("least_ready", Json::integer(pool.least_ready));
  item.set("held_s", pool.held_s).set("ready_s", pool.ready_s);
  item.set("warm_node_s", pool.warm_node_s);
  item.set(terms.cpu ? "instance_hours" : "gpu_hours", pool.gpu_hours());
  if (terms.price)
    item.set("cost_usd", cost(pool, *terms.price))
        .set(terms.cpu ? "price_per_instance_hour" : "price_per_gpu_hour",
             terms.price->per_gpu_hour.value)
        .set("price_assumed", terms.price->assumed);
  item.set("starts", count(pool.starts)).set("warm_starts", count(pool.warm_starts));
  if (pool.start_time.count() > 0)
    item.set("start_p50_s", pool.start_time.quantile_s(0.5))
        .set("start_p95_s", pool.start_time.quantile_s(0.95));
  item.set("drained", count(pool.drained)).set("deaths", count(pool.deaths));
  if (pool.old_replicas > 0) item.set("old_replicas", Json::integer(pool.old_replicas));
  item.set("reclaims", count(pool.reclaims)).set("no_room", count(pool.no_room));
  return item;
}

}  // namespace

Json latency_json(const sim::LatencySample& sample) {
  Json out = Json::object();
  out.set("count", count(sample.count()));
  out.set("mean", to_ms(sample.mean_s()));
  for (const auto& [name, p] : kQuantiles) out.set(std::string(name), to_ms(sample.quantile_s(p)));
  out.set("max", to_ms(sample.max_s()));
  return out;
}

// Prices that are asked for and unknown are refused before any run.
std::vector<PoolTerms> pool_terms(const models::Catalog& catalog,
                                  const scenario::Scenario& scenario,
                                  const scenario::Assembly& assembly) {
  const auto prices = scenario::pool_prices(catalog, scenario, assembly);
  std::vector<PoolTerms> out;
  for (std::size_t i = 0; i <= assembly.further.size(); ++i) {
    PoolTerms& terms = out.emplace_back();
    terms.cpu = (i == 0 ? assembly.gpu : assembly.further[i - 1]->gpu).is_cpu();
    if (prices) terms.price = (*prices)[i];
  }
  return out;
}

std::vector<PoolPart> pool_parts(const scenario::Scenario& scenario,
                                 const scenario::Assembly& assembly) {
  std::vector<PoolPart> out;
  out.push_back({std::string(scenario::first_pool_name(scenario)), scenario.deployment, &assembly});
  for (std::size_t i = 0; i < assembly.further.size(); ++i) {
    const bool split = scenario.disaggregation.replicas > 0;
    out.push_back({split ? "prefill" : scenario.pools[i].name,
                   split ? scenario::prefill_deployment(scenario) : scenario.pools[i].deployment,
                   assembly.further[i].get()});
  }
  return out;
}

Machines machines_of(const std::vector<PoolPart>& parts) {
  Machines out;
  for (const PoolPart& part : parts)
    (part.assembly->gpu.is_cpu() ? out.instances : out.gpus) +=
        part.deployment.replicas * part.deployment.layout.gpus();
  return out;
}

// A fleet that never changes has no summary: its replicas were there from start to end.
Spending spending_of(const sim::RunSummary& run, const scenario::Scenario& scenario,
                     const std::vector<PoolTerms>& terms) {
  std::vector<double> hours;
  if (run.fleet)
    for (const sim::PoolSummary& pool : run.fleet->pools) hours.push_back(pool.gpu_hours());
  else
    hours.push_back((run.end - SimTime::zero()).seconds() / 3600 * scenario::total_gpus(scenario));
  Spending out;
  double usd = 0;
  bool known = true;
  for (std::size_t i = 0; i < hours.size(); ++i) {
    out.gpu_hours += hours[i];
    known = known && terms[i].price.has_value();
    if (terms[i].price) usd += hours[i] * terms[i].price->per_gpu_hour.value;
  }
  if (known) out.usd = usd;
  return out;
}

std::string fleet_text(const sim::RunSummary& run, const std::vector<PoolTerms>& terms) {
  const sim::FleetSummary& fleet = *run.fleet;
  std::string out;
  for (std::size_t i = 0; i < fleet.pools.size(); ++i)
    out += pool_text(fleet.pools[i], terms[i],
                     fleet.pools.size() == 1 ? "fleet" : fleet.pools[i].name);
  out += machines_text(fleet, (run.end - SimTime::zero()).seconds());
  if (fleet.handed_over > 0)
    out += fmt::format(
        "KV moved     {} requests, {} GB; there {} after the prompt was complete, {} at p95\n",
        human_count(fleet.handed_over), human(fleet.moved_bytes / 1e9),
        human_time(fleet.transfer_time.mean_s()), human_time(fleet.transfer_time.quantile_s(0.95)));
  if (fleet.spared_tokens > 0)
    out += fmt::format("KV spared    {} prompt tokens were in the decode workers' caches already\n",
                       human_count(fleet.spared_tokens));
  if (fleet.expired_leases > 0)
    out +=
        fmt::format("KV dropped   {} requests waited longer than their prefill worker keeps KV\n",
                    human_count(fleet.expired_leases));
  out += gateway_text(fleet);
  if (fleet.retries > 0 || run.counts.lost > 0)
    out += fmt::format(
        "lost work    {} requests sent again, {} lost; {} prompt and {} output tokens for "
        "nothing\n",
        human_count(fleet.retries), human_count(run.counts.lost),
        human_count(fleet.lost_prompt_tokens), human_count(fleet.lost_output_tokens));
  if (const auto share = availability(run); share && *share < 1)
    out += fmt::format(
        "availability {} of the requests were neither shed nor lost nor left waiting in the "
        "gateway\n",
        percent(*share));
  if (fleet.aimless_faults > 0)
    out +=
        fmt::format("note         {} outages or stragglers met no replica: none stood there then\n",
                    human_count(fleet.aimless_faults));
  if (fleet.pools.size() > 1) out += by_pool(fleet);
  return out;
}

Json fleet_json(const sim::RunSummary& run, const std::vector<PoolTerms>& terms) {
  const sim::FleetSummary& fleet = *run.fleet;
  Json pools = Json::array();
  for (std::size_t i = 0; i < fleet.pools.size(); ++i) {
    Json item = pool_json(fleet.pools[i], terms[i]);
    if (fleet.pools.size() > 1) {
      const Json tally = tally_json(fleet.pools[i].requests);
      for (const auto& [key, value] : tally.members()) item.set(key, value);
    }
    if (fleet.nodes > 0 && run.end > SimTime::zero())
      item.set("scattered_gpus", fleet.pools[i].scattered_gpu_s / run.end.seconds());
    pools.push(std::move(item));
  }
  Json out = Json::object();
  out.set("pools", std::move(pools)).set("retries", count(fleet.retries));
  if (fleet.pools.size() > 1) {
    Json names = Json::array();
    for (const char* name : {"ready", "held", "gateway", "waiting", "running"})
      names.push(Json::string(name));
    out.set("pool_series_columns", std::move(names));
  }
  out.set("lost_prompt_tokens", count(fleet.lost_prompt_tokens));
  out.set("lost_output_tokens", count(fleet.lost_output_tokens));
  out.set("waited_in_gateway", count(fleet.queued));
  out.set("gateway_wait_mean_ms", to_ms(fleet.gateway_wait.mean_s()));
  out.set("gateway_wait_p95_ms", to_ms(fleet.gateway_wait.quantile_s(0.95)));
  out.set("gateway_wait_max_ms", to_ms(fleet.gateway_wait.max_s()));
  out.set("never_left_gateway", count(fleet.never_left));
  out.set("never_left_wait_mean_ms", to_ms(fleet.never_left_wait.mean_s()));
  out.set("never_left_wait_max_ms", to_ms(fleet.never_left_wait.max_s()));
  if (const auto share = availability(run)) out.set("availability", *share);
  out.set("aimless_faults", count(fleet.aimless_faults));
  if (fleet.nodes > 0)
    out.set("nodes", Json::integer(fleet.nodes))
        .set("gpus", Json::integer(fleet.gpus))
        .set("peak_gpus", Json::integer(fleet.peak_gpus));
  if (fleet.expired_leases > 0) out.set("expired_leases", count(fleet.expired_leases));
  if (fleet.handed_over > 0) {
    out.set("spared_tokens", count(fleet.spared_tokens));
    out.set("handed_over", count(fleet.handed_over)).set("moved_bytes", fleet.moved_bytes);
    out.set("transfer_mean_ms", to_ms(fleet.transfer_time.mean_s()));
    out.set("transfer_p95_ms", to_ms(fleet.transfer_time.quantile_s(0.95)));
  }
  return out;
}

}  // namespace eph::app
