#include "scenario/autoscale_effects.h"

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <tuple>

namespace eph::scenario {
namespace {

using Given = SettingNames;
using Names = std::initializer_list<std::string_view>;

Result<void> refuse_given(const Given& given, Names names, std::string_view where,
                          std::string_view remedy = "leave out one of the two") {
  for (const std::string_view name : names)
    if (given.contains(name))
      return usage_error(fmt::format("{} has no effect {}", name, where), std::string(remedy));
  return {};
}

Result<void> check_effect(const sim::HpaOptions& o, const Given& given) {
  if (auto ok = given.contains("tolerance")
                    ? refuse_given(given, {"tolerance_up", "tolerance_down"}, "beside tolerance")
                    : Result<void>();
      !ok)
    return ok;
  using S = sim::HpaOptions::Select;
  if (o.up.select == S::disabled)
    if (auto ok = refuse_given(
            given,
            {"up_percent", "up_percent_period", "up_pods", "up_pods_period", "stabilization_up"},
            "with up_select=disabled");
        !ok)
      return ok;
  if (o.down.select == S::disabled)
    if (auto ok = refuse_given(given,
                               {"down_percent", "down_percent_period", "down_pods",
                                "down_pods_period", "stabilization_down"},
                               "with down_select=disabled");
        !ok)
      return ok;
  const std::tuple<double, std::string_view, std::string_view> periods[] = {
      {o.up.percent, "up_percent_period", "up_percent"},
      {o.up.pods, "up_pods_period", "up_pods"},
      {o.down.percent, "down_percent_period", "down_percent"},
      {o.down.pods, "down_pods_period", "down_pods"}};
  for (const auto& [limit, period, name] : periods)
    if (limit <= 0)
      if (auto ok = refuse_given(given, {period}, fmt::format("where {} is 0", name),
                                 fmt::format("give {} too", name));
          !ok)
        return ok;
  return {};
}

Result<void> check_effect(const sim::KedaOptions& o, const Given& given) {
  if (auto ok = check_effect(o.hpa, given); !ok) return ok;
  if (o.min_replicas == 0 || o.idle_replicas >= 0) return {};
  return refuse_given(
      given,
      {"activation_threshold", "polling_interval", "cooldown_period", "initial_cooldown_period"},
      fmt::format("where {} replicas always stay", o.min_replicas),
      "let min_replica_count be 0, or give idle_replica_count");
}

Result<void> check_effect(const sim::KnativeOptions& o, const Given& given) {
  if (o.metric == sim::LoadMetric::rps)
    if (auto ok = refuse_given(given, {"container_concurrency"}, "with metric=rps"); !ok) return ok;
  if (!o.scale_to_zero || o.min_scale > 0)
    return refuse_given(given, {"scale_to_zero_grace_period"}, "where the last replica never goes",
                        "let min_scale be 0 and enable_scale_to_zero be true");
  return {};
}

Result<void> check_effect(const sim::RayServeOptions& o, const Given& given) {
  if (given.contains("smoothing_factor"))
    if (auto ok = refuse_given(given, {"upscaling_factor", "downscaling_factor"},
                               "beside smoothing_factor");
        !ok)
      return ok;
  if (o.min_replicas > 0)
    return refuse_given(given, {"downscale_to_zero_delay_s"}, "where the last replica never goes",
                        "give min_replicas=0");
  return {};
}

Result<void> check_effect(const sim::DynamoOptions& o, const Given& given) {
  if (o.mode == sim::DynamoOptions::Mode::load)
    return refuse_given(given,
                        {"adjustment_interval", "isl", "osl", "prefill_tps_per_gpu",
                         "decode_tps_per_gpu", "prefill_correction"},
                        "with mode=load");
  return refuse_given(
      given,
      {"load_interval", "decode_kv_scale_up_threshold", "decode_kv_scale_down_threshold",
       "prefill_queue_scale_up_threshold", "prefill_queue_scale_down_threshold", "grace_intervals"},
      "with mode=sla");
}

template <class Policy>
Result<void> check_effect(const Policy&, const Given&) {
  return {};
}

}  // namespace

Result<void> check_effect(const sim::AutoscalerOptions& options, const SettingNames& given) {
  return std::visit([&](const auto& policy) { return check_effect(policy, given); },
                    options.policy);
}

}  // namespace eph::scenario
