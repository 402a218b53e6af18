#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/text.h"
#include "models/profile.h"

namespace eph::models {
namespace {

std::vector<std::string> coefficient_names() {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    out.emplace_back(coefficient_info(static_cast<Coefficient>(i)).name);
  }
  return out;
}

// Profiles written before there was such a coefficient are read as if they held its start.
bool is_later(Coefficient c) { return c == Coefficient::layer_seq_overhead; }

void read_coefficients(Reader reader, CoefficientValues& values) {
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const CoefficientInfo& info = coefficient_info(static_cast<Coefficient>(i));
    if (is_later(static_cast<Coefficient>(i)) && !reader.has(info.name)) {
      values[i] = info.start;
      continue;
    }
    Reader one = reader.object(info.name);
    values[i] = one.number("value", Range{info.lower, info.upper});
    const std::string unit = one.string("unit");
    if (one.has("unit") && unit != info.unit) {
      one.fault("unit", fmt::format("unit \"{}\" of {}", unit, info.name),
                fmt::format("write the value in \"{}\"", info.unit));
    }
    one.number("sd", Range{0}, 0.0);
    one.finish();
  }
  reader.finish();
}

// A matrix needs as many rows and columns as names, symmetric, without negative variances.
void read_covariance(Reader reader, EngineProfile& p) {
  for (const std::string& text : reader.strings("coefficients")) {
    const auto c = parse_coefficient(text);
    if (c) {
      p.fitted.push_back(*c);
    } else {
      reader.fault("coefficients", fmt::format("unknown coefficient \"{}\"", text),
                   suggest(text, coefficient_names()));
    }
  }
  const std::size_t n = p.fitted.size();
  const Json* rows = reader.raw("matrix");
  if (rows == nullptr || !rows->is_array()) {
    reader.fault("matrix", "no matrix of covariances",
                 "write an array of rows, [] if nothing was fitted");
  } else {
    bool square = rows->items().size() == n;
    for (const Json& row : rows->items()) {
      square = square && row.is_array() && row.items().size() == n;
      if (!square) break;
      for (const Json& cell : row.items()) {
        p.covariance.push_back(cell.is_number() ? cell.as_double()
                                                : std::numeric_limits<double>::quiet_NaN());
      }
    }
    if (!square) {
      reader.fault("matrix", fmt::format("not a matrix of {0} rows of {0} numbers", n),
                   "one row and one column per name in \"coefficients\"");
    }
    for (std::size_t i = 0; square && i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const double a = p.covariance[i * n + j], b = p.covariance[j * n + i];
        if (!(std::abs(a - b) <= 1e-9 * (std::abs(a) + std::abs(b))) || (i == j && a < 0)) {
          reader.fault("matrix", fmt::format("entry {}, {} is {} and its mirror {}", i, j, a, b),
                       "covariances are symmetric numbers with a diagonal of at least 0");
          square = false;
          break;
        }
      }
    }
  }
  reader.finish();
}

// As many numbers as the array has, each within a factor of e^2.
template <std::size_t N>
void read_knots(Reader& reader, const std::vector<double>& given, std::string_view key,
                std::span<double, N> out) {
  const bool fits =
      given.size() == out.size() &&
      std::all_of(given.begin(), given.end(), [](double x) { return std::abs(x) <= 2; });
  if (!fits) {
    reader.fault(key, fmt::format("not {} logarithms of factors", out.size()),
                 "numbers between -2 and 2");
    return;
  }
  std::copy(given.begin(), given.end(), out.begin());
}

void read_decode_knots(Reader& reader, StepResidual& residual) {
  constexpr std::string_view kKey = "decode_residual";
  const Json* rows = reader.raw(kKey);
  std::vector<double> all;
  if (rows != nullptr && rows->is_array()) {
    for (const Json& row : rows->items()) {
      if (!row.is_array() || row.items().size() != StepResidual::kContextKnots) {
        all.clear();
        break;
      }
      for (const Json& cell : row.items()) {
        all.push_back(cell.is_number() ? cell.as_double()
                                       : std::numeric_limits<double>::infinity());
      }
    }
  }
  read_knots(reader, all, kKey, std::span(residual.decode));
}

Correction read_correction(Reader& reader) {
  Correction c;
  c.model = reader.string("model");
  c.family = reader.string("family");
  c.weights = reader.string("weights");
  c.tensor = static_cast<int>(reader.integer("tensor_parallel", IntRange{0, 4096}));
  c.expert = static_cast<int>(reader.integer("expert_parallel", IntRange{0, 4096}));
  Reader values = reader.object("values");
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const CoefficientInfo& info = coefficient_info(static_cast<Coefficient>(i));
    const bool absent = is_later(static_cast<Coefficient>(i)) && !values.has(info.name);
    c.values[i] = absent ? info.start : values.number(info.name, Range{info.lower, info.upper});
  }
  values.finish();
  read_decode_knots(reader, c.residual);
  read_knots(reader, reader.numbers("prefill_residual"), "prefill_residual",
             std::span(c.residual.prefill));
  reader.finish();
  return c;
}

FirstTokenResidual read_first_token(Reader reader) {
  FirstTokenResidual f;
  f.engine_variance = reader.number("engine_variance", Range{0, 10});
  f.model_variance = reader.number("model_variance", Range{0, 10});
  const auto four = [](Reader& r, std::string_view key) {
    std::vector<double> v = r.numbers(key);
    if (v.size() != 4) {
      r.fault(key, "not four numbers", "concurrency, prompt, output, tensor ranks");
      v.assign(4, 1.0);
    }
    return v;
  };
  const std::vector<double> scales = four(reader, "length_scales");
  if (std::any_of(scales.begin(), scales.end(), [](double x) { return !(x > 0); })) {
    reader.fault("length_scales", "a length scale is not above zero");
  }
  f.concurrency = scales[0], f.prompt = scales[1], f.output = scales[2], f.tensor = scales[3];
  for (Reader& one : reader.objects("points")) {
    FirstTokenResidual::Point p;
    p.model = one.string("model");
    const std::vector<double> at = four(one, "at");
    p.concurrency = at[0], p.prompt = at[1], p.output = at[2], p.tensor = at[3];
    p.weight = one.number("weight", Range{-1e6, 1e6});
    one.finish();
    f.points.push_back(std::move(p));
  }
  reader.finish();
  return f;
}

void read_spread(Reader reader, EngineProfile& p) {
  for (std::size_t i = 0; i < p.spread.size(); ++i) {
    Reader one = reader.object(name(static_cast<Familiarity>(i)));
    p.spread[i].tpot = one.number("tpot", Range{0, 10});
    p.spread[i].ttft = one.number("ttft", Range{0, 10});
    one.finish();
  }
  reader.finish();
}

std::pair<std::int64_t, std::int64_t> read_range(Reader& reader, std::string_view key) {
  const std::vector<double> ends = reader.numbers(key);
  const auto whole = [](double x) { return x >= 0 && x < 0x1p53 && x == std::floor(x); };
  if (ends.size() != 2 || !whole(ends[0]) || !whole(ends[1]) || ends[0] > ends[1]) {
    if (reader.has(key)) reader.fault(key, "not a range of tokens", "write [smallest, largest]");
    return {0, 0};
  }
  return {static_cast<std::int64_t>(ends[0]), static_cast<std::int64_t>(ends[1])};
}

CoveredModel read_covered(Reader& reader) {
  CoveredModel m;
  m.model = reader.string("model");
  for (double tp : reader.numbers("tensor_parallel")) {
    if (!(tp >= 1 && tp <= 4096 && tp == std::floor(tp))) {
      reader.fault("tensor_parallel", fmt::format("{} is no number of GPUs", tp));
      continue;
    }
    m.tensor_parallel.push_back(static_cast<int>(tp));
  }
  std::tie(m.isl_min, m.isl_max) = read_range(reader, "prompt_tokens");
  std::tie(m.osl_min, m.osl_max) = read_range(reader, "output_tokens");
  m.concurrency_max = reader.integer("concurrency_max", IntRange{0});
  m.rows = static_cast<std::size_t>(reader.integer("rows", IntRange{0}));
  reader.finish();
  return m;
}

ErrorFigure read_error(Reader& reader) {
  ErrorFigure e;
  e.what = reader.string("what");
  e.split = reader.string("split");
  e.n = static_cast<std::size_t>(reader.integer("n", IntRange{0}));
  e.mape = reader.number("mape", Range{0});
  e.median = reader.number("median", Range{0});
  e.p90 = reader.number("p90", Range{0});
  reader.finish();
  return e;
}

GpuTransfer read_transfer(Reader& reader) {
  GpuTransfer t;
  t.gpu = reader.string("gpu");
  t.machine.efficiency = reader.number("efficiency", Range{0.1, 10});
  t.machine.host_speed = reader.number("host_speed", Range{0.01, 100});
  t.machine.compute = reader.number("compute", Range{0.1, 10}, 1);
  t.machine.overhead = reader.number("overhead", Range{0.1, 10}, 1);
  t.machine.link = reader.number("link", Range{0.05, 20}, 1);
  t.machine.launch = reader.number("launch", Range{0.1, 10}, 1);
  t.rows = static_cast<std::size_t>(reader.integer("rows", IntRange{0}));
  t.failed = static_cast<std::size_t>(reader.integer("failed", IntRange{0}, 0));
  for (Reader& r : reader.objects("errors")) t.errors.push_back(read_error(r));
  reader.finish();
  return t;
}

HostSpeed read_host(Reader& reader) {
  HostSpeed h;
  h.host = reader.string("host");
  h.speed = reader.number("speed", Range{0.01, 100});
  reader.finish();
  return h;
}

EngineKind read_engine(Reader& root) {
  const std::string text = root.string("engine");
  const auto kind = parse_engine(text);
  if (!kind && !text.empty()) {
    const std::vector<std::string> known{"vllm", "sglang", "trtllm", "llamacpp"};
    root.fault("engine", fmt::format("unknown engine \"{}\"", text), suggest(text, known));
  }
  return kind.value_or(EngineKind::vllm);
}

}  // namespace

FrontEnd read_front_end(Reader& reader) {
  const Seconds none{0};
  FrontEnd f;
  f.client_in_s = reader.seconds("client_in", none).value;
  f.client_out_s = reader.seconds("client_out", none).value;
  f.client_token_s = reader.seconds("client_token", none).value;
  f.jitter_mean_s = reader.seconds("jitter_mean", none).value;
  f.request_s = reader.seconds("request", none).value;
  f.prompt_token_s = reader.seconds("prompt_token", none).value;
  f.output_token_s = reader.seconds("output_token", none).value;
  reader.finish();
  return f;
}

Result<EngineProfile> read_profile(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader root(json, file, faults);
  EngineProfile p;
  root.integer("version", IntRange{1, 1});
  root.choice("form", {"fitted"});
  p.engine = read_engine(root);
  p.engine_versions = root.strings("engine_versions");
  p.gpu = root.string("gpu");
  read_coefficients(root.object("coefficients"), p.values);
  read_covariance(root.object("covariance"), p);
  for (Reader& r : root.objects("corrections")) p.corrections.push_back(read_correction(r));
  p.first_token = read_first_token(root.object("first_token"));
  p.host_speed = root.number("host_speed", Range{0.01, 100});
  for (Reader& r : root.objects("hosts")) p.hosts.push_back(read_host(r));
  for (Reader& r : root.objects("gpus")) p.gpus.push_back(read_transfer(r));
  read_spread(root.object("spread"), p);
  for (Reader& r : root.objects("covered")) p.covered.push_back(read_covered(r));
  for (Reader& r : root.objects("errors")) p.errors.push_back(read_error(r));
  Reader operators = root.object("operators");
  p.operators = read_operators(operators);
  p.sources = root.strings("sources");
  p.command = root.string("command");
  p.commit = root.string("commit");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return p;
}

Result<EngineProfile> load_profile(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  return read_profile(*json, path);
}

}  // namespace eph::models
