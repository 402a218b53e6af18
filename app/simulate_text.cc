#include <fmt/format.h>

#include <algorithm>

#include "app/fleet_report.h"
#include "app/intervals.h"
#include "app/run_figures.h"
#include "app/simulate_report.h"
#include "app/table.h"
#include "scenario/fleet.h"

namespace eph::app {

namespace {

using Align = TextTable::Align;

std::string plural(std::int64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", human_count(static_cast<std::uint64_t>(n)), noun,
                     n == 1 ? "" : "s");
}

std::string layout_text(const models::Parallelism& layout) {
  std::string out = fmt::format("tp {} pp {}", layout.tensor, layout.pipeline);
  if (layout.attention_data > 1) out += fmt::format(" dp {}", layout.attention_data);
  return out;
}

std::string hardware(const PoolPart& part) {
  const scenario::DeploymentSpec& spec = part.deployment;
  const models::GpuSpec& gpu = part.assembly->gpu;
  if (gpu.is_cpu()) return fmt::format("{}, {}", gpu.display, plural(spec.replicas, "instance"));
  return fmt::format("{}, {} of {} ({})", gpu.display, plural(spec.replicas, "replica"),
                     layout_text(spec.layout), plural(spec.replicas * spec.layout.gpus(), "GPU"));
}

std::string limits(const sim::ReplicaConfig& replica) {
  return fmt::format("{}{} sequences, {} tokens a step, KV cache of {} blocks = {} tokens",
                     replica.ranks > 1 ? "of each rank " : "",
                     human_count(static_cast<std::uint64_t>(replica.engine.max_num_seqs)),
                     human_count(static_cast<std::uint64_t>(replica.engine.max_num_batched_tokens)),
                     human_count(static_cast<std::uint64_t>(replica.kv.blocks)),
                     human_count(static_cast<std::uint64_t>(replica.kv.usable_tokens())));
}

std::string described(const PoolPart& part) {
  const scenario::DeploymentSpec& spec = part.deployment;
  std::string out = fmt::format("{} on {}{}{}\n", spec.model, spec.engine,
                                spec.engine_version.empty() ? "" : " ", spec.engine_version);
  out += fmt::format("  hardware   {}\n  limits     {}\n", hardware(part),
                     limits(part.assembly->config.replica));
  if (!spec.preset.empty()) {
    out += fmt::format("  preset     {}{}", spec.preset, part.assembly->preset.empty() ? "" : ":");
    for (const scenario::EngineSetting& s : part.assembly->preset)
      out += fmt::format(" {}={}", s.name, s.value);
    out += '\n';
  }
  if (!spec.engine_options.empty()) {
    out += "  options   ";
    for (const scenario::EngineSetting& s : spec.engine_options)
      out += fmt::format(" {}={}", s.name, s.value);
    out += '\n';
  }
  return out + fmt::format("  profile    {}\n", part.assembly->profile_name);
}

std::string head(const SimulateReport& report) {
  const std::vector<PoolPart> parts = pool_parts(*report.scenario, *report.assembly);
  std::string out;
  for (const PoolPart& part : parts)
    out += (parts.size() > 1 ? fmt::format("pool {}: ", part.name) : "") + described(part);
  if (const auto& network = report.assembly->config.network)
    out += fmt::format("  network    {}: {}{}\n", network->name, network->description,
                       network->assumed ? " (assumed)" : "");
  out += fmt::format("  workload   {}\n", report.workload);
  return out;
}

std::string latency_table(const sim::RunSummary& run) {
  TextTable table({"ms", "mean", "p50", "p90", "p95", "p99", "max"}, {Align::left});
  const auto add = [&table](std::string label, const sim::LatencySample& sample) {
    std::vector<std::string> cells{std::move(label), human(sample.mean_s() * 1e3)};
    for (const auto& quantile : kQuantiles)
      cells.push_back(human(sample.quantile_s(quantile.second) * 1e3));
    cells.push_back(human(sample.max_s() * 1e3));
    if (sample.count() == 0) std::fill(cells.begin() + 1, cells.end(), "-");
    table.add(std::move(cells));
  };
  for (const LatencyRow& row : kLatencyRows) {
    add(std::string(row.label), run.*(row.sample));
    if (row.sample == &sim::RunSummary::ttft && run.engine_ttft.count() > 0)
      add("TTFT at the engine", run.engine_ttft);
  }
  return table.text();
}

std::string by_fleet(const sim::RunCounts& c) {
  std::string out;
  if (c.shed > 0) out += fmt::format(" + {} shed", human_count(c.shed));
  if (c.lost > 0) out += fmt::format(" + {} lost", human_count(c.lost));
  return out;
}

std::string counts_line(const sim::RunSummary& run) {
  const sim::RunCounts& c = run.counts;
  if (run.timeouts) {
    return fmt::format(
        "requests     {} sent = {} finished + {} rejected + {} cancelled + {} unfinished{}\n"
        "cancelled    {} of the requests sent; {} output tokens for nothing\n",
        human_count(c.arrived), human_count(c.finished), human_count(c.rejected),
        human_count(c.cancelled), human_count(c.unfinished), by_fleet(c),
        percent(static_cast<double>(c.cancelled) /
                static_cast<double>(std::max<std::uint64_t>(1, c.arrived))),
        human_count(c.wasted_output_tokens));
  }
  return fmt::format("requests     {} sent = {} finished + {} rejected + {} unfinished{}\n",
                     human_count(c.arrived), human_count(c.finished), human_count(c.rejected),
                     human_count(c.unfinished), by_fleet(c));
}

std::string rates(const sim::RunSummary& run) {
  std::string out = fmt::format(
      "throughput   {} requests/s, {} output tokens/s, {} tokens/s over {}\n",
      human(run.requests_per_s), human(run.output_tokens_per_s), human(run.total_tokens_per_s),
      human_time(std::max(0.0, (run.last_finish - run.first_sent).seconds())));
  if (!run.slos.empty()) {
    out += fmt::format("goodput      {} requests/s, {} of the requests sent\n",
                       human(run.goodput_per_s), percent(run.goodput_share));
  }
  out += fmt::format("replicas     busy {} of the time, {} running and {} waiting on average\n",
                     percent(run.busy_share), human(run.mean_running), human(run.mean_waiting));
  out += fmt::format("KV cache     {} at most in a replica, {} preemptions\n",
                     percent(run.peak_kv_used), human_count(run.counts.preemptions));
  if (run.counts.cached_tokens > 0) {
    out +=
        fmt::format("prefix cache {} of the prompt tokens found\n", percent(run.counts.hit_rate()));
  }
  if (run.counts.verifications > 0) {
    out += fmt::format("speculation  {} tokens a verification, {} of the drafts accepted\n",
                       human(run.tokens_per_verification), percent(run.draft_acceptance));
  }
  return out;
}

// The fleet over time: what each line shows, and its largest value.
std::string over_time(const sim::RunSummary& run) {
  if (run.series.size() < 2) return {};
  std::vector<double> running, waiting, kv, preempted;
  std::uint64_t before = 0;
  for (const sim::SeriesPoint& point : run.series) {
    running.push_back(static_cast<double>(point.running));
    waiting.push_back(static_cast<double>(point.waiting));
    kv.push_back(point.kv_used);
    preempted.push_back(static_cast<double>(point.preemptions - before));
    before = point.preemptions;
  }
  constexpr std::size_t kWidth = 60;
  const auto most = [](const std::vector<double>& v) {
    return *std::max_element(v.begin(), v.end());
  };
  std::string out = fmt::format("\nover {}\n", human_time(run.series.back().at.seconds()));
  TextTable table({"", "", "most"}, {Align::left, Align::left});
  if (run.fleet) {
    std::vector<double> ready, gateway;
    for (const sim::SeriesPoint& point : run.series) {
      ready.push_back(static_cast<double>(point.ready));
      gateway.push_back(static_cast<double>(point.gateway));
    }
    table.add({"ready", sparkline(ready, kWidth), human(most(ready))});
    if (run.fleet->queued > 0)
      table.add({"gateway", sparkline(gateway, kWidth), human(most(gateway))});
  }
  table.add({"running", sparkline(running, kWidth), human(most(running))});
  table.add({"waiting", sparkline(waiting, kWidth), human(most(waiting))});
  table.add({"KV used", sparkline(kv, kWidth), percent(most(kv))});
  if (before > 0)
    table.add({"preemptions", sparkline(preempted, kWidth), human_count(before) + " in all"});
  return out + table.text();
}

std::string classes(const sim::RunSummary& run) {
  if (run.classes.empty()) return {};
  std::vector<std::string> header{"class", "sent", "finished"};
  if (run.timeouts) header.emplace_back("cancelled");
  for (const char* latency : {"TTFT", "TPOT", "e2e"})
    for (const char* quantile : {"p50", "p95", "p99"})
      header.push_back(fmt::format("{} {}", latency, quantile));
  if (!run.slos.empty()) header.emplace_back("good");
  TextTable table(std::move(header), {Align::left});
  for (const sim::ClassSummary& one : run.classes) {
    std::vector<std::string> cells{one.name.empty() ? "(none)" : one.name, human_count(one.arrived),
                                   human_count(one.finished)};
    if (run.timeouts) cells.push_back(human_count(one.cancelled));
    for (const sim::LatencySample* sample : {&one.ttft, &one.tpot, &one.e2e})
      for (const double p : {0.5, 0.95, 0.99})
        cells.push_back(sample->count() > 0 ? human(sample->quantile_s(p) * 1e3) : "-");
    if (!run.slos.empty()) cells.push_back(percent(one.attainment()));
    table.add(std::move(cells));
  }
  return "\n" + table.text();
}

// What did not finish has no latency; a percentile of all requests counts it as missed, a mean not.
std::string verdict(const sim::SloOutcome& slo) {
  if (slo.finished == 0) return "MISSED: nothing finished";
  const double share = static_cast<double>(slo.finished) / static_cast<double>(slo.sent);
  if (slo.too_few_finished()) return fmt::format("MISSED: only {} finished", percent(share));
  const std::string out = slo.met ? "met" : "MISSED";
  return slo.finished == slo.sent ? out : fmt::format("{}, {} finished", out, percent(share));
}

std::string objectives(const sim::RunSummary& run) {
  if (run.slos.empty()) return {};
  TextTable table({"objective", "measured", ""}, {Align::left, Align::right, Align::left});
  for (const sim::SloOutcome& slo : run.slos) {
    table.add({slo.slo.text(),
               slo.finished > 0 ? fmt::format("{} ms", human(slo.measured_s * 1e3)) : "-",
               verdict(slo)});
  }
  return "\n" + table.text();
}

// Where the result hangs on how long the load lasts or on where the run was cut.
std::string saturation(const sim::RunSummary& run) {
  if (!run.overload) return {};
  const sim::Overload& o = *run.overload;
  std::string out;
  if (run.saturated) {
    out += fmt::format(
        "\nSATURATED: the queue grew by {} requests/s until the last request was sent, with {} in "
        "the system then and {} unfinished at the end: latencies depend on how long the load "
        "lasts.\n",
        human(o.growth_per_s), human_count(static_cast<std::uint64_t>(o.at_last_send)),
        human_count(run.counts.unfinished));
    if (o.ttft_p95_half_s > 0 && run.counts.unfinished > 0) {
      out += fmt::format(
          "horizon      p95 TTFT is at least {} ms for requests sent in the first half of the "
          "time: "
          "those sent later had less of it to wait in before the run was cut\n",
          human(o.ttft_p95_half_s * 1e3));
    } else if (o.ttft_p95_half_s > 0) {
      out += fmt::format(
          "horizon      p95 TTFT is {} ms for requests sent in the first half of the time and {} "
          "ms for all: twice the horizon gives x{:.2f}\n",
          human(o.ttft_p95_half_s * 1e3), human(o.ttft_p95_all_s * 1e3),
          o.ttft_p95_all_s / o.ttft_p95_half_s);
    }
  }
  if (run.counts.unfinished > 0) {
    out += fmt::format(
        "\ncut at the horizon: throughput and latencies count finished requests only; {} of {} "
        "are left out\n",
        human_count(run.counts.unfinished), human_count(run.counts.arrived));
  }
  return out;
}

// What the profile says of its own errors.
std::string stated(const scenario::Assembly& assembly) {
  if (!assembly.error) return {};
  const scenario::StatedError& e = *assembly.error;
  const auto tpot = e.tpot_90(), ttft = e.ttft_90();
  return fmt::format(
      "\nto be trusted: 90 % of measurements lie within x{:.2f} to x{:.2f} of a predicted TPOT, "
      "x{:.2f} to x{:.2f} of a TTFT ({})\n",
      tpot.low, tpot.high, ttft.low, ttft.high, e.basis());
}

std::string intervals(const SimulateReport& report) {
  const std::vector<sim::RunSummary>& runs = report.runs;
  TextTable table({"mean of runs, 90 % interval", "mean", "low", "high"}, {Align::left});
  for (const Figure& figure : run_figures()) {
    if (!means_something(figure, runs)) continue;
    const Interval interval = figure_interval(figure, figure_values(figure, runs));
    table.add({figure.key, human(interval.mean), human(interval.low), human(interval.high)});
  }
  for (const auto& [key, interval] : fleet_intervals(report))
    table.add({key, human(interval.mean), human(interval.low), human(interval.high)});
  std::string out = table.text();
  for (std::size_t s = 0; s < runs.front().slos.size(); ++s) {
    const auto met = std::count_if(runs.begin(), runs.end(),
                                   [&](const sim::RunSummary& run) { return run.slos[s].met; });
    out += fmt::format("{}: met in {} of {} runs\n", runs.front().slos[s].slo.text(), met,
                       runs.size());
  }
  return out;
}

}  // namespace

std::string simulate_text(const SimulateReport& report) {
  std::string out = head(report) + '\n';
  if (report.runs.size() == 1) {
    const sim::RunSummary& run = report.runs.front();
    out += counts_line(run) + rates(run);
    if (run.fleet) out += fleet_text(run, report.terms);
    out += '\n' + latency_table(run) + classes(run);
    out += over_time(run) + objectives(run) + saturation(run);
  } else {
    for (const sim::RunSummary& run : report.runs) out += counts_line(run);
    out += '\n' + intervals(report);
    const auto saturated = std::count_if(report.runs.begin(), report.runs.end(),
                                         [](const sim::RunSummary& run) { return run.saturated; });
    if (saturated > 0)
      out += fmt::format("SATURATED in {} of {} runs\n", saturated, report.runs.size());
    const auto cut = std::count_if(report.runs.begin(), report.runs.end(),
                                   [](const auto& run) { return run.counts.unfinished > 0; });
    if (cut > 0) {
      out += fmt::format(
          "cut at the horizon in {} of {} runs: throughput and latencies count finished requests "
          "only\n",
          cut, report.runs.size());
    }
  }
  out += stated(*report.assembly);
  for (std::size_t i = 0; i < report.warnings.size(); ++i) {
    out += fmt::format("{}warning: {}\n", i == 0 ? "\n" : "", report.warnings[i]);
  }
  if (report.timing != nullptr) {
    out += fmt::format("\ntiming: {} s of wall clock\n", human(report.timing->wall_s));
  }
  return out;
}

}  // namespace eph::app
