#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "models/profile.h"

namespace eph::models {
namespace {

double octaves_apart(int a, int b) {
  return std::abs(std::log2(std::max(1, a)) - std::log2(std::max(1, b)));
}

}  // namespace

std::string_view version_family(EngineKind engine, std::string_view version) {
  if (engine != EngineKind::vllm || !version.starts_with("0.")) return "";
  const auto minor = parse_double(version.substr(2, version.find('.', 2) - 2));
  return minor && *minor < 20 ? "old" : "";
}

std::string_view name(Familiarity familiarity) {
  switch (familiarity) {
    case Familiarity::deployment:
      return "deployment";
    case Familiarity::model:
      return "model";
    case Familiarity::engine:
      break;
  }
  return "engine";
}

EngineProfile::Found EngineProfile::find(const StepContext& context,
                                         std::string_view family) const {
  const std::string_view weights = models::name(context.llm.weights);
  const int tensor = context.layout.tensor, expert = context.layout.expert;
  const Correction* best = nullptr;
  double best_distance = std::numeric_limits<double>::infinity();
  Familiarity familiarity = Familiarity::engine;
  for (const Correction& c : corrections) {
    if (!c.model.empty() && (c.model != context.llm.name || c.weights != weights)) continue;
    const bool same_load = (c.family == kOfflineFamily) == (family == kOfflineFamily);
    if (!same_load || (c.model.empty() && c.family != family)) continue;
    // Any deployment of the model is closer than another model; a measured layout closer than its
    // model.
    double distance = c.tensor == 0 ? 0 : octaves_apart(c.tensor, tensor);
    Familiarity here = c.model.empty() ? Familiarity::engine : Familiarity::model;
    if (c.expert > 0) {
      if (c.tensor != tensor || c.expert != expert) continue;
      here = Familiarity::deployment;
    }
    distance += 1000.0 * static_cast<double>(here);
    if (distance < best_distance) {
      best = &c;
      best_distance = distance;
      familiarity = here;
    }
  }
  if (best == nullptr) return {&values, nullptr, Familiarity::engine};
  return {&best->values, &best->residual, familiarity};
}

std::optional<double> EngineProfile::speed_of(std::string_view host) const {
  for (const HostSpeed& h : hosts) {
    if (h.host == host) return h.speed;
  }
  return std::nullopt;
}

double FirstTokenResidual::log_factor(std::string_view model, double concurrency_now,
                                      double prompt_now, double output_now,
                                      double tensor_now) const {
  const auto square = [](double x) { return x * x; };
  const double c = std::log2(concurrency_now), p = std::log2(prompt_now), o = std::log2(output_now),
               t = std::log2(tensor_now);
  double sum = 0;
  for (const Point& at : points) {
    const double distance = square((c - at.concurrency) / concurrency) +
                            square((p - at.prompt) / prompt) + square((o - at.output) / output) +
                            square((t - at.tensor) / tensor);
    const double variance = engine_variance + (at.model == model ? model_variance : 0);
    sum += at.weight * variance * std::exp(-0.5 * distance);
  }
  return sum;
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
  if (const auto known = speed_of(host)) machine.host_speed = *known;
  return machine;
}

}  // namespace eph::models
