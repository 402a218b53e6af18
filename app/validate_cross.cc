#include "app/validate_cross.h"

#include <fmt/format.h>

#include <array>

#include "app/commands.h"
#include "app/console.h"
#include "app/cross_document.h"
#include "app/cross_text.h"
#include "app/data_folder.h"
#include "app/progress.h"
#include "calibration/cross_validation.h"
#include "calibration/held_out_csv.h"
#include "calibration/picture.h"
#include "core/line_source.h"
#include "core/text.h"

namespace eph::app {
namespace {

using calibration::Scheme;

// The command that repeats the result: every option that was given but those which only say where
// it goes or how fast it comes.
std::string command_line(const Arguments& arguments) {
  std::string out = "ephemeris validate";
  for (const char* name : {"cross", "data", "engine", "gpu", "folds", "held-out", "repeats",
                           "protocol", "model", "max-iterations", "linearisations", "seed"}) {
    for (const std::string& value : arguments.all(name))
      out += fmt::format(" --{} {}", name, value);
  }
  if (arguments.has("host-from-run")) out += " --host-from-run";
  return out;
}

Result<std::vector<models::EngineKind>> read_engines(const Arguments& arguments) {
  using models::EngineKind;
  if (!arguments.has("engine")) {
    return std::vector{EngineKind::vllm, EngineKind::sglang, EngineKind::trtllm};
  }
  const std::vector<std::string> names{"vllm", "sglang", "trtllm"};
  std::vector<EngineKind> out;
  for (const std::string& text : arguments.all("engine")) {
    const auto kind = models::parse_engine(text);
    if (!kind) {
      return usage_error(fmt::format("--engine: \"{}\" is not known", text), suggest(text, names));
    }
    if (std::find(out.begin(), out.end(), *kind) != out.end()) {
      return usage_error(fmt::format("--engine: {} is given twice", text));
    }
    out.push_back(*kind);
  }
  return out;
}

Result<calibration::FoldOptions> read_folds(const Arguments& arguments) {
  calibration::FoldOptions out;
  const std::string text = arguments.text("cross");
  const auto scheme = calibration::parse_scheme(text);
  if (!scheme) {
    return usage_error(fmt::format("--cross: \"{}\" is no scheme", text),
                       suggest(text, calibration::scheme_names()));
  }
  out.scheme = *scheme;
  if (arguments.has("folds") && out.scheme != Scheme::k_fold) {
    return usage_error(fmt::format("--folds has no effect on {}", text), "choose --cross k-fold");
  }
  for (const char* name : {"held-out", "repeats"}) {
    if (arguments.has(name) && out.scheme != Scheme::random) {
      return usage_error(fmt::format("--{} has no effect on {}", name, text),
                         "choose --cross random");
    }
  }
  const auto folds = arguments.integer("folds", 2, 1000, out.folds);
  if (!folds) return folds.error();
  const auto repeats = arguments.integer("repeats", 1, 1000, out.repeats);
  if (!repeats) return repeats.error();
  out.folds = static_cast<int>(*folds);
  out.repeats = static_cast<int>(*repeats);
  if (arguments.has("held-out")) {
    const auto share = parse_double(arguments.text("held-out"));
    if (!share) {
      return usage_error(
          fmt::format("--held-out: \"{}\" is not a number", arguments.text("held-out")));
    }
    out.held_out = *share;
  }
  return out;
}

Result<std::vector<std::string>> read_protocols(const Arguments& arguments) {
  std::vector<std::string> names;
  for (int p = 0; p < static_cast<int>(calibration::Protocol::unknown); ++p) {
    names.emplace_back(calibration::name(static_cast<calibration::Protocol>(p)));
  }
  for (const std::string& text : arguments.all("protocol")) {
    if (std::find(names.begin(), names.end(), text) == names.end()) {
      return usage_error(fmt::format("--protocol: \"{}\" is not known", text),
                         suggest(text, names));
    }
  }
  return arguments.all("protocol");
}

Result<calibration::CrossOptions> read_options(const Arguments& arguments) {
  calibration::CrossOptions out;
  const auto folds = read_folds(arguments);
  if (!folds) return folds.error();
  out.folds = *folds;
  const auto engines = read_engines(arguments);
  if (!engines) return engines.error();
  out.engines = *engines;
  if (!arguments.has("data")) return usage_error("no measured data is given", "add --data FOLDER");
  out.data_folder = arguments.text("data");
  out.gpu = arguments.text("gpu", out.gpu);
  out.host_from_run = arguments.has("host-from-run");
  if (out.host_from_run && out.folds.scheme != Scheme::leave_one_instance_out) {
    return usage_error(fmt::format("--host-from-run has no effect on {}", name(out.folds.scheme)),
                       "choose --cross leave-one-instance-out");
  }
  const auto protocols = read_protocols(arguments);
  if (!protocols) return protocols.error();
  out.protocols = *protocols;
  out.models = arguments.all("model");
  const auto iterations = arguments.integer("max-iterations", 1, 1000, out.fit.iterations);
  if (!iterations) return iterations.error();
  out.fit.iterations = static_cast<int>(*iterations);
  const auto linearisations = arguments.integer("linearisations", 1, 20, out.fit.linearisations);
  if (!linearisations) return linearisations.error();
  out.fit.linearisations = static_cast<int>(*linearisations);
  const auto seed = arguments.integer("seed", 0, std::int64_t{1} << 53, 1);
  if (!seed) return seed.error();
  out.seed = out.folds.seed = static_cast<std::uint64_t>(*seed);
  const auto threads = arguments.integer("threads", 1, 1024, 0);
  if (!threads) return threads.error();
  out.threads = static_cast<int>(*threads);
  return out;
}

std::string picture_of(const calibration::CrossReport& report, const CrossDocument& document) {
  std::vector<calibration::ScoredRow> rows;
  for (const calibration::HeldOutRow& row : report.rows) rows.push_back(row.score);
  return scatter_svg(
      rows, {fmt::format("Predicted against measured, held out: {}", document.name),
             fmt::format("{}{}{}; {} predictions of rows that the fit had not seen", document.gpu,
                         document.settings.empty() ? "" : ", ", document.settings, document.rows)});
}

}  // namespace

OptionGroup cross_options() {
  return {
      "cross-validation",
      {{"cross", "SCHEME",
        "refit without what is predicted: " +
            fmt::format("{}", fmt::join(calibration::scheme_names(), ", "))},
       {"data", "FOLDER",
        "measured data, as for calibrate; holds h100/serving_runs.csv, "
        "h100/guidellm_sweeps.csv and h100/trtllm_max_throughput.csv"},
       {"folds", "K", "of k-fold [5]"},
       {"held-out", "SHARE", "of random: share of the rows, by whole curves [0.3]"},
       {"repeats", "N", "of random: draws, each with a fit [3]"},
       {"host-from-run", "",
        "of leave-one-instance-out: learn an unseen host's speed from one synchronous run of it"},
       {"protocol", "NAME", "count held-out rows of this load protocol only", true},
       {"max-iterations", "N", "of each fit, each simulating every row [4]"},
       {"linearisations", "N",
        "times that a fit takes derivatives: at the start, then where it arrived [1]"}}};
}

OptionGroup shared_options() {
  return {
      "engine, GPU and model",
      {{"engine", "ENGINE",
        "--cross: whose rows [vllm, sglang and trtllm]; --runs: of a file that does not say it",
        true},
       {"gpu", "NAME",
        "--cross: whose rows [h100-sxm]; --runs: of a file that does not say it, or WRITTEN=NAME"},
       {"model", "NAME",
        "--cross: count held-out rows of this model only; --runs: of a file that does not say it, "
        "or "
        "WRITTEN=NAME",
        true}}};
}

int run_cross(const Arguments& arguments) {
  const auto options = read_options(arguments);
  if (!options) return fail(options.error());
  const Result<models::Catalog> catalog = open_catalog(arguments, "catalog");
  if (!catalog) return fail(catalog.error());
  const auto report = [&] {
    ProgressLine line;
    return calibration::cross_validate(
        *options, *catalog, [&line](const std::string& what, std::size_t done, std::size_t total) {
          line.show(static_cast<double>(done) / static_cast<double>(total),
                    fmt::format("{} of {} fits, {}", done, total, what));
        });
  }();
  if (!report) return fail(report.error());
  const CrossDocument document = make_document(*report, *options, command_line(arguments));
  if (arguments.has("out")) {
    const auto written =
        write_file(arguments.text("out"), calibration::held_out_csv(report->rows, document.name));
    if (!written) return fail(written.error());
  }
  if (arguments.has("picture")) {
    const auto written = write_file(arguments.text("picture"), picture_of(*report, document));
    if (!written) return fail(written.error());
  }
  return finish(arguments.has("json") ? to_json(document).dump() + "\n" : cross_text(document));
}

}  // namespace eph::app
