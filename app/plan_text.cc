#include "app/plan_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/table.h"

namespace eph::app {

namespace {

using Align = TextTable::Align;

// "tp 2", "tp 4 pp 2", "tp 8 ep 8".
std::string layout_text(const models::Parallelism& layout) {
  std::string out = fmt::format("tp {}", layout.tensor);
  if (layout.pipeline > 1) out += fmt::format(" pp {}", layout.pipeline);
  if (layout.expert > 1) out += fmt::format(" ep {}", layout.expert);
  if (layout.attention_data > 1) out += fmt::format(" dp {}", layout.attention_data);
  return out;
}

std::string money(double usd) { return usd >= 100 ? human(usd) : fmt::format("{:.2f}", usd); }

std::string feasible_table(const planner::PlanProblem& problem, const planner::PlanReport& report) {
  std::vector<std::string> header{"engine", "GPU",   "layout",      "replicas",
                                  "GPUs",   "USD/h", "USD/Mtok out"};
  for (const sim::Slo& slo : problem.slos) header.push_back(slo.text());
  header.insert(header.end(), {"headroom", "confidence", "busy", "KV peak", "tokens/s out"});
  TextTable table(std::move(header), {Align::left, Align::left, Align::left});
  for (const planner::PlanRow& row : report.rows) {
    if (!row.feasible) continue;
    std::vector<std::string> cells{row.deployment.engine,
                                   row.deployment.gpu,
                                   layout_text(row.deployment.layout),
                                   human_count(static_cast<std::uint64_t>(row.replicas)),
                                   human_count(static_cast<std::uint64_t>(row.gpus)),
                                   row.priced ? money(row.usd_per_hour) : "-",
                                   row.priced ? money(row.usd_per_million_output_tokens) : "-"};
    for (const double measured_s : row.at_plan.measured_s) {
      cells.push_back(fmt::format("{} ms", human(measured_s * 1e3)));
    }
    cells.insert(cells.end(),
                 {percent(row.headroom), row.confidence ? percent(*row.confidence) : "-",
                  percent(row.at_plan.busy_share), percent(row.at_plan.peak_kv_used),
                  human(row.at_plan.output_tokens_per_s)});
    table.add(std::move(cells));
  }
  return table.empty() ? "" : table.text();
}

std::string infeasible_table(const planner::PlanReport& report) {
  TextTable table({"engine", "GPU", "layout", "not feasible because"},
                  {Align::left, Align::left, Align::left, Align::left});
  bool any = false;
  for (const planner::PlanRow& row : report.rows) {
    if (row.feasible) continue;
    any = true;
    table.add({row.deployment.engine, row.deployment.gpu, layout_text(row.deployment.layout),
               row.reason});
  }
  return any ? table.text() : "";
}

// Warnings of several rows that say the same are said once, with the engines they belong to.
std::string warnings(const planner::PlanReport& report) {
  std::vector<std::pair<std::string, std::string>> found;  // text, who
  for (const planner::PlanRow& row : report.rows) {
    const std::string who =
        fmt::format("{} {}", row.deployment.engine, layout_text(row.deployment.layout));
    for (const std::string& text : row.warnings) {
      const auto same =
          std::find_if(found.begin(), found.end(), [&](const auto& f) { return f.first == text; });
      if (same == found.end()) {
        found.emplace_back(text, who);
      } else {
        same->second += ", " + who;
      }
    }
  }
  std::string out;
  for (const std::string& text : report.notes) out += fmt::format("note: {}\n", text);
  for (const std::string& text : report.warnings) out += fmt::format("warning: {}\n", text);
  for (const auto& [text, who] : found) out += fmt::format("warning: {}: {}\n", who, text);
  return out;
}

}  // namespace

std::string plan_text(const planner::PlanProblem& problem, const planner::PlanReport& report) {
  std::string out = fmt::format("{}\n", problem.candidates.front().model);
  out += fmt::format("  workload   {}\n", report.workload);
  out +=
      fmt::format("             {} requests, {} a second on average, {} in the busiest minute\n",
                  human_count(report.requests), human(report.mean_rate), human(report.peak_rate));
  out += fmt::format("  prices     {}\n\n", report.price_note);
  const std::string good = feasible_table(problem, report), bad = infeasible_table(report);
  if (good.empty()) out += "no candidate is feasible\n";
  out += good;
  if (!bad.empty()) out += '\n' + bad;
  const std::string notes = warnings(report);
  if (!notes.empty()) out += '\n' + notes;
  return out;
}

}  // namespace eph::app
