#include <fmt/format.h>

#include <cmath>
#include <limits>

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

void read_coefficients(Reader reader, CoefficientValues& values) {
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const CoefficientInfo& info = coefficient_info(static_cast<Coefficient>(i));
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

ModelCorrection read_correction(Reader& reader) {
  ModelCorrection correction;
  correction.model = reader.string("model");
  Reader values = reader.object("values");
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const CoefficientInfo& info = coefficient_info(static_cast<Coefficient>(i));
    correction.values[i] = values.number(info.name, Range{info.lower, info.upper});
  }
  values.finish();
  reader.finish();
  return correction;
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
  t.rows = static_cast<std::size_t>(reader.integer("rows", IntRange{0}));
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
  p.host_speed = root.number("host_speed", Range{0.01, 100});
  for (Reader& r : root.objects("hosts")) p.hosts.push_back(read_host(r));
  for (Reader& r : root.objects("gpus")) p.gpus.push_back(read_transfer(r));
  Reader sd = root.object("residual_sd");
  p.residual_sd_tpot = sd.number("tpot", Range{0, 10});
  p.residual_sd_ttft = sd.number("ttft", Range{0, 10});
  sd.finish();
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
