#include "app/run_record.h"

#include <algorithm>

#include "app/run_figures.h"
#include "jobs/figures.h"

namespace eph::app {

RunRecord record_of(const sim::RunSummary& run, std::vector<std::string> warnings,
                    const FleetFigures& fleet) {
  RunRecord out;
  out.saturated = run.saturated;
  out.slos_met = run.slos_met();
  const sim::RunCounts& c = run.counts;
  const std::array<std::uint64_t, RunRecord::kCounts.size()> counts{
      c.arrived, c.finished, c.rejected, c.cancelled, c.unfinished};
  std::transform(counts.begin(), counts.end(), out.counts.begin(),
                 [](std::uint64_t n) { return static_cast<double>(n); });
  out.changes = run.fleet.has_value();
  out.fleet = fleet;
  if (c.finished > 0) {
    out.mean_prompt = static_cast<double>(c.prompt_tokens) / static_cast<double>(c.finished);
    out.mean_output = static_cast<double>(c.output_tokens) / static_cast<double>(c.finished);
  }
  for (const Figure& figure : run_figures()) out.figures.push_back(figure_value(figure, run));
  out.warnings = std::move(warnings);
  return out;
}

std::string encode(const RunRecord& record) {
  Json json = Json::object();
  if (!record.problem.empty()) return json.set("problem", record.problem).dump(-1);
  json.set("saturated", record.saturated).set("slos_met", record.slos_met);
  json.set("counts", jobs::exact(std::vector<double>(record.counts.begin(), record.counts.end())));
  json.set("changes", record.changes);
  json.set("fleet", jobs::exact(std::vector<double>(record.fleet.begin(), record.fleet.end())));
  json.set("lengths", jobs::exact(std::vector<double>{record.mean_prompt, record.mean_output}));
  json.set("figures", jobs::exact(record.figures)).set("warnings", jobs::texts(record.warnings));
  return json.dump(-1);
}

std::optional<RunRecord> decode_run(const std::string& text) {
  const Result<Json> json = parse_json(text, "run");
  if (!json) return std::nullopt;
  RunRecord out;
  if (const Json* problem = json->find("problem")) {
    if (problem->type() != Json::Type::string) return std::nullopt;
    out.problem = problem->as_string();
    return out;
  }
  const Json* saturated = json->find("saturated");
  const Json* met = json->find("slos_met");
  const Json* changes = json->find("changes");
  const auto fleet = jobs::exact_numbers(json->find("fleet"));
  const auto counts = jobs::exact_numbers(json->find("counts")),
             lengths = jobs::exact_numbers(json->find("lengths"));
  const auto figures = jobs::exact_numbers(json->find("figures"));
  const auto warnings = jobs::read_texts(json->find("warnings"));
  const auto flag = [](const Json* value) {
    return value != nullptr && value->type() == Json::Type::boolean;
  };
  if (!flag(saturated) || !flag(met) || !flag(changes) || !fleet ||
      fleet->size() != kFleetFigures.size() || !counts || !lengths || !figures || !warnings)
    return std::nullopt;
  if (counts->size() != RunRecord::kCounts.size() || lengths->size() != 2 ||
      figures->size() != run_figures().size())
    return std::nullopt;
  out.saturated = saturated->as_bool();
  out.slos_met = met->as_bool();
  out.changes = changes->as_bool();
  std::copy(fleet->begin(), fleet->end(), out.fleet.begin());
  std::copy(counts->begin(), counts->end(), out.counts.begin());
  out.mean_prompt = (*lengths)[0];
  out.mean_output = (*lengths)[1];
  out.figures = *figures;
  out.warnings = *warnings;
  return out;
}

}  // namespace eph::app
