#include "app/timeline_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/table.h"
#include "core/text.h"

namespace eph::app {

namespace {

std::string us(std::int64_t ns) { return number(static_cast<double>(ns) / 1e3); }

std::string_view kind(const models::BatchShape& shape) {
  if (shape.prefill_tokens == 0) return "decode";
  return shape.decode_seqs == 0 ? "prefill" : "mixed";
}

}  // namespace

TimelineFile::TimelineFile(OutputFile file, SimTime from, SimTime to)
    : file_(std::move(file)), from_(from), to_(to) {
  file_.write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
}

void TimelineFile::event(const std::string& text) {
  file_.write(written_++ == 0 ? "\n" : ",\n");
  file_.write(text);
}

void TimelineFile::on_step(const sim::StepRecord& step) {
  first_start_ = std::min(first_start_, step.start);
  last_end_ = std::max(last_end_, step.end);
  if (step.end <= from_ || step.start >= to_) return;
  const std::uint32_t replica = index(step.replica);
  if (named_.insert(replica).second) {
    event(fmt::format(
        R"({{"ph":"M","name":"process_name","pid":{0},"args":{{"name":"replica {0}"}}}})",
        replica));
    event(fmt::format(
        R"({{"ph":"M","name":"thread_name","pid":{},"tid":0,"args":{{"name":"steps"}}}})",
        replica));
  }
  event(fmt::format(
      R"({{"ph":"X","name":"{}","pid":{},"tid":0,"ts":{},"dur":{},"args":{{"step":{},"prefill_tokens":{},"prefill_sequences":{},"decode_sequences":{},"kv_tokens":{},"preempted":{}}}}})",
      kind(step.shape), replica, us(step.start.ns), us((step.end - step.start).ns), step.step,
      step.shape.prefill_tokens, step.shape.prefill_seqs, step.shape.decode_seqs,
      step.shape.decode_context_tokens, step.preempted.size()));
  event(fmt::format(
      R"({{"ph":"C","name":"requests","pid":{},"ts":{},"args":{{"running":{},"waiting":{}}}}})",
      replica, us(step.start.ns), step.running, step.waiting));
  event(fmt::format(R"({{"ph":"C","name":"KV blocks","pid":{},"ts":{},"args":{{"used":{}}}}})",
                    replica, us(step.start.ns), step.kv_blocks_used));
}

Result<void> TimelineFile::close() {
  file_.write("\n]}\n");
  if (const Result<void> closed = file_.close(); !closed) return closed.error();
  if (written_ > 0) return {};
  if (first_start_ == SimTime::never())
    return usage_error("--timeline: the run has no steps", "send requests that the engine accepts");
  const std::string to = to_ == SimTime::never() ? "the end" : human_time(to_.seconds());
  return usage_error(
      fmt::format("--timeline: no step lies between {} and {}", human_time(from_.seconds()), to),
      fmt::format("steps run from {} s to {} s: choose --timeline-from and --timeline-to there",
                  number(static_cast<double>(first_start_.ns) / 1e9),
                  number(static_cast<double>(last_end_.ns) / 1e9)));
}

}  // namespace eph::app
