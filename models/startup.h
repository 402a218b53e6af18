#pragma once
// How long an engine takes from process start to healthy: a median by equation and a lognormal
// spread (docs/MODEL.md, "Start-up"). Autoscaling draws from it.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "core/rng.h"
#include "core/time.h"
#include "core/units.h"
#include "models/engine_kind.h"
#include "models/profile.h"

namespace eph::models {

class Catalog;

// warm: weights on the machine's disk, compiled kernels cached, both in the page cache.
// cold: weights are downloaded and the model is compiled. fresh: cold, and the engine has never run
// on that machine.
enum class StartKind { warm, cold, fresh };
[[nodiscard]] std::string_view name(StartKind kind);
[[nodiscard]] std::optional<StartKind> parse_start_kind(std::string_view text);

struct StartupQuery {
  double weight_bytes = 0;  // of the model as downloaded
  int layers = 0;
  int gpus = 1;
  StartKind kind = StartKind::warm;
  std::string gpu = {};                             // catalogue name
  std::string cloud = {};                           // "gcp"; empty: not known
  std::optional<double> download_bytes_per_s = {};  // overrides what was fitted for the cloud
};

// Lognormal: ln seconds ~ N(ln median_s, sigma).
struct StartupDistribution {
  double median_s = 0;
  double sigma = 0;
  double download_s = 0;    // part of the median
  bool known_host = false;  // starts on such machines (cloud and GPU) were measured

  [[nodiscard]] double quantile(double p) const;  // p in (0, 1)
  [[nodiscard]] Duration draw(Stream& stream) const;
};

// Seconds of MODEL eq. 25 on a machine of factor 1.
struct StartupSeconds {
  double base = 0;         // process, engine, graph capture: every measured start had them
  double multi_gpu = 0;    // more than one rank
  double log2_gpus = 0;    // per doubling of the ranks
  double layer = 0;        // per layer
  double load_per_gb = 0;  // per 1e9 bytes that one rank loads
  double compile = 0;      // cold
  double first_start = 0;  // fresh, on top of cold
};

// Factors on all but the download; each is exp(log_factor), those that apply multiply.
struct StartupFactor {
  std::string cloud, gpu;  // one of them empty: holds for the other alone
  double log_factor = 0;
  std::size_t rows = 0;
};

struct StartupCloud {
  std::string cloud;
  double download_bytes_per_s = 0;
  std::size_t rows = 0;  // cold starts it was fitted on
};

struct StartupModel {
  EngineKind engine = EngineKind::vllm;
  StartupSeconds seconds;
  std::vector<StartupFactor> factors;
  std::vector<StartupCloud> clouds;
  double download_bytes_per_s = 0;  // of a cloud that is not in `clouds`
  // Of the logarithm, so that 90 % of held-out starts lie within 1.645 of it; by warm and cold, on
  // machines whose cloud and GPU were measured on another instance, and where they were not.
  double sd_warm_known = 0, sd_cold_known = 0, sd_warm_new = 0, sd_cold_new = 0;
  double weight_bytes_max = 0;  // largest measured model
  int gpus_max = 0;
  std::vector<ErrorFigure> errors;
  std::vector<std::string> sources;
  std::string command, commit;

  [[nodiscard]] StartupDistribution distribution(const StartupQuery& query) const;
};

[[nodiscard]] Json to_json(const StartupModel& model);
[[nodiscard]] Result<StartupModel> load_startup(const std::string& path);

// The engine's own model of the catalogue's "startup" folder, or vLLM's with the spread widened by
// kForeignEngineSpread where there is no data of that engine.
struct FoundStartup {
  StartupModel model;
  bool borrowed = false;
};
inline constexpr double kForeignEngineSpread = 2.0;
// An error names the clouds that starts were measured on; empty: not known, which is none.
[[nodiscard]] Result<void> check_cloud(const StartupModel& model, const std::string& cloud);

[[nodiscard]] Result<FoundStartup> find_startup(const Catalog& catalog, EngineKind engine);

}  // namespace eph::models
