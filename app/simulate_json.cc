#include <fmt/format.h>

#include <string_view>

#include "app/fleet_figures.h"
#include "app/fleet_report.h"
#include "app/intervals.h"
#include "app/run_figures.h"
#include "app/simulate_report.h"
#include "core/csv.h"
#include "core/text.h"
#include "core/version.h"
#include "scenario/fleet.h"

namespace eph::app {

namespace {

Json count(std::uint64_t value) { return Json::integer(static_cast<std::int64_t>(value)); }

Json series_json(const sim::RunSummary& run) {
  Json out = Json::array();
  for (const sim::SeriesPoint& point : run.series) {
    Json item = Json::array();
    item.push(Json::number(static_cast<double>(point.at.ns) / 1e9))
        .push(Json::integer(point.waiting));
    item.push(Json::integer(point.running)).push(Json::number(point.kv_used));
    item.push(count(point.preemptions)).push(count(point.finished));
    if (run.fleet)
      item.push(Json::integer(point.ready))
          .push(Json::integer(point.held))
          .push(Json::integer(point.gateway));
    out.push(std::move(item));
  }
  return out;
}

Json counts_json(const sim::RunSummary& run) {
  const sim::RunCounts& c = run.counts;
  const bool timeouts = run.timeouts;
  Json out = Json::object();
  out.set("arrived", count(c.arrived)).set("finished", count(c.finished));
  out.set("rejected", count(c.rejected)).set("unfinished", count(c.unfinished));
  if (run.fleet) out.set("shed", count(c.shed)).set("lost", count(c.lost));
  if (timeouts)
    out.set("cancelled", count(c.cancelled))
        .set("wasted_output_tokens", count(c.wasted_output_tokens));
  out.set("preemptions", count(c.preemptions)).set("steps", count(c.steps));
  out.set("prompt_tokens", count(c.prompt_tokens)).set("output_tokens", count(c.output_tokens));
  out.set("cached_tokens", count(c.cached_tokens));
  out.set("scheduled_tokens", count(c.scheduled_tokens)).set("events", count(c.events));
  if (c.verifications > 0)
    out.set("verifications", count(c.verifications))
        .set("draft_tokens", count(c.draft_tokens))
        .set("accepted_tokens", count(c.accepted_tokens));
  return out;
}

Json slos_json(const sim::RunSummary& run) {
  Json out = Json::array();
  for (const sim::SloOutcome& slo : run.slos) {
    Json item = Json::object();
    item.set("slo", slo.slo.text()).set("limit_ms", slo.slo.limit.ms());
    item.set("measured_ms", slo.finished > 0 ? Json::number(to_ms(slo.measured_s)) : Json());
    item.set("met", slo.met).set("sent", count(slo.sent)).set("finished", count(slo.finished));
    out.push(std::move(item));
  }
  return out;
}

Json classes_json(const sim::RunSummary& run) {
  Json out = Json::array();
  for (const sim::ClassSummary& one : run.classes) {
    Json item = Json::object();
    item.set("class", one.name).set("arrived", count(one.arrived));
    item.set("finished", count(one.finished)).set("rejected", count(one.rejected));
    item.set("cancelled", count(one.cancelled)).set("unfinished", count(one.unfinished()));
    if (run.fleet) item.set("shed", count(one.shed)).set("lost", count(one.lost));
    Json latency = Json::object();
    latency.set("ttft", latency_json(one.ttft)).set("tpot", latency_json(one.tpot));
    latency.set("e2e", latency_json(one.e2e));
    item.set("latency_ms", std::move(latency));
    if (!run.slos.empty()) item.set("attainment", one.attainment());
    out.push(std::move(item));
  }
  return out;
}

Json overload_json(const sim::RunSummary& run) {
  const sim::Overload& o = *run.overload;
  Json out = Json::object();
  out.set("queue_growth_per_s", o.growth_per_s);
  out.set("in_system_at_last_send", Json::integer(o.at_last_send));
  out.set("unfinished", count(run.counts.unfinished));
  out.set("ttft_p95_first_half_ms", to_ms(o.ttft_p95_half_s));
  out.set("ttft_p95_all_ms", to_ms(o.ttft_p95_all_s));
  if (run.counts.unfinished > 0)
    out.set("note",
            "throughput and latencies count finished requests only; ttft_p95_first_half_ms and "
            "ttft_p95_all_ms are lower bounds");
  return out;
}

Json run_json(const sim::RunSummary& run, std::size_t number_of_run,
              const std::vector<PoolTerms>& terms) {
  Json latency = Json::object();
  for (const LatencyRow& row : kLatencyRows) {
    latency.set(std::string(row.key), latency_json(run.*(row.sample)));
  }
  if (run.engine_ttft.count() > 0) latency.set("engine_ttft", latency_json(run.engine_ttft));
  Json out = Json::object();
  out.set("run", number_of_run).set("counts", counts_json(run));
  out.set("latency_ms", std::move(latency));
  out.set("requests_per_s", run.requests_per_s);
  out.set("output_tokens_per_s", run.output_tokens_per_s);
  out.set("total_tokens_per_s", run.total_tokens_per_s);
  out.set("goodput_per_s", run.goodput_per_s).set("goodput_share", run.goodput_share);
  out.set("busy_share", run.busy_share).set("mean_running", run.mean_running);
  out.set("mean_waiting", run.mean_waiting).set("peak_kv_used", run.peak_kv_used);
  out.set("prefix_hit_rate", run.counts.hit_rate());
  if (run.counts.verifications > 0)
    out.set("tokens_per_verification", run.tokens_per_verification)
        .set("draft_acceptance", run.draft_acceptance);
  out.set("first_sent_s", static_cast<double>(run.first_sent.ns) / 1e9);
  out.set("last_finish_s", static_cast<double>(run.last_finish.ns) / 1e9);
  out.set("saturated", run.saturated).set("slos", slos_json(run)).set("slos_met", run.slos_met());
  if (!run.classes.empty()) out.set("classes", classes_json(run));
  if (run.fleet) out.set("fleet", fleet_json(run, terms));
  if (run.overload) out.set("overload", overload_json(run));
  out.set("digest", fmt::format("{:016x}", run.digest));
  out.set("series", series_json(run));
  return out;
}

Json pool_json(const PoolPart& part) {
  const scenario::DeploymentSpec& spec = part.deployment;
  const sim::ReplicaConfig& replica = part.assembly->config.replica;
  Json out = Json::object();
  out.set("model", spec.model)
      .set("architecture", part.assembly->llm.name)
      .set("engine", spec.engine);
  out.set("engine_version", spec.engine_version).set("gpu", part.assembly->gpu.name);
  out.set("tp", spec.layout.tensor).set("pp", spec.layout.pipeline).set("ep", spec.layout.expert);
  if (spec.layout.attention_data > 1) out.set("dp", spec.layout.attention_data);
  out.set("replicas", spec.replicas);
  out.set("max_num_seqs", replica.engine.max_num_seqs);
  out.set("max_num_batched_tokens", replica.engine.max_num_batched_tokens);
  out.set("chunk_tokens", replica.engine.chunk_tokens);
  out.set("chunked_prefill", replica.engine.chunked_prefill);
  out.set("async_scheduling", replica.engine.async_scheduling);
  out.set("prefix_caching", replica.engine.prefix_caching);
  out.set("max_model_len", replica.engine.max_model_len);
  out.set("kv_blocks", replica.kv.blocks).set("block_size", replica.kv.block_size);
  out.set("kv_tokens", replica.kv.usable_tokens());
  out.set("profile", part.assembly->profile_name);
  if (!spec.preset.empty()) {
    Json used = Json::object();
    for (const scenario::EngineSetting& s : part.assembly->preset) used.set(s.name, s.value);
    out.set("preset", spec.preset).set("preset_options", std::move(used));
  }
  if (!spec.engine_options.empty()) {
    Json options = Json::object();
    for (const scenario::EngineSetting& s : spec.engine_options) options.set(s.name, s.value);
    out.set("engine_options", std::move(options));
  }
  return out;
}

Json deployment_json(const SimulateReport& report) {
  const std::vector<PoolPart> parts = pool_parts(*report.scenario, *report.assembly);
  Json out = pool_json(parts.front());
  const Machines machines = machines_of(parts);
  out.set("gpus", machines.gpus);
  if (machines.instances > 0) out.set("instances", machines.instances);
  out.set("router", sim::name(report.scenario->deployment.router));
  if (const auto& network = report.assembly->config.network) out.set("network", network->name);
  if (parts.size() == 1) return out;
  Json pools = Json::array();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Json pool = Json::object();
    pool.set("name", parts[i].name);
    const Json described = pool_json(parts[i]);
    for (const auto& [key, value] : described.members()) pool.set(key, value);
    pools.push(std::move(pool));
  }
  out.set("name", parts.front().name).set("pools", std::move(pools));
  return out;
}

Json intervals_json(const SimulateReport& report) {
  const std::vector<sim::RunSummary>& runs = report.runs;
  Json out = Json::object();
  const auto add = [&out](const std::string& key, const Interval& interval) {
    Json item = Json::object();
    item.set("mean", interval.mean).set("low", interval.low).set("high", interval.high);
    out.set(key, std::move(item));
  };
  for (const Figure& figure : run_figures()) {
    if (!means_something(figure, runs)) continue;
    add(figure.key, figure_interval(figure, figure_values(figure, runs)));
  }
  for (const auto& [key, interval] : fleet_intervals(report)) add(key, interval);
  return out;
}

Json uncertainty_json(const scenario::StatedError& e) {
  const auto pair = [](const scenario::StatedError::Interval& i) {
    Json out = Json::array();
    out.push(Json::number(i.low)).push(Json::number(i.high));
    return out;
  };
  Json out = Json::object();
  out.set("familiarity", models::name(e.familiarity)).set("basis", e.basis());
  out.set("extrapolated", e.extrapolated);
  out.set("tpot_factor_90", pair(e.tpot_90())).set("ttft_factor_90", pair(e.ttft_90()));
  return out;
}

}  // namespace

Json simulate_json(const SimulateReport& report) {
  Json program = Json::object();
  program.set("version", version()).set("commit", commit());
  Json warnings = Json::array();
  for (const std::string& warning : report.warnings) warnings.push(Json::string(warning));
  Json names = Json::array();
  for (const char* name : {"time_s", "waiting", "running", "kv_used", "preemptions", "finished"}) {
    names.push(Json::string(name));
  }
  if (report.runs.front().fleet)
    for (const char* name : {"ready", "held", "gateway"}) names.push(Json::string(name));
  Json runs = Json::array();
  for (std::size_t i = 0; i < report.runs.size(); ++i)
    runs.push(run_json(report.runs[i], i, report.terms));
  Json out = Json::object();
  out.set("version", 1).set("command", "simulate").set("program", std::move(program));
  out.set("deployment", deployment_json(report)).set("workload", report.workload);
  out.set("seed", static_cast<std::int64_t>(report.scenario->seed));
  out.set("series_columns", std::move(names)).set("runs", std::move(runs));
  if (report.runs.size() > 1) out.set("intervals_90", intervals_json(report));
  if (report.assembly->error) out.set("uncertainty", uncertainty_json(*report.assembly->error));
  out.set("warnings", std::move(warnings));
  if (report.timing != nullptr) {
    Json timing = Json::object();
    timing.set("wall_s", report.timing->wall_s);
    out.set("timing", std::move(timing));
  }
  return out;
}

std::vector<std::pair<std::string, Interval>> fleet_intervals(const SimulateReport& report) {
  std::vector<std::pair<std::string, Interval>> out;
  if (!report.runs.front().fleet) return out;
  std::vector<FleetFigures> runs;
  for (const sim::RunSummary& run : report.runs)
    runs.push_back(fleet_figures(run, *report.scenario, report.terms));
  for (std::size_t f = 0; f < kFleetFigures.size(); ++f)
    if (const std::vector<double> values = known_values(runs, f); !values.empty())
      out.emplace_back(kFleetFigures[f].key, bounded_interval(values, kFleetFigures[f].most));
  return out;
}

std::string series_csv(const sim::RunSummary& run) {
  std::string out = "time_s,waiting,running,kv_used,preemptions,finished";
  if (run.fleet) out += ",ready,held,gateway";
  const bool pools = run.fleet && run.fleet->pools.size() > 1;
  if (pools)
    for (const sim::PoolSummary& pool : run.fleet->pools)
      for (const char* column : {"ready", "held", "gateway", "waiting", "running"})
        out += ',' + csv_field(fmt::format("{}:{}", pool.name, column));
  out += '\n';
  for (std::size_t i = 0; i < run.series.size(); ++i) {
    const sim::SeriesPoint& p = run.series[i];
    out += fmt::format("{},{},{},{},{},{}", number(static_cast<double>(p.at.ns) / 1e9), p.waiting,
                       p.running, number(p.kv_used), p.preemptions, p.finished);
    if (run.fleet) out += fmt::format(",{},{},{}", p.ready, p.held, p.gateway);
    if (pools)
      for (const sim::PoolSummary& pool : run.fleet->pools) {
        const sim::PoolPoint& own = pool.requests.series[i];
        out += fmt::format(",{},{},{},{},{}", own.ready, own.held, own.gateway, own.waiting,
                           own.running);
      }
    out += '\n';
  }
  return out;
}

}  // namespace eph::app
