#pragma once
// A step-time model given by hand in four numbers, for engines and hardware without measurements
// and for checks against closed forms.
#include <string>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/front_end.h"
#include "models/step_model.h"

namespace eph::models {

// File: {"version": 1, "form": "linear", "t0_ms": 5, "us_per_prefill_token": 40,
//        "us_per_decode_sequence": 10, "ns_per_kv_token": 1.5}, optionally "name",
// "async_scheduling" (false unless given) and "front_end" (none unless given; keys as in
// models/profile.h, read_front_end).
struct LinearProfile {
  std::string name;
  double t0_ms = 0;
  double us_per_prefill_token = 0;
  double us_per_decode_sequence = 0;
  double ns_per_kv_token = 0;  // of the KV lengths of all decoding sequences at the step's start
  bool async_scheduling = false;
  FrontEnd front_end;
};
[[nodiscard]] Result<LinearProfile> read_linear_profile(const Json& json, const std::string& file);

// step = t0 + prefill tokens + decoding sequences and their drafts + KV tokens (MODEL eq. 12).
class LinearStepModel final : public StepModel {
 public:
  explicit LinearStepModel(const LinearProfile& profile);
  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] Stretch stretch(const BatchShape& first) const noexcept override;
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;

 private:
  double t0_s_, prefill_token_s_, decode_seq_s_, kv_token_s_;
};

}  // namespace eph::models
