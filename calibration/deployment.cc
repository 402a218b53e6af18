#include "calibration/deployment.h"

#include <array>
#include <filesystem>

#include "core/text.h"

namespace eph::calibration {
namespace {

using models::Precision;

struct GpuAlias {
  std::string_view written, catalog;
};

// Names as the driver reports them (nvidia-smi, torch) and as the AIConfigurator tables write them.
constexpr std::array kGpuAliases{
    GpuAlias{"H100-SXM-80GB", "h100-sxm"},
    GpuAlias{"NVIDIA H100 80GB HBM3", "h100-sxm"},
    GpuAlias{"NVIDIA H100 PCIe", "h100-pcie"},
    GpuAlias{"NVIDIA H100 NVL", "h100-nvl"},
    GpuAlias{"H200-SXM-141GB", "h200"},
    GpuAlias{"NVIDIA H200", "h200"},
    GpuAlias{"NVIDIA A100-SXM4-40GB", "a100-sxm-40gb"},
    GpuAlias{"NVIDIA A100-SXM4-80GB", "a100-sxm-80gb"},
    GpuAlias{"NVIDIA A100-PCIE-40GB", "a100-pcie-40gb"},
    GpuAlias{"NVIDIA A100 80GB PCIe", "a100-pcie-80gb"},
    GpuAlias{"NVIDIA L40S", "l40s"},
    GpuAlias{"NVIDIA L4", "l4"},
    GpuAlias{"NVIDIA A10G", "a10g"},
    GpuAlias{"NVIDIA B200", "b200"},
    GpuAlias{"NVIDIA GeForce RTX 4090", "rtx-4090"},
    GpuAlias{"NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000"},
};

bool is_fp4(Precision p) {
  return p == Precision::mxfp4 || p == Precision::nvfp4 || p == Precision::int4;
}
bool is_fp8(Precision p) { return p == Precision::fp8 || p == Precision::fp8_block; }

}  // namespace

std::string gpu_catalog_name(std::string_view written) {
  const std::string lower = to_lower(written);
  for (const GpuAlias& alias : kGpuAliases) {
    if (lower == to_lower(alias.written)) return std::string(alias.catalog);
  }
  return std::string(written);
}

Result<void> apply_dtype(models::LlmSpec& llm, std::string_view dtype) {
  const auto set_all = [&](Precision p) {
    llm.weights = p;
    llm.expert_weights = p;
  };
  const bool has_fp4 = is_fp4(llm.weights) || is_fp4(llm.expert_weights);
  const bool has_fp8 = is_fp8(llm.weights) || is_fp8(llm.expert_weights);
  const std::string text = to_lower(dtype);
  if (text.empty() || text == "auto") return {};
  if (text == "bf16" || text == "bfloat16" || text == "fp16" || text == "float16") {
    set_all(Precision::bf16);
  } else if (text == "fp8") {
    // An FP4 checkpoint said to run in FP8 (gpt-oss) has FP8 activations on FP4 weights.
    if (!has_fp8 && !has_fp4) set_all(Precision::fp8);
  } else if (text == "fp4" || text == "nvfp4" || text == "mxfp4") {
    if (!has_fp4) set_all(text == "mxfp4" ? Precision::mxfp4 : Precision::nvfp4);
  } else if (const auto precision = models::parse_precision(text)) {
    set_all(*precision);
  } else {
    return usage_error(fmt::format("weights of unknown format \"{}\"", dtype));
  }
  return {};
}

Result<models::GpuSpec> SpecCache::gpu(const std::string& name) {
  const auto it = gpus_.find(name);
  return it != gpus_.end() ? it->second : gpus_.emplace(name, catalog_->gpu(name)).first->second;
}

Result<models::LlmSpec> SpecCache::llm(const std::string& name) {
  const auto it = llms_.find(name);
  return it != llms_.end() ? it->second : llms_.emplace(name, catalog_->llm(name)).first->second;
}

Result<models::EngineSpec> SpecCache::engine(models::EngineKind kind) {
  const auto it = engines_.find(kind);
  return it != engines_.end() ? it->second
                              : engines_.emplace(kind, catalog_->engine(kind)).first->second;
}

Result<models::OperatorModel> SpecCache::operators(models::EngineKind kind) {
  const auto it = operators_.find(kind);
  if (it != operators_.end()) return it->second;
  const std::string path =
      fmt::format("{}/ops/{}-h100.json", catalog_->folder(), models::name(kind));
  Result<models::OperatorModel> operators = models::OperatorModel{};
  if (std::filesystem::exists(path)) {
    const auto file = models::load_operators(path);
    operators = file ? Result<models::OperatorModel>(file->operators) : file.error();
  }
  return operators_.emplace(kind, std::move(operators)).first->second;
}

Result<void> set_kv_precision(const std::string& text, Deployment& deployment) {
  const std::string kv = to_lower(text);
  if (kv.empty() || kv == "auto") return {};
  const auto precision = kv.starts_with("fp8") ? std::optional(models::Precision::fp8)
                         : kv == "f16"         ? std::optional(models::Precision::fp16)
                                               : models::parse_precision(kv);
  if (!precision) return usage_error(fmt::format("KV cache of unknown format \"{}\"", text));
  deployment.context.kv_precision = deployment.defaults.kv.kv_precision = *precision;
  return {};
}

Result<Deployment> resolve(const MeasuredRun& run, SpecCache& specs) {
  if (!run.engine) return usage_error(fmt::format("unknown engine \"{}\"", run.engine_text));
  Deployment out;
  out.engine = *run.engine;
  out.version = run.engine_version;
  out.gpu_name = gpu_catalog_name(run.gpu);
  auto gpu = specs.gpu(out.gpu_name);
  if (!gpu) return gpu.error();
  auto llm = specs.llm(run.model);
  if (!llm) return llm.error();
  out.context.gpu = *gpu;
  out.context.llm = *llm;
  out.context.layout = run.layout;
  if (auto ok = apply_dtype(out.context.llm, run.dtype); !ok) return ok.error();
  if (auto ok = models::check_parallelism(out.context.llm, run.layout); !ok) return ok.error();
  const auto engine = specs.engine(out.engine);
  if (!engine) return engine.error();
  const auto defaults =
      models::engine_defaults(*engine, out.version, *gpu, out.context.llm, run.layout);
  if (!defaults) return defaults.error();
  const auto operators = specs.operators(out.engine);
  if (!operators) return operators.error();
  out.defaults = *defaults;
  out.context.kv_precision = defaults->kv.kv_precision;
  out.context.async_scheduling = defaults->async_scheduling;
  out.context.max_graph_tokens = defaults->max_graph_tokens;
  out.context.operators = *operators;
  return out;
}

}  // namespace eph::calibration
