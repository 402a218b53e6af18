#include "models/profile.h"

#include <fmt/format.h>

#include <cmath>

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

Json correction_json(const ModelCorrection& correction) {
  Json values = Json::object(), out = Json::object();
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    values.set(std::string(coefficient_info(static_cast<Coefficient>(i)).name),
               correction.values[i]);
  }
  out.set("model", correction.model).set("values", std::move(values));
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
  out.set("host_speed", t.machine.host_speed).set("rows", t.rows);
  out.set("errors", list(t.errors, error_json));
  return out;
}

}  // namespace

const CoefficientValues& EngineProfile::values_for(std::string_view model) const {
  for (const ModelCorrection& c : corrections) {
    if (c.model == model) return c.values;
  }
  return values;
}

const GpuTransfer* EngineProfile::transfer_to(std::string_view gpu_name) const {
  for (const GpuTransfer& t : gpus) {
    if (t.gpu == gpu_name) return &t;
  }
  return nullptr;
}

Machine EngineProfile::machine_for(std::string_view gpu_name, std::string_view host) const {
  const GpuTransfer* transfer = transfer_to(gpu_name);
  Machine machine = transfer != nullptr ? transfer->machine : Machine{1.0, host_speed};
  for (const HostSpeed& h : hosts) {
    if (h.host == host) machine.host_speed = h.speed;
  }
  return machine;
}

Json to_json(const EngineProfile& p) {
  Json out = Json::object();
  out.set("version", 1).set("form", "fitted").set("engine", name(p.engine));
  out.set("engine_versions", strings(p.engine_versions)).set("gpu", p.gpu);
  out.set("coefficients", coefficients_json(p)).set("covariance", covariance_json(p));
  out.set("corrections", list(p.corrections, correction_json)).set("host_speed", p.host_speed);
  out.set("hosts", list(p.hosts, host_json)).set("gpus", list(p.gpus, gpu_json));
  Json sd = Json::object();
  sd.set("tpot", p.residual_sd_tpot).set("ttft", p.residual_sd_ttft);
  out.set("residual_sd", std::move(sd)).set("covered", list(p.covered, covered_json));
  out.set("errors", list(p.errors, error_json)).set("operators", to_json(p.operators));
  out.set("sources", strings(p.sources)).set("command", p.command).set("commit", p.commit);
  return out;
}

}  // namespace eph::models
