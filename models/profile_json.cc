#include "models/profile.h"

#include <fmt/format.h>

#include <cmath>
#include <span>

#include "core/text.h"

namespace eph::models {
namespace {

std::size_t at(Coefficient c) { return static_cast<std::size_t>(c); }

Json strings(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& v : values) out.push(Json::string(v));
  return out;
}

Json coefficients_json(const EngineProfile& p) {
  std::array<double, kCoefficientCount> sd{};
  const std::size_t n = p.fitted.size();
  for (std::size_t i = 0; i < n && p.covariance.size() == n * n; ++i) {
    sd[at(p.fitted[i])] = std::sqrt(std::max(0.0, p.covariance[i * n + i]));
  }
  Json out = Json::object();
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const CoefficientInfo& info = coefficient_info(static_cast<Coefficient>(i));
    Json one = Json::object();
    one.set("value", p.values[i]).set("unit", info.unit);
    if (sd[i] > 0) one.set("sd", sd[i]);
    out.set(std::string(info.name), std::move(one));
  }
  return out;
}

Json covariance_json(const EngineProfile& p) {
  Json names = Json::array(), rows = Json::array();
  const std::size_t n = p.fitted.size();
  for (Coefficient c : p.fitted) names.push(Json::string(std::string(coefficient_info(c).name)));
  for (std::size_t i = 0; i < n && p.covariance.size() == n * n; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < n; ++j) row.push(Json::number(p.covariance[i * n + j]));
    rows.push(std::move(row));
  }
  Json out = Json::object();
  out.set("coefficients", std::move(names)).set("matrix", std::move(rows));
  return out;
}

template <class List>
Json numbers(const List& list) {
  Json out = Json::array();
  for (double x : list) out.push(Json::number(x));
  return out;
}

Json correction_json(const Correction& c) {
  Json values = Json::object(), decode = Json::array(), out = Json::object();
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    values.set(std::string(coefficient_info(static_cast<Coefficient>(i)).name), c.values[i]);
  }
  for (std::size_t row = 0; row < StepResidual::kSeqKnots; ++row) {
    decode.push(
        numbers(std::span(c.residual.decode)
                    .subspan(row * StepResidual::kContextKnots, StepResidual::kContextKnots)));
  }
  out.set("model", c.model).set("family", c.family).set("weights", c.weights);
  out.set("tensor_parallel", c.tensor).set("expert_parallel", c.expert);
  out.set("values", std::move(values)).set("decode_residual", std::move(decode));
  out.set("prefill_residual", numbers(c.residual.prefill));
  return out;
}

Json first_token_json(const FirstTokenResidual& f) {
  Json points = Json::array(), out = Json::object();
  for (const FirstTokenResidual::Point& p : f.points) {
    Json one = Json::object();
    one.set("model", p.model);
    one.set("at", numbers(std::array{p.concurrency, p.prompt, p.output, p.tensor}));
    one.set("weight", p.weight);
    points.push(std::move(one));
  }
  out.set("engine_variance", f.engine_variance).set("model_variance", f.model_variance);
  out.set("length_scales", numbers(std::array{f.concurrency, f.prompt, f.output, f.tensor}));
  out.set("points", std::move(points));
  return out;
}

Json spread_json(const EngineProfile& p) {
  Json out = Json::object();
  for (std::size_t i = 0; i < p.spread.size(); ++i) {
    Json one = Json::object();
    one.set("tpot", p.spread[i].tpot).set("ttft", p.spread[i].ttft);
    out.set(std::string(name(static_cast<Familiarity>(i))), std::move(one));
  }
  return out;
}

Json covered_json(const CoveredModel& m) {
  Json tp = Json::array(), out = Json::object();
  for (int t : m.tensor_parallel) tp.push(Json::integer(t));
  const auto range = [](std::int64_t low, std::int64_t high) {
    Json r = Json::array();
    r.push(Json::integer(low)).push(Json::integer(high));
    return r;
  };
  out.set("model", m.model).set("tensor_parallel", std::move(tp));
  out.set("prompt_tokens", range(m.isl_min, m.isl_max))
      .set("output_tokens", range(m.osl_min, m.osl_max));
  out.set("concurrency_max", m.concurrency_max).set("rows", m.rows);
  return out;
}

Json error_json(const ErrorFigure& e) {
  Json out = Json::object();
  out.set("what", e.what).set("split", e.split).set("n", e.n);
  out.set("mape", e.mape).set("median", e.median).set("p90", e.p90);
  return out;
}

Json host_json(const HostSpeed& h) {
  Json out = Json::object();
  out.set("host", h.host).set("speed", h.speed);
  return out;
}

template <class T, class F>
Json list(const std::vector<T>& items, F one) {
  Json out = Json::array();
  for (const T& item : items) out.push(one(item));
  return out;
}

Json gpu_json(const GpuTransfer& t) {
  Json out = Json::object();
  out.set("gpu", t.gpu).set("efficiency", t.machine.efficiency);
  out.set("compute", t.machine.compute).set("overhead", t.machine.overhead);
  out.set("link", t.machine.link).set("launch", t.machine.launch);
  out.set("host_speed", t.machine.host_speed).set("rows", t.rows);
  out.set("failed", t.failed);
  out.set("errors", list(t.errors, error_json));
  return out;
}

}  // namespace

Json to_json(const EngineProfile& p) {
  Json out = Json::object();
  out.set("version", 1).set("form", "fitted").set("engine", name(p.engine));
  out.set("engine_versions", strings(p.engine_versions)).set("gpu", p.gpu);
  out.set("coefficients", coefficients_json(p)).set("covariance", covariance_json(p));
  out.set("corrections", list(p.corrections, correction_json))
      .set("first_token", first_token_json(p.first_token));
  out.set("host_speed", p.host_speed)
      .set("hosts", list(p.hosts, host_json))
      .set("gpus", list(p.gpus, gpu_json));
  out.set("spread", spread_json(p)).set("covered", list(p.covered, covered_json));
  out.set("errors", list(p.errors, error_json)).set("operators", to_json(p.operators));
  out.set("sources", strings(p.sources)).set("command", p.command).set("commit", p.commit);
  return out;
}

}  // namespace eph::models
