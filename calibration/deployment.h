#pragma once
// Resolves what a measured row names (GPU, model, precision) against the catalogue.
#include <map>
#include <string>

#include "calibration/measured_run.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/engine_defaults.h"
#include "models/fitted_model.h"

namespace eph::calibration {

struct Deployment {
  models::EngineKind engine = models::EngineKind::vllm;
  std::string version;
  std::string gpu_name;  // catalogue key
  models::EngineDefaults defaults;
  models::StepContext context;
};

// Catalogue name of a GPU as the measuring tools write it: "NVIDIA H100 80GB HBM3" and
// "H100-SXM-80GB" are "h100-sxm". A name that is in the catalogue already stays as it is.
[[nodiscard]] std::string gpu_catalog_name(std::string_view written);

// Sets the weights' precision of `llm` from a table's dtype. A checkpoint that is published in a
// quantised form of that family keeps it (gpt-oss stays MXFP4, Qwen3-235B-FP8 block-scaled).
[[nodiscard]] Result<void> apply_dtype(models::LlmSpec& llm, std::string_view dtype);

// Reads each catalogue entry once. Not thread safe.
class SpecCache {
 public:
  explicit SpecCache(const models::Catalog& catalog) : catalog_(&catalog) {}
  [[nodiscard]] Result<models::GpuSpec> gpu(const std::string& name);
  [[nodiscard]] Result<models::LlmSpec> llm(const std::string& name);
  [[nodiscard]] Result<models::EngineSpec> engine(models::EngineKind kind);
  // data/ops/<engine>-<gpu>.json, or the built-in constants where no such file ships. GPUs other
  // than the H100 use its constants: efficiencies carry over with the peaks they multiply.
  [[nodiscard]] Result<models::OperatorModel> operators(models::EngineKind kind);

 private:
  const models::Catalog* catalog_;
  std::map<std::string, Result<models::GpuSpec>> gpus_;
  std::map<std::string, Result<models::LlmSpec>> llms_;
  std::map<models::EngineKind, Result<models::EngineSpec>> engines_;
  std::map<models::EngineKind, Result<models::OperatorModel>> operators_;
};

// Fails for an unknown engine, GPU, model or precision, and for a layout that the model does not
// allow.
[[nodiscard]] Result<Deployment> resolve(const MeasuredRun& run, SpecCache& specs);

// The KV cache's number format as tools write it ("fp8_e4m3", "f16"); "" and "auto" change nothing.
[[nodiscard]] Result<void> set_kv_precision(const std::string& text, Deployment& deployment);

}  // namespace eph::calibration
