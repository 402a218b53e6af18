#include "app/machines.h"

#include <fmt/format.h>

#include "app/console.h"
#include "app/data_folder.h"
#include "app/progress.h"
#include "calibration/gpu_transfer.h"
#include "calibration/validate.h"
#include "core/line_source.h"

namespace eph::app {

namespace {

Result<int> read_threads(const Arguments& arguments) {
  const Result<std::int64_t> threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  return static_cast<int>(*threads);
}

Json machines_json(const models::EngineProfile& profile) {
  const Json all = models::to_json(profile);
  Json out = Json::object();
  out.set("version", 1).set("command", "calibrate");
  out.set("hosts", *all.find("hosts")).set("gpus", *all.find("gpus"));
  return out;
}

std::string machines_text(const models::EngineProfile& profile, const std::string& path) {
  std::string out =
      fmt::format("{}: coefficients kept, {} other GPUs\n\n", path, profile.gpus.size());
  out += fmt::format("{:<18}{:>12}{:>9}{:>10}{:>6}{:>8}{:>12}{:>6}{:>8}\n", "gpu", "efficiency",
                     "compute", "overhead", "link", "launch", "host speed", "rows", "failed");
  for (const models::GpuTransfer& t : profile.gpus) {
    out += fmt::format("{:<18}{:>12.3f}{:>9.3f}{:>10.3f}{:>6.2f}{:>8.3f}{:>12.3f}{:>6}{:>8}\n",
                       t.gpu, t.machine.efficiency, t.machine.compute, t.machine.overhead,
                       t.machine.link, t.machine.launch, t.machine.host_speed, t.rows, t.failed);
  }
  out += fmt::format("\n{:<30}{:>12}\n", "host", "host speed");
  for (const models::HostSpeed& h : profile.hosts)
    out += fmt::format("{:<30}{:>12.3f}\n", h.host, h.speed);
  out += fmt::format("\n{:<18}{:<28}{:<24}{:>4}{:>8}{:>10}{:>7}\n", "gpu", "figure", "split", "n",
                     "MAPE %", "median %", "p90 %");
  for (const models::GpuTransfer& t : profile.gpus) {
    for (const models::ErrorFigure& e : t.errors) {
      out += fmt::format("{:<18}{:<28}{:<24}{:>4}{:>8.1f}{:>10.1f}{:>7.1f}\n", t.gpu, e.what,
                         e.split, e.n, e.mape, e.median, e.p90);
    }
  }
  return out;
}

}  // namespace

int run_carry_over(const Arguments& arguments, const std::string& command) {
  for (const char* name : {"data", "out"}) {
    if (!arguments.has(name))
      return fail(usage_error(fmt::format("--keep needs --{}", name),
                              "give the measured data and the profile to write"));
  }
  for (const char* name : {"gpu", "held-out", "splits", "max-iterations", "linearisations"}) {
    if (arguments.has(name))
      return fail(usage_error(fmt::format("--{} has no effect with --keep", name),
                              "leave it out: the coefficients are not fitted"));
  }
  const Result<int> threads = read_threads(arguments);
  if (!threads) return fail(threads.error());
  const Result<std::int64_t> seed = arguments.integer("seed", 0, std::int64_t{1} << 53, 1);
  if (!seed) return fail(seed.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  Result<models::EngineProfile> profile = models::load_profile(arguments.text("keep"));
  if (!profile) return fail(profile.error());
  if (arguments.has("engine") && arguments.text("engine") != models::name(profile->engine)) {
    return fail(
        usage_error(fmt::format("--engine {}: {} is a profile of {}", arguments.text("engine"),
                                arguments.text("keep"), models::name(profile->engine)),
                    "leave --engine out"));
  }
  calibration::TransferOptions options;
  options.data_folder = arguments.text("data");
  options.threads = *threads;
  options.seed = static_cast<std::uint64_t>(*seed);
  {
    ProgressLine line;
    line.show(-1, "other GPUs and hosts");
    if (auto ok = calibration::fit_gpu_transfers(options, *catalog, *profile); !ok)
      return fail(ok.error());
  }
  if (profile->gpus.empty()) {
    return fail(usage_error(fmt::format("{} holds no load test of {} on another GPU",
                                        options.data_folder, models::display(profile->engine)),
                            "give a folder with h100/guidellm_sweeps.csv"));
  }
  profile->command += "; " + command;
  const std::string path = arguments.text("out");
  if (auto ok = write_file(path, models::to_json(*profile).dump() + "\n"); !ok)
    return fail(ok.error());
  return finish(arguments.has("json") ? machines_json(*profile).dump() + "\n"
                                      : machines_text(*profile, path));
}

int run_host_estimate(const Arguments& arguments, models::EngineKind engine) {
  for (const char* name :
       {"data", "out", "gpu", "held-out", "splits", "max-iterations", "linearisations", "seed"}) {
    if (arguments.has(name))
      return fail(usage_error(fmt::format("--{} has no effect with --host-from", name),
                              "leave it out: nothing but a host speed is printed"));
  }
  const Result<int> threads = read_threads(arguments);
  if (!threads) return fail(threads.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  std::vector<std::string> files;
  if (arguments.has("keep")) files.push_back(arguments.text("keep"));
  const auto profiles = calibration::load_profiles(files, *catalog);
  if (!profiles) return fail(profiles.error());
  const models::EngineProfile* profile = calibration::find_profile(*profiles, engine, "");
  if (profile == nullptr) {
    return fail(usage_error(fmt::format("no profile of {}", models::display(engine)),
                            "give one with --keep"));
  }
  const auto found =
      calibration::estimate_host(arguments.text("host-from"), *threads, *catalog, *profile);
  if (!found) return fail(found.error());
  if (arguments.has("json")) {
    Json out = Json::object();
    out.set("version", 1).set("command", "calibrate").set("host_speed", found->speed);
    out.set("rows", found->rows).set("ttft_error_before", found->error_before);
    out.set("ttft_error_after", found->error_after);
    return finish(out.dump() + "\n");
  }
  return finish(fmt::format(
      "host speed {:.3f} from {} synchronous runs; error of their median TTFT {:.1f} % instead of "
      "{:.1f} %\nuse it with --host-speed {:.3f}\n",
      found->speed, found->rows, found->error_after, found->error_before, found->speed));
}

}  // namespace eph::app
