#include "scenario/autoscale_options.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <set>

#include "core/text.h"
#include "scenario/autoscale_effects.h"
#include "sim/autoscale/autoscaler.h"

namespace eph::scenario {
namespace {

using sim::LoadMetric;

// One setting of one policy: reads a text into its place, and prints the place's value.
struct Setting {
  AutoscaleSetting facts;
  std::function<Result<void>(std::string_view)> set;
  std::vector<std::string_view> aliases;
};

Error bad(std::string_view text, std::string_view wanted) {
  return usage_error(fmt::format("\"{}\"", text), fmt::format("give {}", wanted));
}

std::string text_of(Duration d) { return fmt::format("{} s", number(d.seconds())); }

// The table under construction.
class Table {
 public:
  Table& count(std::string_view name, int& place, int min, std::string_view help,
               std::vector<std::string_view> aliases = {}) {
    return add(
        {name, "N", place == sim::kNoReplicaLimit ? "no limit" : fmt::to_string(place), help},
        [&place, min](std::string_view text) -> Result<void> {
          const auto value = parse_int(text);
          if (!value || *value < min || *value > 10'000'000)
            return bad(text, fmt::format("a whole number of {} to 10000000", min));
          place = static_cast<int>(*value);
          return {};
        },
        std::move(aliases));
  }
  Table& real(std::string_view name, double& place, bool above_zero, std::string_view help,
              std::vector<std::string_view> aliases = {}) {
    return add(
        {name, "X", place == 0 && above_zero ? "required" : number(place), help},
        [&place, above_zero](std::string_view text) -> Result<void> {
          const auto value = parse_double(text);
          if (!value || *value < 0 || *value > 1e12 || (above_zero && *value == 0))
            return bad(text, above_zero ? "a number above 0" : "a number, 0 or above");
          place = *value;
          return {};
        },
        std::move(aliases));
  }
  Table& time(std::string_view name, Duration& place, bool above_zero, std::string_view help,
              std::vector<std::string_view> aliases = {}) {
    return add(
        {name, "TIME", place < Duration::zero() ? "not set" : text_of(place), help},
        [&place, above_zero](std::string_view text) -> Result<void> {
          const auto plain = parse_double(text);
          const auto unit = plain ? Result<Seconds>(Seconds{*plain}) : parse_seconds(text);
          if (!unit || !(unit->value >= 0) || unit->value > 1e8 ||
              (above_zero && unit->value < 1e-3))
            return bad(text, above_zero ? "a time of 1 ms or more, as in 15 or \"15 s\""
                                        : "a time, as in 15 or \"5 min\"");
          place = Duration::from_seconds(unit->value);
          return {};
        },
        std::move(aliases));
  }
  Table& flag(std::string_view name, bool& place, std::string_view help) {
    return add({name, "BOOL", place ? "true" : "false", help},
               [&place](std::string_view text) -> Result<void> {
                 if (text != "true" && text != "false") return bad(text, "true or false");
                 place = text == "true";
                 return {};
               });
  }
  template <class Enum>
  Table& choice(std::string_view name, Enum& place,
                std::vector<std::pair<std::string, Enum>> values, std::string_view help) {
    std::string fallback;
    for (const auto& [text, value] : values) {
      if (value == place) fallback = text;
    }
    return add({name, "WORD", fallback, help},
               [&place, values](std::string_view text) -> Result<void> {
                 std::vector<std::string> names;
                 for (const auto& [word, value] : values) {
                   if (word == to_lower(text)) {
                     place = value;
                     return {};
                   }
                   names.push_back(word);
                 }
                 return usage_error(fmt::format("\"{}\"", text), suggest(text, names));
               });
  }
  Table& add(AutoscaleSetting facts, std::function<Result<void>(std::string_view)> set,
             std::vector<std::string_view> aliases = {}) {
    settings.push_back({std::move(facts), std::move(set), std::move(aliases)});
    return *this;
  }
  std::vector<Setting> settings;
};

std::vector<std::pair<std::string, LoadMetric>> metrics() {
  return {{"load", LoadMetric::load},
          {"in_flight", LoadMetric::in_flight},
          {"queued", LoadMetric::queued},
          {"rps", LoadMetric::rps}};
}

void tabulate(sim::FixedOptions& o, Table& t) {
  t.count("replicas", o.replicas, 1, "replicas, always");
  t.settings.back().facts.fallback = "those at the start";
}

void tabulate(sim::ScheduledOptions& o, Table& t) {
  t.add({"schedule", "LIST", "required",
         "replicas from times on, as in 0:2,8h:10,20h:2; numbers without a unit are seconds"},
        [&o](std::string_view text) -> Result<void> {
          o.entries.clear();
          for (const std::string_view entry : split(text, ',')) {
            const std::size_t colon = entry.rfind(':');
            if (colon == std::string_view::npos)
              return bad(entry, "TIME:REPLICAS, as in 8h:10; a time without a unit is in seconds");
            const auto replicas = parse_int(trim(entry.substr(colon + 1)));
            const std::string_view when = trim(entry.substr(0, colon));
            const auto plain = parse_double(when);
            const auto from = plain ? Result<Seconds>(Seconds{*plain}) : parse_seconds(when);
            if (!from || from->value < 0 || from->value > 1e8 || !replicas || *replicas < 0 ||
                *replicas > 10'000'000)
              return bad(entry, "TIME:REPLICAS, as in 8h:10; a time without a unit is in seconds");
            o.entries.push_back({Duration::from_seconds(from->value), static_cast<int>(*replicas)});
          }
          return {};
        });
  t.time("period", o.period, false, "after which the schedule begins again; 0: never");
}

void limits(sim::HpaOptions::Limits& l, bool up, Table& t) {
  t.real(up ? "up_percent" : "down_percent", l.percent, false,
         "policy: percent within its period; 0: no such policy");
  t.time(up ? "up_percent_period" : "down_percent_period", l.percent_period, true, "its period");
  t.count(up ? "up_pods" : "down_pods", l.pods, 0,
          "policy: pods within its period; 0: no such policy");
  t.time(up ? "up_pods_period" : "down_pods_period", l.pods_period, true, "its period");
  using S = sim::HpaOptions::Select;
  t.choice<S>(up ? "up_select" : "down_select", l.select,
              {{"max", S::max}, {"min", S::min}, {"disabled", S::disabled}},
              "selectPolicy: which of the policies counts");
}

void tabulate(sim::HpaOptions& o, Table& t, bool with_min = true) {
  t.choice("metric", o.metric, metrics(), "what is measured: load is in flight + queued");
  t.real(
      "target", o.target, true, "the metric's value per replica (AverageValue)",
      {"target_average_value", "average_value", "threshold", "target_per_replica", "target_value"});
  if (with_min) t.count("min_replicas", o.min_replicas, 1, "at least");
  t.count("max_replicas", o.max_replicas, 1, "at most", {"max_replica_count"});
  t.time("sync_period", o.sync_period, true, "between decisions",
         {"horizontal_pod_autoscaler_sync_period", "hpa_sync_period"});
  t.add({"tolerance", "X", number(o.tolerance_up),
         "relative distance from the target that changes nothing"},
        [&o](std::string_view text) -> Result<void> {
          const auto value = parse_double(text);
          if (!value || *value < 0 || *value >= 1) return bad(text, "a number of 0 to below 1");
          o.tolerance_up = o.tolerance_down = *value;
          return {};
        });
  t.real("tolerance_up", o.tolerance_up, false, "the same, upwards only", {"scale_up_tolerance"});
  t.real("tolerance_down", o.tolerance_down, false, "the same, downwards only",
         {"scale_down_tolerance"});
  t.time(
      "stabilization_up", o.stabilization_up, false, "window of the recommendations before adding",
      {"scale_up_stabilization_window_seconds", "scale_up_stabilization", "stabilization_window_up",
       "up_stabilization_window", "scale_up_stabilization_window", "up_stabilization"});
  t.time(
      "stabilization_down", o.stabilization_down, false,
      "window of the recommendations before removing",
      {"scale_down_stabilization_window_seconds", "scale_down_stabilization",
       "stabilization_window_down", "down_stabilization_window", "scale_down_stabilization_window",
       "down_stabilization", "stabilization_window_seconds", "stabilization_window"});
  limits(o.up, true, t);
  limits(o.down, false, t);
  t.flag("initial_recommendation", o.initial_recommendation,
         "the history of recommendations begins with the size at the start; else it is empty");
  t.flag("pod_readiness", o.pod_readiness,
         "a metric of pods: those not ready count 0 upwards, not at all downwards");
}

void tabulate(sim::KedaOptions& o, Table& t) {
  tabulate(o.hpa, t, false);
  t.count("min_replica_count", o.min_replicas, 0, "at least", {"min_replicas"});
  t.count("idle_replica_count", o.idle_replicas, 0, "while no trigger is active, instead of none",
          {"idle_replicas"});
  t.real("activation_threshold", o.activation, false, "the trigger is active above it",
         {"activation", "activation_target_value"});
  t.time("polling_interval", o.polling_interval, true, "between looks at the trigger");
  t.time("cooldown_period", o.cooldown, false, "without an active trigger before going to none",
         {"cooldown"});
  t.time("initial_cooldown_period", o.initial_cooldown, false, "the same, after the start",
         {"initial_cooldown"});
}

void tabulate(sim::KnativeOptions& o, Table& t) {
  t.choice(
      "metric", o.metric,
      {{"concurrency", LoadMetric::load}, {"load", LoadMetric::load}, {"rps", LoadMetric::rps}},
      "in flight + queued, or requests/s");
  t.real("target", o.target, false, "per replica; 0: 100 requests, or 200 requests/s",
         {"container_concurrency_target_default", "requests_per_second_target_default",
          "requests_per_second_target"});
  t.real("container_concurrency", o.container_concurrency, false,
         "hard limit of a replica; 0: none");
  t.real("target_utilization_percentage", o.target_percentage, true,
         "share of the target that is aimed at",
         {"container_concurrency_target_percentage", "target_percentage", "target_utilization"});
  t.time("tick", o.tick, true, "between decisions", {"tick_interval"});
  t.time("stable_window", o.stable_window, true, "of the mean in stable mode", {"window"});
  t.real("panic_window_percentage", o.panic_window_percentage, true, "of the stable window");
  t.real("panic_threshold_percentage", o.panic_threshold_percentage, true,
         "of what is ready that starts a panic", {"panic_threshold"});
  t.real("max_scale_up_rate", o.max_scale_up_rate, true, "factor in one decision");
  t.real("max_scale_down_rate", o.max_scale_down_rate, true, "factor in one decision");
  t.flag("enable_scale_to_zero", o.scale_to_zero, "the last replica may go");
  t.time("scale_to_zero_grace_period", o.scale_to_zero_grace, false, "before it does",
         {"scale_to_zero_grace"});
  t.time("scale_down_delay", o.scale_down_delay, false, "the most of this long counts");
  t.count("min_scale", o.min_scale, 0, "at least", {"min_replicas"});
  t.count("max_scale", o.max_scale, 0, "at most; 0: no limit", {"max_replicas"});
}

void tabulate(sim::RayServeOptions& o, Table& t) {
  t.count("min_replicas", o.min_replicas, 0, "at least");
  t.count("max_replicas", o.max_replicas, 1, "at most");
  t.real("target_ongoing_requests", o.target_ongoing_requests, true,
         "in flight + queued, per replica", {"target", "target_num_ongoing_requests_per_replica"});
  t.time("metrics_interval_s", o.metrics_interval, true, "between pushes of metrics");
  t.time("look_back_period_s", o.look_back_period, true, "window of the mean");
  t.real("upscaling_factor", o.upscaling_factor, true, "on the relative error, upwards",
         {"upscale_smoothing_factor"});
  t.real("downscaling_factor", o.downscaling_factor, true, "the same, downwards",
         {"downscale_smoothing_factor"});
  t.add({"smoothing_factor", "X", "1", "both of them"},
        [&o](std::string_view text) -> Result<void> {
          const auto value = parse_double(text);
          if (!value || *value <= 0 || *value > 1e6) return bad(text, "a number above 0");
          o.upscaling_factor = o.downscaling_factor = *value;
          return {};
        });
  t.time("upscale_delay_s", o.upscale_delay, false, "for which more must be wanted");
  t.time("downscale_delay_s", o.downscale_delay, false, "for which fewer must be wanted");
  t.time("downscale_to_zero_delay_s", o.downscale_to_zero_delay, false,
         "the same, for the last one");
  t.time("control_loop_s", o.control_loop, true, "between decisions", {"control_loop_period_s"});
}

void tabulate(sim::ServerlessOptions& o, Table& t) {
  t.count("min_containers", o.min_containers, 0, "at least", {"min_replicas"});
  t.count("max_containers", o.max_containers, 1, "at most", {"max_replicas"});
  t.count("buffer_containers", o.buffer_containers, 0, "more than needed, while there is any load");
  t.count("target_inputs", o.target_inputs, 1, "in flight + queued, per container", {"target"});
  t.time("scaledown_window", o.scaledown_window, false, "idle before a container goes");
  t.time("period", o.period, true, "between decisions", {"interval"});
}

void tabulate(sim::DynamoOptions& o, Table& t) {
  using M = sim::DynamoOptions::Mode;
  t.choice<M>("mode", o.mode, {{"sla", M::sla}, {"load", M::load}},
              "planner: by objectives or by thresholds");
  t.count("max_gpu_budget", o.max_gpu_budget, 1, "GPUs, prefill and decode together");
  t.count("min_endpoint", o.min_endpoint, 0, "workers of each kind at least");
  t.count("gpus_per_prefill", o.gpus_per_prefill, 1, "GPUs of a prefill worker",
          {"prefill_engine_num_gpu", "prefill_gpus"});
  t.count("gpus_per_decode", o.gpus_per_decode, 1, "GPUs of a decode worker",
          {"decode_engine_num_gpu", "decode_gpus"});
  t.time("adjustment_interval", o.adjustment_interval, true, "sla: between decisions");
  t.real("isl", o.isl, true, "sla: prompt tokens of a request");
  t.real("osl", o.osl, true, "sla: output tokens of a request");
  t.real("prefill_tps_per_gpu", o.prefill_tps_per_gpu, true, "sla: prompt tokens/s of a GPU",
         {"prefill_throughput_per_gpu", "prefill_tps"});
  t.real("decode_tps_per_gpu", o.decode_tps_per_gpu, true,
         "sla: output tokens/s of a GPU within the ITL objective",
         {"decode_throughput_per_gpu", "decode_tps"});
  t.real("prefill_correction", o.prefill_correction, true, "sla: observed over expected TTFT",
         {"p_corr"});
  t.time("load_interval", o.load_interval, true, "load: between decisions");
  t.real("decode_kv_scale_up_threshold", o.decode_kv_up, false,
         "load: KV usage above which a decode worker is added", {"decode_kv_up"});
  t.real("decode_kv_scale_down_threshold", o.decode_kv_down, false,
         "load: below which one is taken", {"decode_kv_down"});
  t.real("prefill_queue_scale_up_threshold", o.prefill_queue_up, false,
         "load: queued per prefill worker above which one is added", {"prefill_queue_up"});
  t.real("prefill_queue_scale_down_threshold", o.prefill_queue_down, false,
         "load: below which one is taken", {"prefill_queue_down"});
  t.count("grace_intervals", o.grace_intervals, 0,
          "load: intervals after a new decode worker in which none is taken");
}

std::optional<decltype(sim::AutoscalerOptions::policy)> policy_of(std::string_view name) {
  if (name == "fixed") return sim::FixedOptions{};
  if (name == "scheduled") return sim::ScheduledOptions{};
  if (name == "hpa") return sim::HpaOptions{};
  if (name == "keda") return sim::KedaOptions{};
  if (name == "knative") return sim::KnativeOptions{};
  if (name == "ray-serve") return sim::RayServeOptions{};
  if (name == "serverless") return sim::ServerlessOptions{};
  if (name == "dynamo") return sim::DynamoOptions{};
  return std::nullopt;
}

bool looks_at_load(const sim::AutoscalerOptions& options) {
  return !std::holds_alternative<sim::FixedOptions>(options.policy) &&
         !std::holds_alternative<sim::ScheduledOptions>(options.policy);
}

// The settings point into `options`.
Table table_of(sim::AutoscalerOptions& options) {
  Table table;
  std::visit([&](auto& policy) { tabulate(policy, table); }, options.policy);
  if (!looks_at_load(options)) return table;
  table.time("scrape_delay", options.metrics.delay, false,
             "age of a metric when the autoscaler sees it", {"metric_delay"});
  table.time("scrape_interval", options.metrics.interval, false,
             "between scrapes; 0: always current");
  return table;
}

// minReplicas, min-replicas and min_replicas are one.
std::string squeezed(std::string_view name) {
  std::string out;
  for (const char c : to_lower(name)) {
    if (c != '_' && c != '-' && c != '.') out += c;
  }
  return out;
}

bool is_named(const Setting& setting, const std::string& squeezed_name) {
  const auto same = [&](std::string_view known) {
    const std::string plain = squeezed(known);
    return plain == squeezed_name || plain + "s" == squeezed_name ||
           plain + "seconds" == squeezed_name ||
           (plain.ends_with("s") && plain.substr(0, plain.size() - 1) == squeezed_name);
  };
  return same(setting.facts.name) ||
         std::any_of(setting.aliases.begin(), setting.aliases.end(), same);
}

}  // namespace

std::span<const std::string> autoscale_policies() {
  static const std::vector<std::string> names{"fixed",   "scheduled", "hpa",        "keda",
                                              "knative", "ray-serve", "serverless", "dynamo"};
  return names;
}

std::vector<AutoscaleSetting> autoscale_settings(std::string_view policy) {
  const auto defaults = policy_of(policy);
  EPH_ASSERT(defaults.has_value(), "settings of no autoscaler");
  sim::AutoscalerOptions options{*defaults, {}};
  std::vector<AutoscaleSetting> out;
  for (const Setting& setting : table_of(options).settings) out.push_back(setting.facts);
  return out;
}

std::string autoscale_setting_name(std::string_view policy, std::string_view setting) {
  auto defaults = policy_of(policy);
  if (!defaults) return {};
  sim::AutoscalerOptions options{*defaults, {}};
  const std::string plain = squeezed(trim(setting.substr(0, setting.find('='))));
  for (const Setting& s : table_of(options).settings)
    if (is_named(s, plain)) return std::string(s.facts.name);
  return {};
}

Result<sim::AutoscalerOptions> parse_autoscaler(std::string_view policy,
                                                std::span<const std::string> settings) {
  const auto defaults = policy_of(policy);
  if (!defaults) {
    return usage_error(fmt::format("no autoscaler \"{}\"", policy),
                       suggest(policy, autoscale_policies()));
  }
  sim::AutoscalerOptions out{*defaults, {}};
  const Table table = table_of(out);
  std::set<std::string_view> given;
  for (const std::string& text : settings) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage_error(fmt::format("\"{}\" sets nothing", text), "give name=value");
    const std::string name(trim(std::string_view(text).substr(0, equals)));
    const std::string plain = squeezed(name);
    const auto found = std::find_if(table.settings.begin(), table.settings.end(),
                                    [&](const Setting& s) { return is_named(s, plain); });
    if (found == table.settings.end()) {
      std::vector<std::string> names;
      for (const Setting& s : table.settings) names.emplace_back(s.facts.name);
      return usage_error(fmt::format("{} has no setting \"{}\"", policy, name),
                         suggest(name, names));
    }
    if (!given.insert(found->facts.name).second)
      return usage_error(fmt::format("{} is set twice", found->facts.name), "give it once");
    if (auto ok = found->set(trim(std::string_view(text).substr(equals + 1))); !ok)
      return usage_error(fmt::format("{}: {}", found->facts.name, ok.error().what),
                         ok.error().remedy);
  }
  if (auto ok = check_effect(out, given); !ok) return ok.error();
  if (auto ok = sim::check(out); !ok) return ok.error();
  return out;
}

}  // namespace eph::scenario
