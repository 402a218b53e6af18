#include "models/startup.h"

#include <array>
#include <cmath>

#include "core/assert.h"
#include "core/distributions.h"
#include "core/text.h"
#include "models/catalog.h"

namespace eph::models {
namespace {

constexpr std::array<std::string_view, 3> kNames{"warm", "cold", "fresh"};
constexpr double kGb = 1e9;

}  // namespace

std::string_view name(StartKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<StartKind> parse_start_kind(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<StartKind>(i);
  }
  return std::nullopt;
}

double StartupDistribution::quantile(double p) const {
  return median_s * std::exp(sigma * normal_quantile(p));
}

Duration StartupDistribution::draw(Stream& stream) const {
  return Duration::from_seconds(draw_lognormal(stream, std::log(median_s), sigma));
}

// MODEL eq. 25.
StartupDistribution StartupModel::distribution(const StartupQuery& query) const {
  EPH_ASSERT(query.gpus >= 1 && query.weight_bytes >= 0 && query.layers >= 0,
             "a start on {} GPUs with {} bytes", query.gpus, query.weight_bytes);
  StartupDistribution out;
  double factor = 0;
  for (const StartupFactor& f : factors) {
    const bool applies =
        (f.cloud.empty() || f.cloud == query.cloud) && (f.gpu.empty() || f.gpu == query.gpu);
    if (!applies) continue;
    factor += f.log_factor;
    out.known_host = out.known_host || (!f.cloud.empty() && !f.gpu.empty());
  }
  const bool cold = query.kind != StartKind::warm;
  const double own = seconds.base + (query.gpus > 1 ? seconds.multi_gpu : 0) +
                     seconds.log2_gpus * std::log2(query.gpus) + seconds.layer * query.layers +
                     seconds.load_per_gb * query.weight_bytes / kGb / query.gpus +
                     (cold ? seconds.compile : 0) +
                     (query.kind == StartKind::fresh ? seconds.first_start : 0);
  if (cold) {
    double rate = download_bytes_per_s;
    for (const StartupCloud& cloud : clouds) {
      if (cloud.cloud == query.cloud) rate = cloud.download_bytes_per_s;
    }
    out.download_s = query.weight_bytes / query.download_bytes_per_s.value_or(rate);
  }
  out.median_s = std::exp(factor) * own + out.download_s;
  out.sigma =
      out.known_host ? (cold ? sd_cold_known : sd_warm_known) : (cold ? sd_cold_new : sd_warm_new);
  return out;
}

Result<void> check_cloud(const StartupModel& model, const std::string& cloud) {
  if (cloud.empty()) return {};
  std::vector<std::string> clouds;
  for (const StartupCloud& known : model.clouds) {
    if (known.cloud == cloud) return {};
    clouds.push_back(known.cloud);
  }
  return usage_error(fmt::format("no start-up was measured on \"{}\"", cloud),
                     suggest(cloud, clouds));
}

Result<FoundStartup> find_startup(const Catalog& catalog, EngineKind engine) {
  const std::string folder = catalog.folder() + "/startup/";
  auto own = load_startup(folder + std::string(name(engine)) + ".json");
  if (own) return FoundStartup{std::move(*own), false};
  if (own.error().kind != ErrorKind::io || engine == EngineKind::vllm) return own.error();
  auto model = load_startup(folder + "vllm.json");
  if (!model) return model.error();
  for (double* sd :
       {&model->sd_warm_known, &model->sd_cold_known, &model->sd_warm_new, &model->sd_cold_new}) {
    *sd *= kForeignEngineSpread;
  }
  return FoundStartup{std::move(*model), true};
}

}  // namespace eph::models
