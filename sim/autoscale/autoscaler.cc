#include "sim/autoscale/autoscaler.h"

#include <fmt/format.h>

#include "sim/autoscale/dynamo.h"
#include "sim/autoscale/hpa.h"
#include "sim/autoscale/keda.h"
#include "sim/autoscale/knative.h"
#include "sim/autoscale/metric_path.h"
#include "sim/autoscale/ray_serve.h"
#include "sim/autoscale/scheduled.h"
#include "sim/autoscale/serverless.h"

namespace eph::sim {
namespace {

Result<void> bounds(int low, int high, const char* low_name, const char* high_name) {
  if (low <= high) return {};
  return usage_error(fmt::format("{} is {}, above {} = {}", low_name, low, high_name, high));
}

Result<void> check(const FixedOptions&) { return {}; }

Result<void> check(const ScheduledOptions& o) {
  if (o.entries.empty())
    return usage_error("a schedule without entries", "give schedule=TIME:REPLICAS,...");
  for (std::size_t i = 1; i < o.entries.size(); ++i) {
    if (o.entries[i].from <= o.entries[i - 1].from)
      return usage_error(
          fmt::format("entry {} of the schedule is not later than the one before", i + 1));
  }
  if (o.period > Duration::zero() && o.entries.back().from >= o.period)
    return usage_error("the schedule's last entry lies outside of its period");
  return {};
}

Result<void> check_target(double target, const char* policy) {
  if (target > 0) return {};
  return usage_error(fmt::format("{} has no target", policy),
                     "give target=N, the metric's value per replica");
}

Result<void> check(const HpaOptions& o) {
  if (auto ok = check_target(o.target, "hpa"); !ok) return ok;
  if (o.min_replicas < 1)
    return usage_error("min_replicas is 0: the HPA stops there", "use keda to scale to zero");
  return bounds(o.min_replicas, o.max_replicas, "min_replicas", "max_replicas");
}

Result<void> check(const KedaOptions& o) {
  if (auto ok = check_target(o.hpa.target, "keda"); !ok) return ok;
  if (o.idle_replicas >= 0 && o.idle_replicas >= o.min_replicas)
    return usage_error(fmt::format("idle_replicas is {}, not below min_replicas = {}",
                                   o.idle_replicas, o.min_replicas),
                       fmt::format("give min_replica_count={} or more", o.idle_replicas + 1));
  return bounds(o.min_replicas, o.hpa.max_replicas, "min_replicas", "max_replicas");
}

Result<void> check(const KnativeOptions& o) {
  if (o.max_scale > 0) return bounds(o.min_scale, o.max_scale, "min_scale", "max_scale");
  return {};
}

Result<void> check(const RayServeOptions& o) {
  if (o.max_replicas < 1) return usage_error("max_replicas is 0");
  return bounds(o.min_replicas, o.max_replicas, "min_replicas", "max_replicas");
}

Result<void> check(const ServerlessOptions& o) {
  return bounds(o.min_containers, o.max_containers, "min_containers", "max_containers");
}

Result<void> check(const DynamoOptions& o) {
  if (o.mode == DynamoOptions::Mode::sla &&
      (o.prefill_tps_per_gpu <= 0 || o.decode_tps_per_gpu <= 0))
    return usage_error(
        "the SLA planner needs the rates of a GPU",
        "give prefill_tps_per_gpu=N and decode_tps_per_gpu=N, tokens/s, or mode=load");
  const int least = o.min_endpoint * (o.gpus_per_prefill + o.gpus_per_decode);
  if (least > o.max_gpu_budget)
    return usage_error(
        fmt::format("max_gpu_budget is {}, less than the {} GPUs of the fewest workers",
                    o.max_gpu_budget, least));
  return {};
}

std::unique_ptr<Autoscaler> make(const FixedOptions& o) {
  return std::make_unique<Scheduled>(ScheduledOptions{{{Duration::zero(), o.replicas}}, {}});
}
std::unique_ptr<Autoscaler> make(const ScheduledOptions& o) {
  return std::make_unique<Scheduled>(o);
}
std::unique_ptr<Autoscaler> make(const HpaOptions& o) { return std::make_unique<Hpa>(o); }
std::unique_ptr<Autoscaler> make(const KedaOptions& o) { return std::make_unique<Keda>(o); }
std::unique_ptr<Autoscaler> make(const KnativeOptions& o) { return std::make_unique<Knative>(o); }
std::unique_ptr<Autoscaler> make(const RayServeOptions& o) { return std::make_unique<RayServe>(o); }
std::unique_ptr<Autoscaler> make(const ServerlessOptions& o) {
  return std::make_unique<Serverless>(o);
}
std::unique_ptr<Autoscaler> make(const DynamoOptions& o) { return std::make_unique<Dynamo>(o); }

}  // namespace

Result<void> check(const AutoscalerOptions& options) {
  return std::visit([](const auto& o) { return check(o); }, options.policy);
}

std::unique_ptr<Autoscaler> make_autoscaler(const AutoscalerOptions& options) {
  EPH_ASSERT(check(options).has_value(), "an autoscaler for options that were not checked");
  auto out = std::visit([](const auto& o) { return make(o); }, options.policy);
  if (options.metrics.delay > Duration::zero() || options.metrics.interval > Duration::zero())
    out = std::make_unique<DelayedMetrics>(options.metrics, std::move(out));
  return out;
}

}  // namespace eph::sim
