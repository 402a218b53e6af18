#include "calibration/exclusions.h"

#include "core/text.h"

namespace eph::calibration {
namespace {

using models::EngineKind;

// Above this share of the throughput row's rate, TTFT percentiles of an open loop differ by 25-150
// % between identical machines (PERCENTILES section 0).
constexpr double kSaturatedLoad = 0.9;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string whole_row_reason(const MeasuredRun& run) {
  if (run.is_sweep() || run.load) return "";
  if (run.isl == 4000 && run.osl == 1000)
    return "ISL 4000 / OSL 1000 rows follow an unknown protocol";
  if (run.concurrency == 512 && contains(run.model, "gpt-oss-120b")) {
    return "gpt-oss-120b at C = 512 follows an unknown protocol";
  }
  return "";
}

void forget(RunPlan& plan, Figure figure) { plan.scored.reset(static_cast<std::size_t>(figure)); }

}  // namespace

void set_scored_figures(const MeasuredRun& run, RunPlan& plan) {
  for (std::size_t i = 0; i < kFigureCount; ++i) {
    plan.scored.set(i, run.measured[static_cast<Figure>(i)].has_value());
  }
  plan.left_out = whole_row_reason(run);
  if (!plan.left_out.empty()) {
    plan.scored.reset();
    return;
  }
  if (run.engine == EngineKind::trtllm && run.protocol == Protocol::closed_loop_unknown_ramp &&
      contains(to_lower(run.model), "llama-3.1-8b")) {
    forget(plan, Figure::mean_ttft);
    plan.left_out = "TTFT holds an extra wait of one service time / C";
  }
  // Set by the load generator or following from it.
  forget(plan, Figure::mean_concurrency);
  if (run.protocol == Protocol::synchronous) return;
  if (run.protocol == Protocol::open_loop || run.protocol == Protocol::recorded) {
    for (const Figure f : {Figure::achieved_rps, Figure::output_tps, Figure::total_tps})
      forget(plan, f);
    return;
  }
  if (run.protocol == Protocol::constant && run.load_fraction > kSaturatedLoad) {
    const bool rate = plan.is_scored(Figure::achieved_rps), itl = plan.is_scored(Figure::itl_p50);
    plan.scored.reset();
    plan.scored.set(static_cast<std::size_t>(Figure::achieved_rps), rate);
    plan.scored.set(static_cast<std::size_t>(Figure::itl_p50), itl);
    plan.left_out = "above 90 % of the throughput rate only rate and median ITL repeat";
  } else if (run.protocol == Protocol::constant) {
    forget(plan, Figure::achieved_rps);  // it is the input
    forget(plan, Figure::output_tps);
  }
}

}  // namespace eph::calibration
