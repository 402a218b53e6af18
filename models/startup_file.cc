#include "core/reader.h"
#include "models/startup.h"

namespace eph::models {
namespace {

struct Term {
  std::string_view key;
  double StartupSeconds::*value;
};
constexpr Term kTerms[] = {{"base", &StartupSeconds::base},
                           {"multi_gpu", &StartupSeconds::multi_gpu},
                           {"log2_gpus", &StartupSeconds::log2_gpus},
                           {"layer", &StartupSeconds::layer},
                           {"load_per_gb", &StartupSeconds::load_per_gb},
                           {"compile", &StartupSeconds::compile},
                           {"first_start", &StartupSeconds::first_start}};

struct Spread {
  std::string_view key;
  double StartupModel::*value;
};
constexpr Spread kSpreads[] = {{"warm_known_host", &StartupModel::sd_warm_known},
                               {"cold_known_host", &StartupModel::sd_cold_known},
                               {"warm_new_host", &StartupModel::sd_warm_new},
                               {"cold_new_host", &StartupModel::sd_cold_new}};

Json errors_json(const std::vector<ErrorFigure>& errors) {
  Json out = Json::array();
  for (const ErrorFigure& e : errors) {
    Json item = Json::object();
    item.set("what", e.what).set("split", e.split).set("n", e.n);
    item.set("mape", e.mape).set("median", e.median).set("p90", e.p90);
    out.push(std::move(item));
  }
  return out;
}

std::vector<ErrorFigure> read_errors(Reader& root) {
  std::vector<ErrorFigure> out;
  for (Reader& reader : root.objects("errors")) {
    ErrorFigure e;
    e.what = reader.string("what");
    e.split = reader.string("split");
    e.n = static_cast<std::size_t>(reader.integer("n", IntRange{0}));
    e.mape = reader.number("mape", Range{0});
    e.median = reader.number("median", Range{0});
    e.p90 = reader.number("p90", Range{0});
    reader.finish();
    out.push_back(std::move(e));
  }
  return out;
}

}  // namespace

Json to_json(const StartupModel& m) {
  Json out = Json::object();
  out.set("version", 1).set("form", "startup").set("engine", name(m.engine));
  Json seconds = Json::object();
  for (const Term& term : kTerms) seconds.set(std::string(term.key), m.seconds.*term.value);
  out.set("seconds", std::move(seconds));
  Json factors = Json::array();
  for (const StartupFactor& f : m.factors) {
    Json item = Json::object();
    item.set("cloud", f.cloud)
        .set("gpu", f.gpu)
        .set("log_factor", f.log_factor)
        .set("rows", f.rows);
    factors.push(std::move(item));
  }
  Json clouds = Json::array();
  for (const StartupCloud& c : m.clouds) {
    Json item = Json::object();
    item.set("cloud", c.cloud).set("download_bytes_per_s", c.download_bytes_per_s);
    clouds.push(item.set("rows", c.rows));
  }
  out.set("factors", std::move(factors)).set("clouds", std::move(clouds));
  out.set("download_bytes_per_s", m.download_bytes_per_s);
  Json spread = Json::object();
  for (const Spread& s : kSpreads) spread.set(std::string(s.key), m.*s.value);
  out.set("sd_log", std::move(spread));
  out.set("weight_bytes_max", m.weight_bytes_max).set("gpus_max", m.gpus_max);
  out.set("errors", errors_json(m.errors));
  Json sources = Json::array();
  for (const std::string& source : m.sources) sources.push(Json::string(source));
  return out.set("sources", std::move(sources)).set("command", m.command).set("commit", m.commit);
}

Result<StartupModel> load_startup(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  StartupModel m;
  root.integer("version", IntRange{1, 1});
  root.choice("form", {"startup"});
  const std::string engine = root.string("engine");
  if (const auto kind = parse_engine(engine)) {
    m.engine = *kind;
  } else if (!engine.empty()) {
    root.fault("engine", "\"" + engine + "\" is no engine",
               "one of vllm, sglang, trtllm, llamacpp");
  }
  Reader seconds = root.object("seconds");
  for (const Term& term : kTerms) m.seconds.*term.value = seconds.number(term.key, Range{0, 1e5});
  if (m.seconds.base <= 0 && faults.ok()) seconds.fault("base", "must be above zero");
  seconds.finish();
  for (Reader& r : root.objects("factors")) {
    StartupFactor f;
    f.cloud = r.string("cloud");
    f.gpu = r.string("gpu");
    f.log_factor = r.number("log_factor", Range{-5, 5});
    f.rows = static_cast<std::size_t>(r.integer("rows", IntRange{0}));
    r.finish();
    m.factors.push_back(std::move(f));
  }
  const Range rates{1, 1e15};
  for (Reader& r : root.objects("clouds")) {
    StartupCloud c;
    c.cloud = r.string("cloud");
    c.download_bytes_per_s = r.number("download_bytes_per_s", rates);
    c.rows = static_cast<std::size_t>(r.integer("rows", IntRange{0}));
    r.finish();
    m.clouds.push_back(std::move(c));
  }
  m.download_bytes_per_s = root.number("download_bytes_per_s", rates);
  Reader spread = root.object("sd_log");
  for (const Spread& s : kSpreads) m.*s.value = spread.number(s.key, Range{0, 10});
  spread.finish();
  m.weight_bytes_max = root.number("weight_bytes_max", Range{0});
  m.gpus_max = static_cast<int>(root.integer("gpus_max", IntRange{1, 1 << 20}));
  m.errors = read_errors(root);
  m.sources = root.strings("sources");
  m.command = root.string("command");
  m.commit = root.string("commit");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return m;
}

}  // namespace eph::models
