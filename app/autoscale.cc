// ephemeris autoscale: one autoscaler alone, on a recorded series of a fleet's load.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/commands.h"
#include "app/console.h"
#include "core/csv.h"
#include "core/line_source.h"
#include "core/text.h"
#include "scenario/autoscale_options.h"
#include "sim/autoscale/autoscaler.h"

namespace eph::app {
namespace {

// Of a series without the column kv_usage: requests in flight that fill the KV cache of a decode
// worker, of which half of the ready replicas are, as Dynamo's planner takes it at its start.
double estimated_kv(const sim::FleetLoad& load, double requests) {
  const double decode = load.ready - std::floor(load.ready / 2);
  return decode > 0 ? std::min(1.0, load.in_flight / (requests * decode)) : 0.0;
}

struct SeriesRow {
  SimTime at;
  sim::FleetLoad load;
};

constexpr double kLongest = 1e8;  // seconds of a series: three years

Result<double> cell(const CsvTable& table, std::size_t row, const char* column) {
  const auto value = table.number(row, column);
  if (!value) return value.error();
  if (!*value)
    return row_error(table.path(), table.line(row), fmt::format("{} is empty", column),
                     "give a number");
  if (**value < 0 || **value > 1e12) {
    return row_error(table.path(), table.line(row), fmt::format("{} is {}", column, **value),
                     "give a number of 0 or above");
  }
  return **value;
}

Result<std::vector<SeriesRow>> read_series(const std::string& path, bool& has_kv) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  for (const char* column : {"t_s", "in_flight", "queued", "ready_replicas", "rps"}) {
    if (table->column(column)) continue;
    Error error = usage_error(fmt::format("there is no column {}", column),
                              "a series has t_s,in_flight,queued,ready_replicas,rps");
    error.place = {path, 1, 0, {}};
    return error;
  }
  has_kv = table->column("kv_usage").has_value();
  std::vector<SeriesRow> out;
  for (std::size_t i = 0; i < table->rows(); ++i) {
    SeriesRow row;
    double at = 0;
    const std::pair<const char*, double*> cells[] = {{"t_s", &at},
                                                     {"in_flight", &row.load.in_flight},
                                                     {"queued", &row.load.queued},
                                                     {"ready_replicas", &row.load.ready},
                                                     {"rps", &row.load.rps}};
    for (const auto& [column, place] : cells) {
      const auto value = cell(*table, i, column);
      if (!value) return value.error();
      *place = *value;
    }
    if (has_kv) {
      const auto value = cell(*table, i, "kv_usage");
      if (!value) return value.error();
      if (*value > 1)
        return row_error(path, table->line(i), fmt::format("kv_usage is {}", *value),
                         "it is a share, from 0 to 1");
      row.load.kv_usage = *value;
    }
    if (at > kLongest)
      return row_error(path, table->line(i), fmt::format("t_s is {}", at),
                       "times are seconds since the start");
    row.at = SimTime::from_seconds(at);
    if (!out.empty() && row.at < out.back().at) {
      return row_error(path, table->line(i), fmt::format("t_s is {}, before the row above", at),
                       "sort the rows by time");
    }
    out.push_back(row);
  }
  if (out.empty()) return io_error(path, "there is no row", "a series has one row for each change");
  return out;
}

// Dynamo's load mode looks at the KV in use, which a series may not have.
Result<void> settle_kv(const Arguments& arguments, bool by_load, bool has_kv,
                       std::vector<SeriesRow>& series) {
  if (!arguments.has("kv-requests")) {
    if (!by_load || has_kv) return {};
    return usage_error(
        "dynamo's load mode needs to know how full the KV caches are, and the series does not say "
        "it",
        "give --kv-requests N (requests that fill a decode worker's KV cache: the \"maximum "
        "concurrency\" "
        "of vLLM's log), or add a column kv_usage (0 to 1), or use mode=sla with --set "
        "prefill_tps_per_gpu=N --set decode_tps_per_gpu=N");
  }
  if (!by_load)
    return usage_error("--kv-requests: has no effect without dynamo's load mode",
                       "add --policy dynamo --set mode=load, or leave it out");
  if (has_kv)
    return usage_error("--kv-requests: has no effect beside the series' column kv_usage",
                       "leave out one of the two");
  const auto requests = parse_double(arguments.text("kv-requests"));
  if (!requests || !(*requests > 0) || *requests > 1e9)
    return usage_error(fmt::format("--kv-requests: \"{}\"", arguments.text("kv-requests")),
                       "give a number above 0");
  for (SeriesRow& row : series) row.load.kv_usage = estimated_kv(row.load, *requests);
  return {};
}

// The SLA planner's complaint says what a simulation needs; a recorded series has another way out.
Error with_load_mode(Error error, const std::string& policy) {
  if (policy == "dynamo" && error.remedy.ends_with("or mode=load"))
    error.remedy =
        "give --set prefill_tps_per_gpu=N --set decode_tps_per_gpu=N (tokens/s of a GPU), or --set "
        "mode=load "
        "with --kv-requests N or a column kv_usage";
  return error;
}

std::string settings_text() {
  std::string out =
      "A row of the series holds until the next; what falls on a decision is seen by it. Decisions "
      "fall at\n"
      "the first row's time + k periods, up to the last row's time. Replicas are those of the "
      "series.\n";
  for (const std::string& policy : scenario::autoscale_policies()) {
    out += fmt::format("\n{}:\n", policy);
    for (const scenario::AutoscaleSetting& s : scenario::autoscale_settings(policy)) {
      out += fmt::format("  {:<36} {} [{}]\n", fmt::format("{}={}", s.name, s.argument), s.help,
                         s.fallback);
    }
  }
  return out;
}

}  // namespace

const CommandSpec& autoscale_spec() {
  static const CommandSpec spec{
      "autoscale",
      "replay a recorded load through one autoscaler alone",
      "--policy NAME --series FILE [--set NAME=VALUE ...]",
      settings_text(),
      {"ephemeris autoscale --policy hpa --set target=20 --set max_replicas=50 --series load.csv",
       "ephemeris autoscale --policy knative --set target=10 --series load.csv --out desired.csv",
       "ephemeris autoscale --policy dynamo --set mode=load --kv-requests 64 --series load.csv"},
      {{"autoscaler",
        {{"policy", "NAME",
          "hpa, keda, knative, ray-serve, serverless, dynamo, fixed or scheduled"},
         {"set", "NAME=VALUE", "a setting of the policy, by the name its documentation uses", true},
         {"series", "FILE",
          "CSV with t_s,in_flight,queued,ready_replicas,rps; dynamo's load mode takes kv_usage "
          "too"},
         {"kv-requests", "N",
          "dynamo's load mode on a series without kv_usage: requests that fill a decode worker's "
          "KV cache; half of the ready replicas decode"}}},
       {"output", {{"out", "FILE", "write the decisions there instead of printing them"}}}},
      0};
  return spec;
}

int run_autoscale(const Arguments& arguments) {
  if (!arguments.has("policy")) {
    return fail(
        usage_error("no autoscaler is given",
                    "add --policy NAME: hpa, keda, knative, ray-serve, serverless, dynamo"));
  }
  if (!arguments.has("series")) return fail(usage_error("no series is given", "add --series FILE"));
  const auto options = scenario::parse_autoscaler(arguments.text("policy"), arguments.all("set"));
  if (!options) return fail(with_load_mode(options.error(), arguments.text("policy")));
  bool has_kv = false;
  auto series = read_series(arguments.text("series"), has_kv);
  if (!series) return fail(series.error());
  const auto* dynamo = std::get_if<sim::DynamoOptions>(&options->policy);
  const bool by_load = dynamo != nullptr && dynamo->mode == sim::DynamoOptions::Mode::load;
  if (auto ok = settle_kv(arguments, by_load, has_kv, *series); !ok) return fail(ok.error());
  const auto scaler = sim::make_autoscaler(*options);
  std::string text = "t_s,desired\n";
  const auto decide_until = [&](SimTime limit, bool inclusive) {
    while (scaler->next() < limit || (inclusive && scaler->next() == limit)) {
      const SimTime at = scaler->next();
      text += fmt::format("{},{}\n", number(at.seconds()), scaler->decide(at));
    }
  };
  scaler->observe(series->front().at, series->front().load);
  for (std::size_t i = 1; i < series->size(); ++i) {
    decide_until((*series)[i].at, false);
    scaler->observe((*series)[i].at, (*series)[i].load);
  }
  decide_until(series->back().at, true);
  if (text == "t_s,desired\n")
    write_warning(fmt::format(
        "no decision falls into the series, which ends at {} s; the first would be at {}",
        number(series->back().at.seconds()),
        scaler->next() == SimTime::never() ? "no time" : number(scaler->next().seconds()) + " s"));
  if (!arguments.has("out")) return finish(text);
  if (auto ok = write_file(arguments.text("out"), text); !ok) return fail(ok.error());
  return kOk;
}

}  // namespace eph::app
