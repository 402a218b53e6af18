#pragma once
// From names and numbers to something that can be simulated; physics is checked here.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "models/catalog.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/profile.h"
#include "scenario/scenario.h"
#include "scenario/stated_error.h"
#include "sim/config.h"
#include "workload/arrival.h"
#include "workload/load.h"

namespace eph::scenario {

// One deployment, ready to run. Owns the step model that `config` borrows: keep it alive while
// simulations use the config. Immutable after assembly, so many runs may share it across threads.
struct Assembly {
  models::GpuSpec gpu;
  models::LlmSpec llm;
  std::unique_ptr<models::StepModel> step;
  sim::SimulationConfig config;  // replicas, seed and run are the caller's to change
  models::Precision kv_precision = models::Precision::bf16;
  std::vector<EngineSetting> preset;  // what of it took effect
  std::string profile_path;
  std::string profile_name;           // path of one that was given, file name of a shipped one
  std::vector<std::string> warnings;  // "tp 4 of this model was not measured: ...", in every output
  std::optional<StatedError> error;   // none: the profile says nothing on it
  // Of further pools, in their order; of prefill workers the only one.
  std::vector<std::unique_ptr<Assembly>> further;
  std::shared_ptr<const models::Cluster> cluster;  // that KV moves on
  std::optional<models::CoveredModel> covered;  // the measurements of this model, if there are any
};

// Errors: unknown names (did-you-mean), layouts that do not divide, models that do not fit
// (infeasible).
[[nodiscard]] Result<Assembly> assemble(const models::Catalog& catalog, const DeploymentSpec& spec);

// The deployment with its prefill workers or further pools. An error of one of these names it.
[[nodiscard]] Result<Assembly> assemble_fleet(const models::Catalog& catalog,
                                              const Scenario& scenario);

// Says so when typical requests (mean lengths) lie outside what was measured for the model.
[[nodiscard]] std::vector<std::string> length_warnings(const Assembly& assembly, double mean_prompt,
                                                       double mean_output);

// The whole workload in memory, transforms applied, so that many runs replay the same requests.
// Arrival times start at 0; sorted.
struct RequestList {
  std::vector<workload::Arrival> arrivals;  // hash_offset counts in `hashes`
  std::vector<std::uint64_t> hashes;
  std::int32_t hash_block_tokens = 0;
  bool shares_prefixes = false, varies_priorities = false;
  std::vector<std::string> classes;   // names by number; empty when the source has none
  std::string description;            // "Azure LLM 2023 trace AzureLLM..., x20 superposed"
  std::vector<std::string> warnings;  // dropped or clipped rows
  [[nodiscard]] double duration_s() const;
};
[[nodiscard]] Result<RequestList> load_requests(const models::Catalog& catalog,
                                                const WorkloadSpec& spec, std::uint64_t seed,
                                                std::uint64_t run);

// The same; nothing when there are more than `most` requests.
[[nodiscard]] Result<std::optional<RequestList>> load_requests_up_to(const models::Catalog& catalog,
                                                                     const WorkloadSpec& spec,
                                                                     std::uint64_t seed,
                                                                     std::uint64_t run,
                                                                     std::size_t most);

// The clients' patience into what is simulated.
void set_clients(const WorkloadSpec& spec, sim::SimulationConfig& config);

// An open-loop load over a list that outlives it.
[[nodiscard]] std::unique_ptr<workload::Load> replay(const RequestList& list);

// A load that can say, after the run, what it did to the requests.
class ReportingLoad : public workload::Load {
 public:
  [[nodiscard]] virtual std::vector<std::string> warnings() const = 0;
  // Requests so far have begun with tokens of others.
  [[nodiscard]] virtual bool shares_prefixes() const = 0;
  // Requests so far differ in priority.
  [[nodiscard]] virtual bool varies_priorities() const = 0;
};

// What is said of requests that share prefixes where the engine has no prefix cache, and of those
// that all have one priority where the engine looks at it.
[[nodiscard]] std::vector<std::string> idle_warnings(bool shares_prefixes, bool varies_priorities,
                                                     const sim::SimulationConfig& config);

// Streaming or closed-loop load for a single run; memory does not grow with an open-loop trace.
[[nodiscard]] Result<std::unique_ptr<ReportingLoad>> make_load(const models::Catalog& catalog,
                                                               const WorkloadSpec& spec,
                                                               std::uint64_t seed,
                                                               std::uint64_t run);

// "trace conv.csv, rate x20 superposed, 0 s to 600 s": what every output says about the workload.
[[nodiscard]] std::string describe(const WorkloadSpec& spec);

}  // namespace eph::scenario
