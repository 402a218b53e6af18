#pragma once
// Settings of each autoscaler, with the defaults its documentation gives (ENGINES F).
#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

#include "core/time.h"

namespace eph::sim {

inline constexpr int kNoReplicaLimit = std::numeric_limits<int>::max();

enum class LoadMetric { load, in_flight, queued, rps };  // load: in flight + queued

// What stands between the fleet and its autoscaler.
struct MetricPath {
  Duration delay;     // of every value
  Duration interval;  // values are taken at multiples of it only; zero: always current
};

struct FixedOptions {
  int replicas = -1;  // below zero: those at the start
};

// Replicas by the time of day (or of the run).
struct ScheduledOptions {
  struct Entry {
    Duration from;     // since the start of the period
    int replicas = 1;  // below zero: those at the start
  };
  std::vector<Entry> entries;  // by time
  Duration period{};           // repeats after it; zero: once
};

// Kubernetes HorizontalPodAutoscaler, autoscaling/v2.
struct HpaOptions {
  LoadMetric metric = LoadMetric::load;
  double target = 0;  // AverageValue: of the metric, per replica; required
  int min_replicas = 1, max_replicas = 10;
  Duration sync_period{15'000'000'000};
  double tolerance_up = 0.1, tolerance_down = 0.1;
  Duration stabilization_up{0}, stabilization_down{300'000'000'000};
  enum class Select { max, min, disabled };
  // Percent and pods that may be added or taken within a period; zero: no such policy.
  struct Limits {
    double percent = 0;
    Duration percent_period{15'000'000'000};
    int pods = 0;
    Duration pods_period{15'000'000'000};
    Select select = Select::max;
  };
  Limits up{100, Duration{15'000'000'000}, 4, Duration{15'000'000'000}, Select::max};
  Limits down{100, Duration{15'000'000'000}, 0, Duration{15'000'000'000}, Select::max};
  bool initial_recommendation = false;  // the history begins with the size at the start, else empty
  bool pod_readiness =
      false;  // a metric of pods: those not ready count 0 upwards, not at all downwards
};

// KEDA on top of it: KEDA moves between none and one, the HPA between one and many.
struct KedaOptions {
  HpaOptions hpa{.max_replicas = 100};  // its minimum is max(1, min_replicas)
  int min_replicas = 0;
  int idle_replicas = -1;  // instead of none; below zero: not set
  double activation = 0;   // the trigger is active above it
  Duration polling_interval{30'000'000'000};
  Duration cooldown{300'000'000'000};
  Duration initial_cooldown{0};
};

// Knative Pod Autoscaler.
struct KnativeOptions {
  LoadMetric metric = LoadMetric::load;  // or rps
  double target = 0;                     // per replica; 0: 100 requests, or 200 requests/s
  double container_concurrency = 0;      // hard limit: the target if smaller; 0: none
  double target_percentage = 70;         // of it is aimed at
  Duration tick{2'000'000'000};
  Duration stable_window{60'000'000'000};
  double panic_window_percentage = 10, panic_threshold_percentage = 200;
  double max_scale_up_rate = 1000, max_scale_down_rate = 2;
  bool scale_to_zero = true;
  Duration scale_to_zero_grace{30'000'000'000};
  Duration scale_down_delay{0};
  int min_scale = 0, max_scale = 0;  // max: 0: no limit
};

struct RayServeOptions {
  int min_replicas = 1, max_replicas = 1;
  double target_ongoing_requests = 2;
  Duration metrics_interval{10'000'000'000};
  Duration look_back_period{30'000'000'000};
  double upscaling_factor = 1, downscaling_factor = 1;
  Duration upscale_delay{30'000'000'000};
  Duration downscale_delay{600'000'000'000};
  Duration downscale_to_zero_delay{-1};  // below zero: the downscale delay
  Duration control_loop{100'000'000};
};

// A serverless platform in the manner of Modal.
struct ServerlessOptions {
  int min_containers = 0, max_containers = kNoReplicaLimit, buffer_containers = 0;
  int target_inputs = 1;  // per container; it may burst beyond, up to what its engine takes
  Duration scaledown_window{60'000'000'000};
  Duration period{1'000'000'000};  // "quickly and frequently"
};

// NVIDIA Dynamo's planner, first version: SLA-based or load-based.
struct DynamoOptions {
  enum class Mode { sla, load };
  Mode mode = Mode::sla;
  int max_gpu_budget = 8, min_endpoint = 1, gpus_per_prefill = 1, gpus_per_decode = 1;
  // SLA-based; the two rates are required.
  Duration adjustment_interval{180'000'000'000};
  double isl = 3000, osl = 150;    // tokens of a request
  double prefill_tps_per_gpu = 0;  // prompt tokens/s, at `isl`
  double decode_tps_per_gpu = 0;   // output tokens/s while the ITL objective holds
  double prefill_correction = 1;   // observed TTFT / expected; above 1 has no effect
  // Load-based.
  Duration load_interval{30'000'000'000};
  double decode_kv_up = 0.9, decode_kv_down = 0.5;
  double prefill_queue_up = 0.5, prefill_queue_down = 0.2;
  int grace_intervals = 3;  // after a new decode worker none is taken away
};

struct AutoscalerOptions {
  std::variant<FixedOptions, ScheduledOptions, HpaOptions, KedaOptions, KnativeOptions,
               RayServeOptions, ServerlessOptions, DynamoOptions>
      policy;
  MetricPath metrics;
};

}  // namespace eph::sim
