#include "models/linear_model.h"

#include "core/reader.h"
#include "models/profile.h"

namespace eph::models {

Result<LinearProfile> read_linear_profile(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader root(json, file, faults);
  LinearProfile p;
  root.integer("version", IntRange{1, 1}, 1);
  root.choice("form", {"linear"});
  p.name = root.string("name", "");
  const Range times{0, 1e9};
  p.t0_ms = root.number("t0_ms", times);
  p.us_per_prefill_token = root.number("us_per_prefill_token", times);
  p.us_per_decode_sequence = root.number("us_per_decode_sequence", times);
  p.ns_per_kv_token = root.number("ns_per_kv_token", times);
  if (faults.ok() && p.t0_ms == 0 &&
      (p.us_per_prefill_token == 0 || p.us_per_decode_sequence == 0)) {
    root.fault("t0_ms", "some steps would take no time",
               "give t0_ms, or both us_per_prefill_token and us_per_decode_sequence, above 0");
  }
  p.async_scheduling = root.boolean("async_scheduling", false);
  if (root.has("front_end")) {
    Reader front_end = root.object("front_end");
    p.front_end = read_front_end(front_end);
  }
  root.finish();
  if (!faults.ok()) return faults.combined();
  return p;
}

LinearStepModel::LinearStepModel(const LinearProfile& p)
    : t0_s_(p.t0_ms * 1e-3),
      prefill_token_s_(p.us_per_prefill_token * 1e-6),
      decode_seq_s_(p.us_per_decode_sequence * 1e-6),
      kv_token_s_(p.ns_per_kv_token * 1e-9) {}

double LinearStepModel::seconds(const BatchShape& s) const noexcept {
  if (s.tokens() <= 0) return 0;
  return t0_s_ + prefill_token_s_ * static_cast<double>(s.prefill_tokens) +
         decode_seq_s_ * (s.decode_seqs + s.draft_tokens) +
         kv_token_s_ * static_cast<double>(s.decode_context_tokens);
}

Stretch LinearStepModel::stretch(const BatchShape& first) const noexcept {
  Stretch s;
  s.shape = first;
  s.gpu = seconds(first) * 1e9;
  s.slope = kv_token_s_ * first.decode_seqs * 1e9;
  s.left = 512;  // what its sum loses by then is far below what rounding sees
  return s;
}

// The linear form does not tell operators apart: prompt work counts as GEMM, the KV part as
// attention.
StepBreakdown LinearStepModel::explain(const BatchShape& s) const {
  StepBreakdown b;
  if (s.tokens() <= 0) return b;
  b.gemm = prefill_token_s_ * static_cast<double>(s.prefill_tokens) +
           decode_seq_s_ * (s.decode_seqs + s.draft_tokens);
  b.attention_decode = kv_token_s_ * static_cast<double>(s.decode_context_tokens);
  b.overhead = t0_s_;
  b.gpu = b.total = seconds(s);
  return b;
}

}  // namespace eph::models
