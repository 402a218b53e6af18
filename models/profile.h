#pragma once
// An engine profile: the fitted coefficients of one engine on one GPU, with their uncertainty and
// origin.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/reader.h"
#include "core/result.h"
#include "models/engine_kind.h"
#include "models/front_end.h"
#include "models/operators.h"
#include "models/step_context.h"
#include "models/step_residual.h"

namespace eph::models {

// The coefficients of the fitted step model and of the front end (docs/MODEL.md, "Step time").
// Scales are dimensionless factors on physically computed times; the rest carry a unit
// (coefficient_info).
enum class Coefficient : std::uint8_t {
  gemm_scale,          // all GEMMs
  gemm_prefill_extra,  // extra factor s * T / (T + 512)
  fp8_extra,           // extra factor on fp8 GEMMs (per tensor)
  fp8_block_extra,     // on block-scaled fp8
  fp4_extra,           // on mxfp4 / int4
  moe_scale,
  allreduce_scale,
  elementwise_scale,
  decode_attention_scale,
  prefill_attention_scale,
  layer_overhead,          // us per layer and step
  step_overhead,           // ms per step
  seq_overhead,            // us per sequence and step
  layer_seq_overhead,      // us per layer, sequence and step
  prefill_token_overhead,  // us per prompt token
  prefill_step_overhead,   // ms per step that has a prompt chunk
  host_step,               // ms of host work per step
  host_seq,                // us per sequence and step
  host_tp,                 // ms per step when tp > 1
  host_layer_graph,        // us per layer, steps with a prompt chunk replayed as a graph
  host_layer_eager,        // us per layer, steps too large for a graph
  host_tp_extra,           // factor on the two above when tp > 1
  host_prefill_token,      // us per prompt token
  host_launch_jitter,      // mean of an exponential, as a share of the time per layer
  host_results,            // share of host_step and host_seq that follows the GPU's end
  client_in,               // ms
  client_out,              // ms
  client_token,            // us per token that a step sends to clients at once
  client_jitter,           // ms, mean of an exponential
  server_request,          // ms per request
  server_prompt_token,     // us per prompt token
  server_output_token,     // us per streamed token
  kv_reserve,              // GB of a GPU's memory that is neither weights nor KV
  count_
};
inline constexpr std::size_t kCoefficientCount = static_cast<std::size_t>(Coefficient::count_);

struct CoefficientInfo {
  std::string_view name;       // "gemm_scale": the key in the profile file
  std::string_view unit;       // "1", "us", "ms", "GB"
  double to_si;                // value * to_si is in seconds (or bytes); 1 for scales
  double start, lower, upper;  // where fits start, and their bounds, in `unit`
  double prior_sd;             // of the logarithm for positive scales, of the value otherwise
};
[[nodiscard]] const CoefficientInfo& coefficient_info(Coefficient c);
[[nodiscard]] std::optional<Coefficient> parse_coefficient(std::string_view name);

using CoefficientValues = std::array<double, kCoefficientCount>;  // in each coefficient's unit
[[nodiscard]] CoefficientValues start_values();
[[nodiscard]] CoefficientValues start_values(EngineKind engine);

// Errors of |predicted / measured - 1| in percent, and how they were obtained.
struct ErrorFigure {
  std::string what;   // "tpot", "ttft", "ttft_p95", ...
  std::string split;  // "in-sample", "random 30 % of curves held out", "one instance held out", ...
  std::size_t n = 0;
  double mape = 0, median = 0, p90 = 0;
};

struct CoveredModel {
  std::string model;
  std::vector<int> tensor_parallel;
  std::int64_t isl_min = 0, isl_max = 0, osl_min = 0, osl_max = 0, concurrency_max = 0;
  std::size_t rows = 0;
};

// Engine versions that share coefficients unless a model's own runs say more: "" for current ones,
// "old" for vLLM before 0.20 (its measured runs are of 0.11 to 0.19 on one hand and 0.22 on the
// other).
[[nodiscard]] std::string_view version_family(EngineKind engine, std::string_view version);
// Batches that are all there at the start, run in process. Fitted apart: nothing of it serves other
// loads, and it takes nothing from them.
inline constexpr std::string_view kOfflineFamily = "offline";

// How well the data know a deployment.
enum class Familiarity : std::uint8_t {
  deployment,  // this model at this precision and parallel layout was measured
  model,       // the model was, in another layout
  engine,      // only other models were
};
[[nodiscard]] std::string_view name(Familiarity familiarity);

// What measured runs say about some deployments beyond the engine-wide coefficients: shrunk towards
// them, so that few or noisy runs move little.
struct Correction {
  std::string model;  // catalogue name; empty: any model
  // Of engine versions (version_family), only where any model is meant; or kOfflineFamily.
  std::string family;
  std::string weights;         // precision's name; empty: any
  int tensor = 0, expert = 0;  // ranks; 0: any
  CoefficientValues values{};  // complete set
  StepResidual residual;
};

// Extra mean TTFT (log ratio) under a tool's closed loop whose ramp and warm-up are not documented:
// a Gaussian-process mean over log2 of concurrency, prompt, output and tensor ranks. It belongs to
// that protocol and is used by `validate` only, never in simulations of other loads.
struct FirstTokenResidual {
  struct Point {
    std::string model;
    double concurrency = 0, prompt = 0, output = 0, tensor = 0;  // log2
    double weight = 0;
  };
  double engine_variance = 0, model_variance = 0;
  double concurrency = 1, prompt = 1, output = 1, tensor = 1;  // length scales, octaves
  std::vector<Point> points;

  [[nodiscard]] double log_factor(std::string_view model, double concurrency, double prompt,
                                  double output, double tensor) const;  // arguments not logarithms
};

// Standard deviation of log(measured / predicted) on rows that fits had not seen, in folds that
// kept that much of a deployment.
struct ErrorSpread {
  double tpot = 0.1, ttft = 0.2;
};

// Factors between the machines a profile was fitted on and another one: 1.1 takes 10 % longer
// (MODEL eq. 19).
struct Machine {
  double efficiency = 1.0;  // on all that the GPU does but all-reduces, beside its data-sheet rates
  double host_speed = 1.0;  // on the host's work
  double compute = 1.0;     // on top, where the matrix rate binds
  double overhead = 1.0;    // on top, per layer, step and sequence, whatever their size
  double link = 1.0;        // on the volume of all-reduces over `link_bandwidth`
  double launch = 1.0;      // on top of host_speed, where the host launches a step layer by layer
};

// A GPU that the coefficients were carried over to.
struct GpuTransfer {
  std::string gpu;  // catalogue name
  Machine machine;
  std::size_t rows = 0;             // measured, that the factors were fitted on
  std::size_t failed = 0;           // of those, not to be simulated: they said nothing
  std::vector<ErrorFigure> errors;  // with them
};

// Measured machines that are told apart: "gcp h100-sxm", cloud and GPU.
struct HostSpeed {
  std::string host;
  double speed = 1.0;
};

struct EngineProfile {
  EngineKind engine = EngineKind::vllm;
  std::vector<std::string> engine_versions;  // that the data came from
  std::string gpu;                           // catalogue name
  OperatorModel operators;                   // goes into StepContext
  CoefficientValues values = start_values();
  std::vector<Coefficient> fitted;  // rows and columns of `covariance`; others kept at start
  std::vector<double> covariance;   // of the fitted ones in their units, row-major
  std::vector<Correction> corrections;
  FirstTokenResidual first_token;
  double host_speed = 1.0;              // of the machines it is meant for
  std::vector<HostSpeed> hosts;         // of those it was measured on
  std::vector<GpuTransfer> gpus;        // other GPUs
  std::array<ErrorSpread, 3> spread{};  // by Familiarity
  std::vector<CoveredModel> covered;
  std::vector<ErrorFigure> errors;
  std::vector<std::string> sources;  // data sets with licence, as in data/SOURCES.md
  std::string command;               // reproduces the file
  std::string commit;                // sources that made it

  struct Found {
    const CoefficientValues* values = nullptr;  // of this profile
    const StepResidual* residual = nullptr;     // may be null
    Familiarity familiarity = Familiarity::engine;
  };
  // The closest correction: same model, precision and layout; else the model at the nearest tensor
  // parallelism; else the engine at the nearest one.
  [[nodiscard]] Found find(const StepContext& context, std::string_view family = "") const;
  [[nodiscard]] std::optional<double> speed_of(std::string_view host) const;
  // Null for the profile's own GPU and for one that nobody measured.
  [[nodiscard]] const GpuTransfer* transfer_to(std::string_view gpu_name) const;
  // The factors for a GPU, and for a measured host where it is known.
  [[nodiscard]] Machine machine_for(std::string_view gpu_name, std::string_view host = "") const;
};

// Written with version 1 and form "fitted". Standard deviations are the roots of the covariance's
// diagonal, for people; the reader recomputes nothing from them.
[[nodiscard]] Json to_json(const EngineProfile& profile);
// Strict: reports every fault of the file at once. Every coefficient must be there, in its unit and
// within its bounds.
[[nodiscard]] Result<EngineProfile> load_profile(const std::string& path);
// The same from a parsed file; `file` is for messages.
[[nodiscard]] Result<EngineProfile> read_profile(const Json& json, const std::string& file);
// The coefficients of "server_*" and "client_*" as a front end; reads its JSON form, in which every
// key is optional and a quantity with a unit: {"client_in": "1.5 ms", "output_token": "36 us",
// ...}.
[[nodiscard]] FrontEnd read_front_end(Reader& reader);

}  // namespace eph::models
