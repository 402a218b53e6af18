#include "app/steps_file.h"

#include <fmt/format.h>

#include <iterator>

#include "core/text.h"

namespace eph::app {

namespace {

std::string seconds(SimTime time) { return number(static_cast<double>(time.ns) / 1e9); }

template <class Items, class Write>
void append_list(const Items& items, std::string& row, Write write) {
  row += ',';
  bool first = true;
  for (const auto& item : items) {
    if (!first) row += ' ';
    first = false;
    write(item);
  }
}

}  // namespace

std::string steps_header() {
  return "start_s,end_s,replica,prefill_tokens,decode_sequences,kv_tokens,scheduled,preempted,"
         "cached\n";
}

StepsFile::StepsFile(OutputFile file) : file_(std::move(file)) { file_.write(steps_header()); }

void StepsFile::on_step(const sim::StepRecord& step) {
  row_.clear();
  const auto out = std::back_inserter(row_);
  fmt::format_to(out, "{},{},{},{},{},{}", seconds(step.start), seconds(step.end),
                 index(step.replica), step.shape.prefill_tokens, step.shape.decode_seqs,
                 step.shape.decode_context_tokens);
  append_list(step.scheduled, row_, [&](const sim::ScheduledTokens& s) {
    fmt::format_to(out, "{}:{}", index(s.id), s.tokens);
  });
  append_list(step.preempted, row_, [&](RequestId id) { fmt::format_to(out, "{}", index(id)); });
  append_list(step.admitted, row_, [&](const sim::Admission& a) {
    fmt::format_to(out, "{}:{}", index(a.id), a.cached);
  });
  row_ += '\n';
  file_.write(row_);
}

}  // namespace eph::app
