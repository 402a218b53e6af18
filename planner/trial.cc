#include "planner/trial.h"

#include "jobs/figures.h"

namespace eph::planner {
namespace {

constexpr double kAloneRunning = 0.02;

LatencyFigures latency_of(const sim::LatencySample& sample) {
  return {sample.mean_s(), sample.quantile_s(0.5), sample.quantile_s(0.9), sample.quantile_s(0.95),
          sample.quantile_s(0.99)};
}

Json latency_json(const LatencyFigures& f) {
  return jobs::exact(std::vector<double>{f.mean, f.p50, f.p90, f.p95, f.p99});
}

bool read_latency(const Json* json, LatencyFigures& out) {
  const auto values = jobs::exact_numbers(json);
  if (!values || values->size() != 5) return false;
  out = {(*values)[0], (*values)[1], (*values)[2], (*values)[3], (*values)[4]};
  return true;
}

}  // namespace

TrialFigures figures_of(const Evaluation& evaluation, int replicas) {
  const sim::RunSummary& run = evaluation.summary;
  TrialFigures out;
  const bool alone = run.mean_running < kAloneRunning * replicas;
  const bool rejected = run.counts.rejected > 0 && run.slos_met();
  out.verdict = evaluation.passed   ? Trial::pass
                : alone || rejected ? Trial::fail_forever
                                    : Trial::fail;
  out.failure = evaluation.failure;
  out.arrived = run.counts.arrived;
  out.rejected = run.counts.rejected;
  out.preemptions = run.counts.preemptions;
  out.ttft = latency_of(run.ttft);
  out.tpot = latency_of(run.tpot);
  out.e2e = latency_of(run.e2e);
  for (const sim::SloOutcome& slo : run.slos) out.measured_s.push_back(slo.measured_s);
  out.requests_per_s = run.requests_per_s;
  out.output_tokens_per_s = run.output_tokens_per_s;
  out.busy_share = run.busy_share;
  out.peak_kv_used = run.peak_kv_used;
  return out;
}

Json to_json(const TrialFigures& f) {
  const auto count = [](std::uint64_t n) { return Json::integer(static_cast<std::int64_t>(n)); };
  Json json = Json::object();
  json.set("verdict", static_cast<int>(f.verdict)).set("failure", f.failure);
  json.set("arrived", count(f.arrived))
      .set("rejected", count(f.rejected))
      .set("preemptions", count(f.preemptions));
  json.set("ttft_s", latency_json(f.ttft))
      .set("tpot_s", latency_json(f.tpot))
      .set("e2e_s", latency_json(f.e2e));
  json.set("measured_s", jobs::exact(f.measured_s));
  json.set("rates", jobs::exact(std::vector<double>{f.requests_per_s, f.output_tokens_per_s,
                                                    f.busy_share, f.peak_kv_used}));
  return json;
}

std::optional<TrialFigures> read_figures(const Json& json) {
  TrialFigures out;
  const auto whole = [&](const char* key) -> std::optional<std::int64_t> {
    const Json* found = json.find(key);
    if (found == nullptr || found->type() != Json::Type::integer) return std::nullopt;
    return found->as_int();
  };
  const auto verdict = whole("verdict"), arrived = whole("arrived"), rejected = whole("rejected"),
             preemptions = whole("preemptions");
  const Json* failure = json.find("failure");
  const auto measured = jobs::exact_numbers(json.find("measured_s")),
             rates = jobs::exact_numbers(json.find("rates"));
  if (!verdict || !arrived || !rejected || !preemptions || !measured || !rates ||
      rates->size() != 4)
    return std::nullopt;
  if (failure == nullptr || !failure->is_string() || *verdict < 0 ||
      *verdict > static_cast<int>(Trial::fail_forever))
    return std::nullopt;
  if (!read_latency(json.find("ttft_s"), out.ttft) ||
      !read_latency(json.find("tpot_s"), out.tpot) || !read_latency(json.find("e2e_s"), out.e2e)) {
    return std::nullopt;
  }
  out.verdict = static_cast<Trial>(*verdict);
  out.failure = failure->as_string();
  out.arrived = static_cast<std::uint64_t>(*arrived);
  out.rejected = static_cast<std::uint64_t>(*rejected);
  out.preemptions = static_cast<std::uint64_t>(*preemptions);
  out.measured_s = *measured;
  out.requests_per_s = (*rates)[0];
  out.output_tokens_per_s = (*rates)[1];
  out.busy_share = (*rates)[2];
  out.peak_kv_used = (*rates)[3];
  return out;
}

}  // namespace eph::planner
