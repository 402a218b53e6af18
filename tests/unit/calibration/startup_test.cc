// Start-ups: what the reader makes of the rows, and that the fit finds what made them.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "calibration/startup/startup_calibration.h"
#include "calibration/startup/startup_fit.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;
using models::StartKind;

namespace {

const char* const kHeader =
    "vendor,instance,mode,gpu_model,gpu_count,model_id,tp,pp,max_model_len,nth_start_of_model,"
    "startup_s,cmd\n";

std::string row(const std::string& instance, const std::string& model, int tp, int length, int nth,
                double seconds) {
  return fmt::format("acme,{},gpu,NVIDIA H100 80GB HBM3,{}.0,{},{}.0,,{},{},{},x\n", instance, tp,
                     model, tp, length, nth, seconds);
}

Result<StartupTable> read(const std::string& text) {
  auto table = CsvTable::load(write_temporary("startups.csv", kHeader + text));
  REQUIRE(table.has_value());
  REQUIRE(is_startup_runs(*table));
  return read_startup_runs(std::move(*table), shipped_catalog());
}

constexpr const char* kSmall = "HuggingFaceTB/SmolLM2-135M-Instruct";
constexpr const char* kLarge = "meta-llama/Llama-3.1-8B-Instruct";

}  // namespace

TEST_CASE("the first start of a machine is fresh, of a model cold, later ones are warm") {
  const auto runs = read(row("a", kSmall, 1, 2048, 0, 70) + row("a", kSmall, 1, 4096, 1, 50) +
                         row("a", kLarge, 2, 2048, 0, 150) + row("b", kLarge, 1, 2048, 0, 160) +
                         row("b", kSmall, 1, 4096, 0, 60));
  REQUIRE(runs.has_value());
  const auto& rows = runs->rows;
  CHECK(rows[0].query.kind == StartKind::fresh);
  CHECK(rows[1].query.kind == StartKind::warm);
  CHECK(rows[2].query.kind == StartKind::cold);
  CHECK(rows[3].query.kind == StartKind::fresh);
  CHECK(rows[2].query.gpus == 2);
  CHECK(rows[2].query.gpu == "h100-sxm");
  CHECK(rows[2].query.layers == 32);
  CHECK(rows[2].query.weight_bytes == Approx(16.06e9).epsilon(0.001));  // 8.03e9 at 16 bit
  CHECK(rows[0].left_out.empty());
  // A "first" start that is not at the smallest length followed starts that failed.
  CHECK(rows[4].left_out.find("earlier starts are missing") != std::string::npos);
}

TEST_CASE("the fit of start-up times finds the seconds that made the rows") {
  // 40 s + 10 s with several GPUs + 5 s per doubling, 20 s to compile, 16.06 GB at 0.2 GB/s;
  // machine "b" is 10 % slower in all but the download.
  std::string text;
  for (const auto& [machine, factor] : {std::pair{"a", 1.0}, {"b", 1.1}, {"c", 1.0}}) {
    for (const int tp : {1, 2, 8}) {
      for (const char* model : {kSmall, kLarge}) {
        const double gigabytes = model == kSmall ? 0.269 : 16.06;
        const double warm = 40 + (tp > 1 ? 10 : 0) + 5 * std::log2(tp) + gigabytes * 0.4 / tp;
        text += row(machine, model, tp, 2048, 0, factor * (warm + 20) + gigabytes / 0.2);
        text += row(machine, model, tp, 4096, 1, factor * warm);
      }
    }
  }
  const auto runs = read(text);
  REQUIRE(runs.has_value());
  const models::StartupModel fit = fit_startup(runs->rows, std::vector<bool>(36, true));
  for (const StartupRow& r : runs->rows) {
    if (r.machine == "b") continue;
    // A machine's own factor is shrunk and dropped: "b" lifts the cloud by at most its 10 %, and
    // the weak priors pull a little.
    CHECK(fit.distribution(r.query).median_s == Approx(r.seconds).epsilon(0.08));
  }
  REQUIRE(fit.clouds.size() == 1);
  CHECK(fit.clouds[0].download_bytes_per_s == Approx(0.2e9).epsilon(0.05));
  CHECK(fit.gpus_max == 8);
}

TEST_CASE("the shipped start-up model is what the shared table gives") {
  const char* folder = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::string path =
      std::string(folder != nullptr ? folder : EPH_SOURCE_DIR "/../shared/data") +
      "/coldstart/vllm_startup.csv";
  if (!std::filesystem::exists(path)) {
    WARN("skipped: no measured start-ups at " << path);
    return;
  }
  const auto catalog = shipped_catalog();
  const auto fitted = calibrate_startup(path, "", "test", catalog);
  const auto shipped = models::find_startup(catalog, models::EngineKind::vllm);
  REQUIRE(fitted.has_value());
  REQUIRE(shipped.has_value());
  CHECK(fitted->rows == 330);
  CHECK(fitted->used == 320);
  for (const StartKind kind : {StartKind::warm, StartKind::cold, StartKind::fresh}) {
    models::StartupQuery q;
    q.weight_bytes = 16e9;
    q.layers = 32;
    q.gpus = 2;
    q.kind = kind;
    q.gpu = "h100-sxm";
    q.cloud = "gcp";
    const auto a = fitted->model.distribution(q), b = shipped->model.distribution(q);
    CHECK(a.median_s == Approx(b.median_s).epsilon(1e-4));
    CHECK(a.sigma == Approx(b.sigma).epsilon(1e-3));
  }
}
