// The file format of workload models, version 1: strict reading, every fault in one pass.
#include <fmt/format.h>

#include <cmath>

#include "core/reader.h"
#include "core/text.h"
#include "workload/workload_model.h"

namespace eph::workload {
namespace {

constexpr std::string_view kFormat = "ephemeris-workload";
constexpr std::int64_t kVersion = 1;
constexpr double kMostTokens = 1e9;
constexpr int kProbabilityDigits = 9;  // tails of large traces stay apart

// Six significant digits say more than the samples do, and keep the files small.
double rounded(double value, int digits = 6) {
  if (value == 0) return 0;
  const double unit = std::pow(10.0, digits - 1 - std::floor(std::log10(std::abs(value))));
  return std::round(value * unit) / unit;
}

Json numbers(const std::vector<double>& values, int digits = 6) {
  Json array = Json::array();
  for (const double value : values) array.push(Json::number(rounded(value, digits)));
  return array;
}

Json curve(const QuantileCurve& curve, std::string_view values) {
  Json json = Json::object();
  json.set("p", numbers(curve.p, kProbabilityDigits))
      .set(std::string(values), numbers(curve.tokens));
  return json;
}

std::string in_seconds(double value) { return number(rounded(value)) + " s"; }

Json lengths(const LengthMix& mix) {
  Json bins = Json::array();
  for (const PromptBin& bin : mix.bins) {
    Json json = Json::object();
    json.set("share", rounded(bin.share)).set("prompt", curve(bin.prompt, "tokens"));
    bins.push(std::move(json.set("output", curve(bin.output, "tokens"))));
  }
  Json segments = Json::array();
  for (const std::vector<double>& shares : mix.segments) {
    Json json = Json::object();
    segments.push(std::move(json.set("shares", numbers(shares))));
  }
  Json json = Json::object();
  json.set("bins", std::move(bins)).set("segment", in_seconds(mix.segment_s));
  return json.set("segments", std::move(segments));
}

Json sharing(const SharingModel& model) {
  Json parts = Json::array();
  for (std::size_t b = 0; b < model.continued.size(); ++b) {
    Json json = Json::object();
    json.set("continued", rounded(model.continued[b]));
    parts.push(std::move(json.set("shared_part", curve(model.shared_part[b], "part"))));
  }
  Json json = Json::object();
  json.set("block_tokens", model.block_tokens).set("root_blocks", model.root_blocks);
  json.set("measured_reused_share", rounded(model.reused_share));
  json.set("reuse_age", curve(model.age_s, "seconds")).set("bins", std::move(parts));
  return json;
}

// Reading. Each function adds faults to the reader's diagnostics and returns what it could read.

QuantileCurve read_curve(Reader reader, std::string_view values, double least, double most) {
  QuantileCurve curve;
  curve.p = reader.numbers("p");
  curve.tokens = reader.numbers(values);
  reader.finish();
  if (curve.p.size() < 2 || curve.p.size() != curve.tokens.size()) {
    reader.fault("p",
                 fmt::format("{} probabilities for {} values", curve.p.size(), curve.tokens.size()),
                 "give as many of each, at least two");
  } else if (curve.p.front() != 0 || curve.p.back() != 1) {
    reader.fault("p",
                 fmt::format("probabilities run from {} to {}", number(curve.p.front()),
                             number(curve.p.back())),
                 "they must run from 0 to 1");
  } else {
    for (std::size_t i = 0; i < curve.p.size(); ++i) {
      if (i > 0 && !(curve.p[i] > curve.p[i - 1] && curve.tokens[i] >= curve.tokens[i - 1])) {
        reader.fault("p", fmt::format("knot {} is not above the one before", i + 1),
                     "probabilities must ascend, values must not descend");
        break;
      }
      if (!(curve.tokens[i] >= least && curve.tokens[i] <= most)) {
        reader.fault(values, fmt::format("value {} is out of range", number(curve.tokens[i])),
                     fmt::format("give {} to {}", number(least), number(most)));
        break;
      }
    }
  }
  if (!reader.diagnostics().ok()) return {{0, 1}, {least, least}};
  return curve;
}

std::vector<double> read_shares(Reader& reader, std::size_t bins) {
  constexpr double kSlack = 1e-3;
  std::vector<double> shares = reader.numbers("shares");
  reader.finish();
  double sum = 0;
  bool negative = false;
  for (const double share : shares) {
    sum += share;
    negative = negative || !(share >= 0);
  }
  if (shares.size() != bins) {
    reader.fault("shares", fmt::format("{} shares for {} bins", shares.size(), bins),
                 "give one a bin");
  } else if (negative || std::abs(sum - 1) > kSlack) {
    reader.fault("shares", fmt::format("shares sum to {}", number(sum)),
                 "they must be at least 0 and sum to 1");
  } else {
    for (double& share : shares) share /= sum;
  }
  return shares;
}

LengthMix read_lengths(Reader reader) {
  LengthMix mix;
  for (Reader& bin : reader.objects("bins")) {
    PromptBin read;
    read.share = bin.number("share", {.min = 0, .max = 1});
    read.prompt = read_curve(bin.object("prompt"), "tokens", 1, kMostTokens);
    read.output = read_curve(bin.object("output"), "tokens", 1, kMostTokens);
    bin.finish();
    mix.bins.push_back(std::move(read));
  }
  mix.segment_s = reader.seconds("segment").value;
  if (!(mix.segment_s > 0)) reader.fault("segment", "must be above 0 s");
  for (Reader& segment : reader.objects("segments"))
    mix.segments.push_back(read_shares(segment, mix.bins.size()));
  if (mix.bins.empty()) reader.fault("bins", "no bins", "give at least one");
  if (mix.segments.empty()) reader.fault("segments", "no segments", "give at least one");
  reader.finish();
  return mix;
}

RateWindows read_rate(Reader reader) {
  RateWindows rate;
  rate.window_s = reader.seconds("window").value;
  rate.requests_per_s = reader.numbers("requests_per_s");
  reader.finish();
  double sum = 0;
  for (const double r : rate.requests_per_s) {
    if (!(r >= 0 && r <= 1e9)) {
      reader.fault("requests_per_s", fmt::format("rate {} is out of range", number(r)),
                   "give 0 to 1e9");
      return rate;
    }
    sum += r;
  }
  if (!(rate.window_s > 0)) reader.fault("window", "must be above 0 s");
  if (!(sum > 0)) reader.fault("requests_per_s", "no requests", "give at least one rate above 0");
  return rate;
}

std::vector<BurstLevel> read_bursts(Reader& root, double parent_s) {
  std::vector<BurstLevel> levels;
  for (Reader& item : root.objects("bursts")) {
    BurstLevel level;
    level.window_s = item.seconds("window").value;
    level.concentration = item.number("concentration", {.min = 1e-6});
    item.finish();
    const double n = parent_s / level.window_s;
    if (!(n >= 1.5 && n < 1e5) || std::abs(n - std::round(n)) > 1e-6 * n) {
      item.fault("window",
                 fmt::format("{} s does not divide {} s", number(level.window_s), number(parent_s)),
                 "each level must divide the one before, the first the rate window");
    }
    parent_s = level.window_s;
    levels.push_back(level);
  }
  return levels;
}

SharingModel read_sharing(Reader reader, std::size_t bins) {
  SharingModel model;
  model.block_tokens =
      static_cast<std::int32_t>(reader.integer("block_tokens", {.min = 1, .max = 1 << 20}));
  model.root_blocks =
      static_cast<std::int32_t>(reader.integer("root_blocks", {.min = 0, .max = 1 << 20}));
  model.reused_share = reader.number("measured_reused_share", {.min = 0, .max = 1});
  model.age_s = read_curve(reader.object("reuse_age"), "seconds", 0, 1e9);
  for (Reader& bin : reader.objects("bins")) {
    model.continued.push_back(bin.number("continued", {.min = 0, .max = 1}));
    model.shared_part.push_back(read_curve(bin.object("shared_part"), "part", 0, 1));
    bin.finish();
  }
  if (model.continued.size() != bins) {
    reader.fault("bins", fmt::format("{} bins for {} prompt bins", model.continued.size(), bins),
                 "give one for each prompt bin");
  }
  reader.finish();
  return model;
}

}  // namespace

Json to_json(const WorkloadModel& model) {
  Json json = Json::object();
  json.set("format", kFormat).set("version", kVersion).set("name", model.name);
  json.set("source", model.source).set("requests", model.requests);
  json.set("duration", number(model.duration_s) + " s");
  Json rate = Json::object();
  rate.set("window", in_seconds(model.rate.window_s));
  json.set("rate", std::move(rate.set("requests_per_s", numbers(model.rate.requests_per_s))));
  Json bursts = Json::array();
  for (const BurstLevel& level : model.bursts) {
    Json item = Json::object();
    item.set("window", in_seconds(level.window_s));
    bursts.push(std::move(item.set("concentration", rounded(level.concentration))));
  }
  json.set("bursts", std::move(bursts));
  Json measured = Json::array();
  for (const Dispersion& d : model.dispersion) {
    if (!d.variance_to_mean) continue;
    Json item = Json::object();
    item.set("window", in_seconds(d.window_s));
    measured.push(std::move(item.set("variance_to_mean", rounded(*d.variance_to_mean))));
  }
  json.set("measured_dispersion", std::move(measured));
  json.set("lengths", lengths(model.lengths));
  if (model.sharing) json.set("sharing", sharing(*model.sharing));
  return json;
}

Result<WorkloadModel> parse_workload_model(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader root(json, file, faults);
  if (root.string("format") != kFormat)
    root.fault("format", "not a workload model", fmt::format("expected \"{}\"", kFormat));
  static_cast<void>(root.integer("version", {.min = kVersion, .max = kVersion}));
  WorkloadModel model;
  model.name = root.string("name");
  model.source = root.string("source");
  model.requests = root.integer("requests", {.min = 1});
  model.duration_s = root.seconds("duration").value;
  model.rate = read_rate(root.object("rate"));
  model.bursts = read_bursts(root, model.rate.window_s);
  for (Reader& item : root.objects("measured_dispersion", false)) {
    const double window_s = item.seconds("window").value;
    model.dispersion.push_back({window_s, item.number("variance_to_mean", {.min = 0})});
    item.finish();
  }
  model.lengths = read_lengths(root.object("lengths"));
  if (root.has("sharing"))
    model.sharing = read_sharing(root.object("sharing"), model.lengths.bins.size());
  const double windows = std::ceil(model.duration_s / model.rate.window_s - 1e-9);
  if (static_cast<double>(model.rate.requests_per_s.size()) != windows) {
    root.fault("duration",
               fmt::format("{} s need {} rate windows, found {}", number(model.duration_s),
                           number(windows), model.rate.requests_per_s.size()),
               "give one rate for each window of the duration");
  }
  root.finish();
  if (!faults.ok()) return faults.combined();
  return model;
}

Result<WorkloadModel> load_workload_model(const std::string& path) {
  const Result<Json> json = load_json(path);
  if (!json) return json.error();
  return parse_workload_model(*json, path);
}

}  // namespace eph::workload
