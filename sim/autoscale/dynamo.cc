#include "sim/autoscale/dynamo.h"

#include <algorithm>

#include "sim/autoscale/ceil_count.h"

namespace eph::sim {
void Dynamo::observe(SimTime now, const FleetLoad& load) {
  rate_.set(now, load.rps);
  load_ = load;
  if (started_) return;
  started_ = true;
  next_ = now + interval();
  // Half of what is there prefills.
  const int ready = static_cast<int>(load.ready);
  prefill_ = std::max(options_.min_endpoint, ready / 2);
  decode_ = std::max(options_.min_endpoint, ready - ready / 2);
  since_new_decode_ = options_.grace_intervals;
  last_queue_ = load.queued;
}

int Dynamo::decide(SimTime now) {
  next_ = now + interval();
  if (options_.mode == DynamoOptions::Mode::sla)
    plan_by_sla(now);
  else
    plan_by_load();
  keep_budget();
  return prefill_ + decode_;
}

void Dynamo::plan_by_sla(SimTime now) {
  const double rps = rate_.mean(now - options_.adjustment_interval, now);
  rate_.forget(now - options_.adjustment_interval);
  const double prompts = rps * options_.isl * std::min(1.0, options_.prefill_correction);
  prefill_ = ceil_count(prompts / options_.prefill_tps_per_gpu / options_.gpus_per_prefill);
  decode_ = ceil_count(rps * options_.osl / options_.decode_tps_per_gpu / options_.gpus_per_decode);
  prefill_ = std::max(prefill_, options_.min_endpoint);
  decode_ = std::max(decode_, options_.min_endpoint);
}

void Dynamo::plan_by_load() {
  ++since_new_decode_;
  const double queue = load_.queued / std::max(1, prefill_);
  // Where the queue will be after as many intervals, if it goes on as it does.
  const double ahead = queue + 3 * (load_.queued - last_queue_) / std::max(1, prefill_);
  last_queue_ = load_.queued;
  if (queue > options_.prefill_queue_up && ahead > options_.prefill_queue_up)
    ++prefill_;
  else if (queue < options_.prefill_queue_down && prefill_ > options_.min_endpoint)
    --prefill_;
  if (load_.kv_usage > options_.decode_kv_up) {
    ++decode_;
    since_new_decode_ = 0;
  } else if (load_.kv_usage < options_.decode_kv_down && decode_ > options_.min_endpoint &&
             since_new_decode_ > options_.grace_intervals) {
    --decode_;
  }
}

void Dynamo::keep_budget() {
  const int gpus = prefill_ * options_.gpus_per_prefill + decode_ * options_.gpus_per_decode;
  if (gpus <= options_.max_gpu_budget) return;
  const double share = static_cast<double>(options_.max_gpu_budget) / gpus;
  prefill_ = std::max(options_.min_endpoint, static_cast<int>(prefill_ * share));
  const int left = options_.max_gpu_budget - prefill_ * options_.gpus_per_prefill;
  decode_ = std::max(options_.min_endpoint, std::min(decode_, left / options_.gpus_per_decode));
}

}  // namespace eph::sim
