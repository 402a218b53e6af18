#include "app/run_files.h"

#include <fmt/format.h>

#include "core/text.h"

namespace eph::app {

namespace {

// Seconds, or a time with a unit.
Result<SimTime> instant(const Arguments& arguments, std::string_view flag, SimTime fallback) {
  if (!arguments.has(flag)) return fallback;
  const std::string text = arguments.text(flag);
  double value = 0;
  if (const auto bare = parse_double(text)) {
    value = *bare;
  } else {
    const Result<Seconds> parsed = parse_seconds(text);
    if (!parsed)
      return usage_error(fmt::format("--{}: {}", flag, parsed.error().what), parsed.error().remedy);
    value = parsed->value;
  }
  if (!(value >= 0 && value <= 1e9))
    return usage_error(fmt::format("--{}: {} is out of range", flag, text), "use 0 s or more");
  return SimTime::from_seconds(value);
}

}  // namespace

std::vector<OptionSpec> run_files_options() {
  return {
      {"requests-out", "FILE",
       "write a CSV row for each request: times in s from the start of the run (arrival_s at the "
       "client, queued_s when the engine's scheduler sees it, first_token_s and finish_s at the "
       "client), latencies in ms, status and class; of several pools the one that had it last"},
      {"steps-out", "FILE",
       "write a CSV row for each step: start and end in s, replica, prompt tokens, decoding "
       "sequences and their KV tokens, and lists of what was scheduled (request:tokens), "
       "preempted, and found cached at admission (request:tokens); in the order in which engines "
       "learn their results, at equal instants in the replicas' order"},
      {"timeline", "FILE",
       "write the steps as a trace for Perfetto or chrome://tracing: replicas as processes, steps "
       "as slices, counters of running and waiting requests and KV blocks"},
      {"timeline-from", "TIME", "start of the window that --timeline shows [0 s]"},
      {"timeline-to", "TIME", "its end [the end of the run]"}};
}

Result<RunFilesSpec> read_run_files(const Arguments& arguments) {
  RunFilesSpec out;
  out.requests = arguments.text("requests-out");
  out.steps = arguments.text("steps-out");
  out.timeline = arguments.text("timeline");
  for (const char* flag : {"timeline-from", "timeline-to"}) {
    if (arguments.has(flag) && out.timeline.empty())
      return usage_error(fmt::format("--{} has no effect without a timeline", flag),
                         "give --timeline FILE too");
  }
  const Result<SimTime> from = instant(arguments, "timeline-from", SimTime::zero());
  if (!from) return from.error();
  const Result<SimTime> to = instant(arguments, "timeline-to", SimTime::never());
  if (!to) return to.error();
  if (*to <= *from)
    return usage_error("--timeline-to: the window is empty", "let it end after its start");
  out.timeline_from = *from;
  out.timeline_to = *to;
  return out;
}

Result<std::unique_ptr<RunFiles>> RunFiles::create(const RunFilesSpec& spec,
                                                   const std::vector<std::string>& pools,
                                                   RequestsFile::ClassNames classes) {
  auto out = std::make_unique<RunFiles>();
  const auto open = [](const std::string& path, auto&& use) -> Result<void> {
    if (path.empty()) return {};
    Result<OutputFile> file = OutputFile::create(path);
    if (!file) return file.error();
    use(std::move(*file));
    return {};
  };
  auto ok = open(spec.requests, [&](OutputFile f) {
    out->requests_.emplace(std::move(f), pools, std::move(classes));
  });
  if (ok) ok = open(spec.steps, [&](OutputFile f) { out->steps_.emplace(std::move(f)); });
  if (ok) {
    ok = open(spec.timeline, [&](OutputFile f) {
      out->timeline_.emplace(std::move(f), spec.timeline_from, spec.timeline_to);
    });
  }
  if (!ok) return ok.error();
  if (out->requests_) out->add(*out->requests_);
  if (out->steps_) out->add(*out->steps_);
  if (out->timeline_) out->add(*out->timeline_);
  return out;
}

void RunFiles::add(sim::MetricsSink& sink) {
  sinks_.push_back(&sink);
  if (sink.wants_steps()) step_sinks_.push_back(&sink);
}

void RunFiles::on_request(const sim::RequestRecord& record) {
  for (sim::MetricsSink* sink : sinks_) sink->on_request(record);
}

void RunFiles::on_step(const sim::StepRecord& record) {
  for (sim::MetricsSink* sink : step_sinks_) sink->on_step(record);
}

Result<void> RunFiles::close() {
  Result<void> ok{};
  if (requests_) ok = requests_->close();
  if (ok && steps_) ok = steps_->close();
  if (ok && timeline_) ok = timeline_->close();
  return ok;
}

}  // namespace eph::app
