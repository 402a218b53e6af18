#pragma once
// Step times of llama.cpp where a step is plain sums: weights streamed once a pass, arithmetic per
// token, a pause per layer (docs/MODEL.md, "llama.cpp on processors").
#include <cstdint>

#include "models/llm_spec.h"
#include "models/precision.h"
#include "models/step_model.h"

namespace eph::models {

// What a step has to do, whatever it runs on.
struct CpuWork {
  double layer_passes = 0;     // layers times passes over the weights
  double bytes = 0;            // of weights, all passes
  double linear_flops = 0;     // matrices of the layers
  double head_flops = 0;       // LM head
  double attention_flops = 0;  // of prompts: 4 heads head_dim pairs, all layers
  double attention_heads = 0;  // of prompts: 4 heads pairs, all layers
  double kv_bytes = 0;         // read by decodes
};

// The shape of a model as far as MODEL eq. 26 needs it.
class CpuModelSize {
 public:
  // `weight_bytes`: size of the weight file where it is known; 0: from the specification.
  CpuModelSize(const LlmSpec& llm, Precision kv, double weight_bytes = 0);
  // `ubatch`: tokens of one pass over the weights (n_ubatch).
  [[nodiscard]] CpuWork work(const BatchShape& shape, std::int64_t ubatch) const;
  [[nodiscard]] double hidden() const { return hidden_; }

 private:
  struct Group {
    double layers = 0, window = 0, heads = 0, head_dim = 0, kv_bytes = 0;  // window 0: none
  };
  std::vector<Group> groups_;
  double layers_ = 0, hidden_ = 0, linear_ = 0, head_ = 0;  // parameters
  double dense_bytes_ = 0, expert_bytes_ = 0;
  double expert_share_ = 1;  // of the experts that one token uses
};

// Of one machine and one class of processors; rates are effective.
struct CpuRates {
  double sync_s = 0;  // per layer and pass
  double bytes_per_s = 0;
  double flops_per_s = 0;
  double small_matrix = 0;   // hidden width at which matrices take twice their time
  double attention = 1;      // cost of prompt attention's arithmetic over the matrices'
  double head_overhead = 0;  // as if each head were so much wider
  double kv_read = 1;        // cost of a byte of KV cache over one of weights
};

// MODEL eq. 26; a template so that calibration differentiates the very same lines.
template <class T>
T cpu_seconds(const CpuWork& w, double hidden, const T& sync_s, const T& s_per_byte,
              const T& s_per_flop, const T& small_matrix, const T& attention,
              const T& head_overhead, const T& kv_read) {
  return sync_s * w.layer_passes + s_per_byte * (w.bytes + kv_read * w.kv_bytes) +
         s_per_flop * (w.linear_flops * (1.0 + small_matrix / hidden) + w.head_flops +
                       attention * (w.attention_flops + head_overhead * w.attention_heads));
}

// Not decreasing in any field of the shape; linear but for the passes.
class CpuStepModel final : public StepModel {
 public:
  CpuStepModel(const CpuModelSize& size, const CpuRates& rates, std::int64_t ubatch);
  [[nodiscard]] double seconds(const BatchShape& shape) const noexcept override;
  [[nodiscard]] StepBreakdown explain(const BatchShape& shape) const override;

 private:
  CpuModelSize size_;
  CpuRates rates_;
  std::int64_t ubatch_;
};

}  // namespace eph::models
