#include "scenario/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "scenario/checker.h"
#include "scenario/class_priorities.h"
#include "scenario/engine_options.h"
#include "scenario/fleet_check.h"
#include "scenario/setting_check.h"

namespace eph::scenario {

namespace {

bool has_synthetic(const Given& given) {
  constexpr std::string_view prefix = "workload/synthetic/";
  const auto first = given.lower_bound(prefix);
  return first != given.end() && first->starts_with(prefix);
}

std::string_view first_synthetic(const Given& given) {
  return *given.lower_bound(std::string_view("workload/synthetic/"));
}

void check_sources(Checker& check, const Given& given) {
  check.either("workload/trace", "workload/model", "requests come from one source");
  if (!has_synthetic(given)) return;
  for (std::string_view source : {"workload/trace", "workload/model"}) {
    check.either(source, first_synthetic(given), "requests come from one source");
  }
  if (check.has("workload/trace") || check.has("workload/model")) return;
  for (std::string_view id :
       {"workload/rate_scale", "workload/rate_mode", "workload/from", "workload/to",
        "workload/repeat", "workload/max_requests", "workload/cap_prompt", "workload/cap_output"}) {
    check.needs(
        id, false, "on synthetic arrivals",
        fmt::format("set {}, {} or the lengths instead", check.spell("workload/synthetic/rate"),
                    check.spell("workload/synthetic/requests")));
  }
}

void check_synthetic(Checker& check, const SyntheticSpec& spec) {
  const std::string arrivals = check.spell("workload/synthetic/arrivals");
  const bool closed = spec.arrivals == "closed";
  check.needs("workload/synthetic/rate", !closed, "on closed arrivals",
              fmt::format("give {}, or choose {} poisson",
                          check.spell("workload/synthetic/concurrency"), arrivals));
  check.needs("workload/synthetic/concurrency", closed,
              fmt::format("on {} arrivals", spec.arrivals),
              fmt::format("choose {} closed", arrivals));
  check.needs("workload/synthetic/swing", !closed, "on closed arrivals",
              fmt::format("choose {} poisson", arrivals));
  for (const std::string_view id :
       {"workload/synthetic/swing_period", "workload/synthetic/swing_peak"})
    check.needs(id, spec.swing > 0, "on a rate that does not swing",
                fmt::format("give {} above 0", check.spell("workload/synthetic/swing")));
  check.needs("workload/synthetic/cv", spec.arrivals == "gamma",
              fmt::format("on {} arrivals", spec.arrivals),
              fmt::format("choose {} gamma", arrivals));
  check.either("workload/synthetic/requests", "workload/synthetic/duration",
               "each says when to stop");
}

// "CLASS=N" of classes that there may be, on an engine that looks at priorities.
void check_class_priorities(Checker& check, const Scenario& scenario) {
  constexpr std::string_view id = "workload/class_priorities";
  if (!check.has(id)) return;
  const Result<ClassPriorities> read = read_class_priorities(scenario.workload.class_priorities);
  if (!read) check.conflict(id, read.error().what, read.error().remedy);
  check.needs(id, !scenario.workload.trace.empty(), "on requests without classes",
              "give a trace with a class column");
  const bool looks = by_priority(scenario.deployment) ||
                     std::any_of(scenario.pools.begin(), scenario.pools.end(),
                                 [](const PoolSpec& pool) { return by_priority(pool.deployment); });
  check.needs(id, looks, "on an engine that does not look at priorities",
              "add --set scheduling_policy=priority (vLLM)");
}

// Only recorded requests have priorities (find_unrecorded looks at which).
void check_priority(Checker& check, const Scenario& scenario) {
  const WorkloadSpec& workload = scenario.workload;
  if (!workload.trace.empty() || (workload.model.empty() && !workload.synthetic)) return;
  const auto refuse = [&](std::string_view place, const DeploymentSpec& spec) {
    if (by_priority(spec))
      check.idle(fmt::format("{}/engine_options/scheduling_policy", place),
                 "priority has no effect on requests without priorities",
                 "give a trace with a priority column");
  };
  refuse("deployment", scenario.deployment);
  for (std::size_t i = 0; i < scenario.pools.size(); ++i)
    refuse(fmt::format("pools/{}", i), scenario.pools[i].deployment);
}

void check_sessions(Checker& check, const SyntheticSpec& spec) {
  const std::string turns = check.spell("workload/synthetic/turns");
  for (std::string_view id : {"workload/synthetic/user_tokens", "workload/synthetic/think_time"}) {
    check.needs(id, spec.turns > 1, "without later turns",
                fmt::format("give {} of at least 2", turns));
  }
  check.needs("workload/synthetic/groups", spec.shared_tokens > 0, "without a shared prompt",
              fmt::format("give {} too", check.spell("workload/synthetic/shared_tokens")));
}

void check_deployment(Checker& check, const DeploymentSpec& spec) {
  check.either("deployment/kv_blocks", "deployment/memory_fraction",
               "the number of blocks needs no memory rule");
  const bool llamacpp = spec.engine == "llamacpp", sglang = spec.engine == "sglang";
  check.needs_engine("deployment/chunk_tokens", sglang || llamacpp, spec.engine,
                     fmt::format("set {}", check.spell("deployment/max_num_batched_tokens")));
  check.needs_engine("deployment/schedule_policy", sglang, spec.engine,
                     "it serves first come, first served");
  if (sglang && check.has("deployment/schedule_policy") && spec.schedule_policy == "lpm" &&
      !resolve_settings(spec).spec.prefix_caching.value_or(true)) {
    check.idle("deployment/schedule_policy", "lpm has no effect without prefix caching",
               fmt::format("turn {} on, or choose fcfs", check.spell("deployment/prefix_caching")));
  }
  check.needs_engine("deployment/chunked_prefill", !sglang && !llamacpp, spec.engine,
                     llamacpp ? "it always splits prompts"
                              : fmt::format("set {} 0 to turn chunking off",
                                            check.spell("deployment/chunk_tokens")));
  check.needs("deployment/block_size", !llamacpp || spec.kv_blocks,
              "on llamacpp, whose cache is counted in tokens", "leave it out, or give kv_blocks");
  check_settings(check, spec);
}

// A further pool says with its own keys what the deployment says with others.
void check_pool_deployment(Checker& check, const Given& given, std::size_t number,
                           const DeploymentSpec& spec, const Spelling& spelling) {
  const std::string prefix = fmt::format("pools/{}/", number);
  Given own;
  for (auto at = given.lower_bound(prefix); at != given.end() && at->starts_with(prefix); ++at)
    own.insert("deployment/" + at->substr(prefix.size()));
  const auto in_pool = [&](const std::string& id) {
    return prefix + id.substr(std::string_view("deployment/").size());
  };
  Checker inner(own, spelling);
  check_deployment(inner, spec);
  for (const Conflict& c : inner.take())
    if (own.contains(c.id))
      check.conflict(in_pool(c.id), c.what, c.remedy, c.other.empty() ? "" : in_pool(c.other));
}

}  // namespace

std::vector<Conflict> find_conflicts(const Scenario& scenario, const Given& given,
                                     const Spelling& spelling) {
  Checker check(given, spelling);
  check_deployment(check, scenario.deployment);
  for (std::size_t i = 0; i < scenario.pools.size(); ++i)
    check_pool_deployment(check, given, i, scenario.pools[i].deployment, spelling);
  check_fleet(check, scenario);
  check_sources(check, given);
  check_priority(check, scenario);
  check_class_priorities(check, scenario);
  if (scenario.workload.synthetic) {
    check_synthetic(check, *scenario.workload.synthetic);
    check_sessions(check, *scenario.workload.synthetic);
  }
  check.needs("workload/rate_mode", check.has("workload/rate_scale") || has_synthetic(given),
              "without a rate scale",
              fmt::format("give {} too", check.spell("workload/rate_scale")));
  const WorkloadSpec& workload = scenario.workload;
  check.needs("workload/timeout_on",
              check.has("workload/client_timeout") || !workload.trace.empty(), "without a timeout",
              fmt::format("give {} too", check.spell("workload/client_timeout")));
  if (workload.from_s && workload.to_s && *workload.to_s <= *workload.from_s) {
    check.conflict(
        "workload/to",
        fmt::format("the window from {} s to {} s is empty", *workload.from_s, *workload.to_s),
        "let it end after its start");
  }
  return check.take();
}

std::vector<Conflict> find_missing(const Scenario& scenario, const Given& given,
                                   const Spelling& spelling) {
  Checker check(given, spelling);
  if (scenario.deployment.model.empty()) {
    check.conflict("deployment/model", "no language model is given",
                   fmt::format("add {}", spelling("deployment/model")));
  }
  const WorkloadSpec& workload = scenario.workload;
  if (workload.trace.empty() && workload.model.empty() && !workload.synthetic) {
    check.conflict(
        "workload/trace", "no requests are given",
        fmt::format("add {}, {} or {}", spelling("workload/trace"), spelling("workload/model"),
                    spelling("workload/synthetic/arrivals")));
  }
  if (workload.synthetic) {
    const SyntheticSpec& spec = *workload.synthetic;
    if (spec.arrivals == "closed" && spec.concurrency == 0) {
      check.conflict("workload/synthetic/concurrency", "closed arrivals need a concurrency",
                     fmt::format("add {}", spelling("workload/synthetic/concurrency")));
    }
    if (spec.requests == 0 && spec.duration_s == 0) {
      check.conflict("workload/synthetic/requests", "synthetic arrivals have no end",
                     fmt::format("add {} or {}", spelling("workload/synthetic/requests"),
                                 spelling("workload/synthetic/duration")));
    }
  }
  return check.take();
}

}  // namespace eph::scenario
