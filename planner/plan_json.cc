#include "planner/plan.h"

namespace eph::planner {
namespace {

Json strings(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& value : values) list.push(Json::string(value));
  return list;
}

Json latency(const LatencyFigures& f) {
  Json json = Json::object();
  json.set("mean", f.mean * 1e3).set("p50", f.p50 * 1e3).set("p90", f.p90 * 1e3);
  return std::move(json.set("p95", f.p95 * 1e3).set("p99", f.p99 * 1e3));
}

Json row_json(const PlanRow& row) {
  const scenario::DeploymentSpec& spec = row.deployment;
  Json json = Json::object();
  json.set("model", spec.model).set("engine", spec.engine).set("gpu", spec.gpu);
  json.set("tp", spec.layout.tensor).set("pp", spec.layout.pipeline).set("ep", spec.layout.expert);
  json.set("feasible", row.feasible).set("reason", row.reason);
  json.set("replicas", row.replicas)
      .set("gpus", row.gpus)
      .set("replicas_refused", row.replicas_refused);
  json.set("usd_per_hour", row.priced ? Json::number(row.usd_per_hour) : Json());
  json.set("usd_per_million_output_tokens",
           row.priced ? Json::number(row.usd_per_million_output_tokens) : Json());
  if (row.feasible) {
    json.set("headroom", row.headroom);
    if (row.confidence) json.set("confidence", *row.confidence);
    json.set("ttft_ms", latency(row.at_plan.ttft)).set("tpot_ms", latency(row.at_plan.tpot));
    json.set("e2e_ms", latency(row.at_plan.e2e));
    json.set("requests_per_s", row.at_plan.requests_per_s);
    json.set("output_tokens_per_s", row.at_plan.output_tokens_per_s);
    json.set("busy_share", row.at_plan.busy_share).set("peak_kv_used", row.at_plan.peak_kv_used);
    json.set("preemptions", Json::integer(static_cast<std::int64_t>(row.at_plan.preemptions)));
  }
  json.set("warnings", strings(row.warnings));
  return json;
}

}  // namespace

Json to_json(const PlanReport& report) {
  Json rows = Json::array();
  for (const PlanRow& row : report.rows) rows.push(row_json(row));
  Json json = Json::object();
  json.set("version", 1).set("workload", report.workload);
  json.set("requests", Json::integer(static_cast<std::int64_t>(report.requests)));
  json.set("mean_requests_per_s", report.mean_rate).set("peak_requests_per_s", report.peak_rate);
  json.set("simulations", report.simulations).set("prices", report.price_note);
  json.set("rows", std::move(rows)).set("warnings", strings(report.warnings));
  json.set("notes", strings(report.notes));
  return json;
}

}  // namespace eph::planner
