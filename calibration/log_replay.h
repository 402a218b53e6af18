#pragma once
// Simulates the run of a request log: its engine settings, its arrivals and lengths, any step
// model.
#include <memory>
#include <string>
#include <vector>

#include "calibration/deployment.h"
#include "calibration/request_log.h"
#include "models/catalog.h"
#include "models/profile.h"
#include "sim/config.h"
#include "sim/metrics_sink.h"

namespace eph::calibration {

// What a log says about its deployment, resolved against the catalogue.
struct LogSetup {
  Deployment deployment;
  sim::EngineOptions engine;
  models::KvPool kv;
  int replicas = 1;  // data-parallel ranks: each has its own scheduler and KV cache
};

// When the log has no block count, the engine's profile, if there is one, says how much of a GPU's
// memory is neither weights nor KV. Fails for an unknown GPU or model, and where a layout is not
// possible.
[[nodiscard]] Result<LogSetup> set_up(const RequestLog& log, const models::Catalog& catalog,
                                      const std::vector<models::EngineProfile>& profiles);

// One record per request, in the log's order. `sink` may be null.
[[nodiscard]] Result<std::vector<sim::RequestRecord>> simulate_log(
    const RequestLog& log, const LogSetup& setup, const models::StepModel& step,
    const models::FrontEnd& front_end, std::uint64_t seed, sim::MetricsSink* sink = nullptr);

}  // namespace eph::calibration
