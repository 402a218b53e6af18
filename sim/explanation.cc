#include "sim/explanation.h"

#include <algorithm>
#include <cmath>

#include "core/assert.h"

namespace eph::sim {
namespace {

models::BatchShape decodes_of(const models::BatchShape& shape) {
  models::BatchShape out;
  out.decode_seqs = out.sampled_seqs = shape.decode_seqs;
  out.decode_context_tokens = shape.decode_context_tokens;
  out.draft_tokens = shape.draft_tokens;
  return out;
}

// What `part` alone would take of a step that takes `whole` and lasted `time`.
Duration share(const models::StepModel& model, const models::BatchShape& part,
               const models::BatchShape& whole, Duration time) {
  if (part.tokens() == 0) return Duration::zero();
  const double ratio = std::min(1.0, model.seconds(part) / model.seconds(whole));
  return Duration{std::llround(ratio * static_cast<double>(time.ns))};
}

}  // namespace

std::string_view name(TimePart part) {
  constexpr std::array<std::string_view, kTimeParts> names{
      "network",         "host",          "queue",    "prefill_own",
      "prefill_others",  "decode_others", "decode",   "decode_stalls",
      "preemption_wait", "recompute",     "transfer", "gateway",
      "cold_start",      "retry"};
  return names[static_cast<std::size_t>(part)];
}

Duration TimeParts::total() const {
  Duration sum{};
  for (const Duration d : part) sum = sum + d;
  return sum;
}

RequestWatch::RequestWatch(const RequestRecord& known, std::vector<const models::StepModel*> steps)
    : known_(known), steps_(std::move(steps)), step_(steps_.front()), cursor_(known.sent) {
  EPH_ASSERT(known.status == RequestStatus::finished, "request {} did not finish", index(known.id));
}

void RequestWatch::pass(TimePart part, SimTime until) {
  EPH_ASSERT(until >= cursor_, "request {} is at {} ns after {} ns", index(known_.id), until.ns,
             cursor_.ns);
  add(part, until - cursor_);
  cursor_ = until;
}

void RequestWatch::on_stop(const RequestStop& stop) {
  if (stop.id != known_.id || phase_ == Phase::ended) return;
  switch (stop.what) {
    case RequestStop::What::gateway:
      pass(arrived_ ? TimePart::retry : TimePart::network, stop.at);
      arrived_ = true;
      return;
    case RequestStop::What::assigned:
      return assigned(stop);
    case RequestStop::What::kv_there:
      return pass(TimePart::transfer, stop.at);
    case RequestStop::What::seen:
      if (!handed_) pass(TimePart::network, is_last() ? known_.ingress : stop.at);
      return pass(TimePart::host, stop.at);
    case RequestStop::What::prompt_done:
      pass(TimePart::host, stop.at);
      handed_ = true;
      discards_ = false;
      phase_ = Phase::waiting;
      return;
    case RequestStop::What::given_back:
      return given_back(stop.at);
  }
}

void RequestWatch::assigned(const RequestStop& stop) {
  pass(TimePart::cold_start, std::clamp(stop.served_since, cursor_, stop.at));
  pass(TimePart::gateway, stop.at);
  replica_ = stop.replica;
  step_ = steps_[std::min<std::size_t>(stop.pool, steps_.size() - 1)];
  discards_ = stop.prompt_only;
  if (handed_) return;
  before_ = engine_;
  attempt_at_ = stop.at;
}

void RequestWatch::given_back(SimTime at) {
  engine_ = before_;
  cursor_ = attempt_at_;
  pass(TimePart::retry, at);
  ++lost_;
  handed_ = false;
  outputs_ = 0;
  phase_ = Phase::waiting;
}

void RequestWatch::on_step(const StepRecord& step) {
  if (step.replica != replica_ || phase_ == Phase::ended) return;
  if (std::find(step.preempted.begin(), step.preempted.end(), known_.id) != step.preempted.end())
    phase_ = Phase::preempted;
  for (const Admission& admission : step.admitted)
    if (admission.id == known_.id) admit(admission, step.start);
  if (phase_ == Phase::waiting) return;
  pass_until(step.start);
  const auto own = std::find_if(step.scheduled.begin(), step.scheduled.end(),
                                [this](const ScheduledTokens& s) { return s.id == known_.id; });
  const bool in_step = own != step.scheduled.end();
  spend(step, in_step ? &*own : nullptr);
  if (in_step) context_ += own->tokens;  // while its prompt is computed; then nobody asks
  if (in_step && own->samples) sampled(own->out);
}

void RequestWatch::admit(const Admission& admission, SimTime start) {
  const bool first = phase_ == Phase::waiting;
  add(first ? TimePart::queue : TimePart::preemption_wait,
      std::max(Duration::zero(), start - cursor_));
  cursor_ = std::max(cursor_, start);
  phase_ = !first ? Phase::recompute : handed_ ? Phase::decode : Phase::prefill;
  context_ = admission.cached;
}

// Between steps.
void RequestWatch::pass_until(SimTime start) {
  if (start <= cursor_) return;
  add(phase_ == Phase::preempted   ? TimePart::preemption_wait
      : phase_ == Phase::recompute ? TimePart::recompute
                                   : TimePart::host,
      start - cursor_);
  cursor_ = start;
}

void RequestWatch::spend(const StepRecord& step, const ScheduledTokens* own) {
  if (step.end <= cursor_) return;
  const Duration time = step.end - cursor_;
  cursor_ = step.end;
  const models::BatchShape decodes = decodes_of(step.shape);
  if (phase_ == Phase::preempted || phase_ == Phase::recompute) {
    add(phase_ == Phase::preempted ? TimePart::preemption_wait : TimePart::recompute, time);
  } else if (phase_ == Phase::decode) {
    const Duration useful = own != nullptr ? share(*step_, decodes, step.shape, time) : Duration{};
    add(TimePart::decode, useful);
    add(TimePart::decode_stalls, time - useful);
  } else {
    models::BatchShape some;
    if (own != nullptr) some.add_chunk(own->tokens, context_, own->samples);
    const Duration alone = share(*step_, some, step.shape, time);
    some.decode_seqs = decodes.decode_seqs;
    some.sampled_seqs += decodes.sampled_seqs;
    some.decode_context_tokens = decodes.decode_context_tokens;
    some.draft_tokens = decodes.draft_tokens;
    const Duration with_decodes = std::max(alone, share(*step_, some, step.shape, time));
    add(TimePart::prefill_own, alone);
    add(TimePart::decode_others, with_decodes - alone);
    add(TimePart::prefill_others, time - with_decodes);
  }
}

void RequestWatch::sampled(std::int32_t tokens) {
  if (discards_) return;
  phase_ = Phase::decode;
  const bool first = outputs_ == 0;
  outputs_ += tokens;
  const bool last = outputs_ == known_.output_tokens;
  if ((!first && !last) || !is_last()) return;
  const SimTime known = first ? known_.engine_first_token : known_.engine_finish;
  EPH_ASSERT(known >= cursor_, "token {} of request {} is known at {} ns, its step ended at {} ns",
             outputs_, index(known_.id), known.ns, cursor_.ns);
  add(TimePart::host, known - cursor_);
  cursor_ = known;
  if (first) to_first_ = engine_;
  if (last) phase_ = Phase::ended;
}

void RequestWatch::on_request(const RequestRecord& record) {
  if (record.id != known_.id) return;
  EPH_ASSERT(record.finish == known_.finish && phase_ == Phase::ended,
             "INV-8: request {} finished at {} ns in one run and {} ns in its repetition",
             index(record.id), known_.finish.ns, record.finish.ns);
}

Explanation RequestWatch::explanation() const {
  EPH_ASSERT(phase_ == Phase::ended, "request {} is explained before its end", index(known_.id));
  Explanation out;
  for (TimeParts* parts : {&out.to_first_token, &out.whole}) {
    const bool first = parts == &out.to_first_token;
    *parts = first ? to_first_ : engine_;
    const SimTime known = first ? known_.engine_first_token : known_.engine_finish;
    const SimTime left = first ? known_.first_left : known_.last_left;
    const SimTime client = first ? known_.first_token : known_.finish;
    (*parts)[TimePart::network] = (*parts)[TimePart::network] + (client - left);
    (*parts)[TimePart::host] = (*parts)[TimePart::host] + (left - known);
  }
  for (std::size_t i = 0; i < kTimeParts; ++i)
    out.after.part[i] = out.whole.part[i] - out.to_first_token.part[i];
  EPH_ASSERT(out.to_first_token.total() == known_.ttft() && out.whole.total() == known_.e2e(),
             "INV-11: parts of request {} add up to {} and {} ns, not {} and {}", index(known_.id),
             out.to_first_token.total().ns, out.whole.total().ns, known_.ttft().ns,
             known_.e2e().ns);
  return out;
}

}  // namespace eph::sim
