#include "scenario/fleet_remarks.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "scenario/autoscale_options.h"
#include "scenario/fault_texts.h"

namespace eph::scenario {
namespace {

constexpr const char* kLonger = "simulate longer, or let it come earlier";

class Remarks {
 public:
  Remarks(const Scenario& scenario, const sim::RunSummary& run)
      : scenario_(scenario), run_(run), end_s_(run.end.seconds()) {}

  std::vector<std::string> all() {
    late_faults();
    upgrade();
    schedule(scenario_.fleet.autoscaler, scenario_.fleet.autoscale);
    schedule(scenario_.disaggregation.autoscaler, scenario_.disaggregation.autoscale);
    undecided();
    unused();
    repairs();
    return std::move(out_);
  }

 private:
  void late(const std::string& what, double at_s) {
    if (at_s > end_s_)
      out_.push_back(fmt::format("{} never came: the run was over before; {}", what, kLonger));
  }
  void late_faults() {
    for (const std::string& text : scenario_.fleet.outages)
      if (const auto one = parse_outage(text); one)
        late(fmt::format("the outage \"{}\"", text), one->outage.at.seconds());
    for (const std::string& text : scenario_.fleet.stragglers)
      if (const auto one = parse_straggler(text); one)
        late(fmt::format("the straggler \"{}\"", text), one->straggler.from.seconds());
  }
  void upgrade() {
    if (!scenario_.fleet.upgrade_at_s) return;
    late(fmt::format("the upgrade at {} s", eph::number(*scenario_.fleet.upgrade_at_s)),
         *scenario_.fleet.upgrade_at_s);
    for (const sim::PoolSummary& pool : run_.fleet->pools)
      if (pool.old_replicas > 0)
        out_.push_back(fmt::format(
            "the upgrade of pool {} was not complete when the run ended: old replicas were left",
            pool.name));
  }
  void schedule(const std::string& policy, const std::vector<std::string>& settings) {
    if (policy != "scheduled") return;
    const auto parsed = parse_autoscaler(policy, settings);
    const auto* plan = parsed ? std::get_if<sim::ScheduledOptions>(&parsed->policy) : nullptr;
    if (plan == nullptr) return;
    for (const auto& entry : plan->entries)
      if (entry.from.seconds() > end_s_)
        return late(fmt::format("the schedule from {} s on", eph::number(entry.from.seconds())),
                    entry.from.seconds());
  }
  void undecided() {
    const auto check = [this](const std::string& policy, const sim::PoolSummary& pool) {
      if (!policy.empty() && policy != "fixed" && policy != "scheduled" && pool.decisions == 0)
        out_.push_back(fmt::format(
            "the autoscaler of pool {} never decided: the run was over before its first time",
            pool.name));
    };
    const std::string& prefill = scenario_.disaggregation.autoscaler;
    const auto& pools = run_.fleet->pools;
    check(prefill == "dynamo" ? prefill : scenario_.fleet.autoscaler, pools.front());
    if (prefill != "dynamo" && pools.size() > 1) check(prefill, pools[1]);
  }
  void unused() {
    if (scenario_.disaggregation.replicas > 0 && run_.fleet->handed_over == 0)
      out_.emplace_back(
          "no prompt was computed by the prefill workers: all are short enough to stay "
          "(local_prompt), or none was sent while a prefill worker served");
    if (scenario_.pools.empty()) return;
    for (const sim::PoolSummary& pool : run_.fleet->pools)
      if (pool.requests.requests() == 0)
        out_.push_back(fmt::format(
            "pool {} got no request: those before it took all, or its rule fits none", pool.name));
  }
  // Where another machine takes a broken one's place, how long a repair lasts changes nothing: to
  // be said where something broke and its repair would have been waited for within the run.
  void repairs() {
    const FleetSpec& spec = scenario_.fleet;
    if (spec.waits_for_repairs()) return;
    const bool broke = std::any_of(run_.fleet->pools.begin(), run_.fleet->pools.end(),
                                   [](const sim::PoolSummary& pool) { return pool.deaths > 0; });
    const bool outages =
        std::any_of(spec.outages.begin(), spec.outages.end(), [&](const std::string& text) {
          const auto one = parse_outage(text);
          return one && one->lasts && (one->outage.at + one->outage.repair).seconds() < end_s_;
        });
    if (!broke || (!outages && !spec.gpu_repair_s && !spec.node_repair_s && !spec.zone_repair_s))
      return;
    out_.emplace_back(
        "how long repairs and outages last changes nothing: another machine takes a broken one's "
        "place at once; with capacity, with nodes, or with replace off it would");
  }

  const Scenario& scenario_;
  const sim::RunSummary& run_;
  double end_s_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> fleet_remarks(const Scenario& scenario, const sim::RunSummary& run) {
  if (!run.fleet) return {};
  return Remarks(scenario, run).all();
}

}  // namespace eph::scenario
