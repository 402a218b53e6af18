// ephemeris workload describe: what a trace or workload model looks like.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/scenario_flags.h"
#include "app/table.h"
#include "app/workload_source.h"
#include "workload/trace_stats.h"

namespace eph::app {

namespace {

using Align = TextTable::Align;

FlagUse flag_use() {
  FlagUse use;
  use.deployment = false;
  use.file = false;
  // The word after the command; conversations, which are no stream of requests; and what clients do
  // while they are served.
  use.without = {"trace",         "turns",  "user-tokens",    "think-time",
                 "shared-tokens", "groups", "client-timeout", "timeout-on"};
  return use;
}

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  all.push_back({"output", {{"json", "", "print JSON instead of tables"}, data_option()}});
  return all;
}

void add_lengths(TextTable& table, const std::string& label, const workload::LengthSummary& l) {
  table.add({label, human(l.mean), human(l.p50), human(l.p90), human(l.p95), human(l.p99),
             human_count(static_cast<std::uint64_t>(l.min)),
             human_count(static_cast<std::uint64_t>(l.max))});
}

std::string optional_text(const std::optional<double>& value) {
  return value ? human(*value) : "-";
}

std::string burstiness(const workload::TraceDescription& d) {
  std::string out = fmt::format("gaps         CV {} (1: Poisson)\n", optional_text(d.gap_cv));
  out += "counts       variance over mean";
  for (const workload::Dispersion& w : d.dispersion) {
    out += fmt::format("{} {} in {} s", &w == &d.dispersion.front() ? "" : ",",
                       optional_text(w.variance_to_mean), human(w.window_s));
  }
  return out + " (1: Poisson)\n";
}

std::string sharing(const workload::TraceDescription& d) {
  std::string out;
  if (d.blocks) {
    out += fmt::format("prefixes     {} of {} blocks of {} tokens seen before\n",
                       percent(d.blocks->reused_share()), human_count(d.blocks->blocks),
                       d.blocks->block_tokens);
  }
  if (d.groups) {
    out += fmt::format("prefixes     {} groups, {} of the prompt tokens shared\n",
                       human_count(d.groups->groups), percent(d.groups->prefix_share));
  }
  if (d.sessions) out += fmt::format("sessions     {}\n", human_count(*d.sessions));
  for (const workload::ClassCount& c : d.classes) {
    out += fmt::format("class        {}: {} requests\n", c.name, human_count(c.requests));
  }
  return out;
}

std::string describe_text(const std::string& what, const workload::TraceDescription& d,
                          const std::vector<std::string>& warnings) {
  std::string out = fmt::format("{}\n\n", what);
  out +=
      fmt::format("requests     {} over {}\n", human_count(d.requests), human_time(d.duration_s));
  out += fmt::format(
      "rate         {} a second on average, {} in the fullest second, {} in the fullest minute\n",
      optional_text(d.mean_rate), human(d.peak_rate_1s), human(d.peak_rate_60s));
  out += burstiness(d) + sharing(d) + '\n';
  TextTable table({"tokens", "mean", "p50", "p90", "p95", "p99", "min", "max"}, {Align::left});
  add_lengths(table, "prompt", d.prompt);
  add_lengths(table, "output", d.output);
  add_lengths(table, "both", d.total);
  out += table.text();
  if (d.prompt_output_correlation) {
    out +=
        fmt::format("correlation of prompt and output: {}\n", human(*d.prompt_output_correlation));
  }
  for (const std::string& warning : warnings) out += fmt::format("\nwarning: {}\n", warning);
  return out;
}

}  // namespace

const CommandSpec& describe_spec() {
  static const CommandSpec spec{
      "workload describe",
      "count, rates, lengths and burstiness of a trace or workload model",
      "[TRACE] [OPTIONS]",
      "TRACE is a file as --trace of simulate takes it, or a workload model, whose traffic is then "
      "described: a shipped name or a .json file. Transforms apply as in simulate.",
      {"ephemeris workload describe AzureLLMInferenceTrace_conv.csv --window 0:600 --rate-scale 20",
       "ephemeris workload describe azure-conv-2023 --json"},
      groups(),
      1};
  return spec;
}

int run_describe(const Arguments& arguments) {
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  Result<OpenedWorkload> opened = open_workload(*catalog, arguments, flag_use());
  if (!opened) return fail(opened.error());
  const Result<workload::TraceDescription> description = workload::describe(*opened->source);
  if (!description) return fail(description.error());
  if (arguments.has("json")) return finish(workload::to_json(*description).dump() + "\n");
  std::vector<std::string> warnings = opened->notes;
  for (std::string& text : scenario::source_warnings(*opened->source)) {
    warnings.push_back(std::move(text));
  }
  return finish(describe_text(opened->text, *description, warnings));
}

}  // namespace eph::app
