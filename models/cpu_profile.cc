#include "models/cpu_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/reader.h"
#include "core/text.h"

namespace eph::models {
namespace {

Json strings(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& v : values) out.push(Json::string(v));
  return out;
}

Json spread_json(const CpuSpread& s) {
  Json out = Json::object();
  return out.set("prompt", s.prompt).set("generation", s.generation);
}

CpuSpread read_spread(Reader reader) {
  CpuSpread s;
  s.prompt = reader.number("prompt", Range{0, 10});
  s.generation = reader.number("generation", Range{0, 10});
  reader.finish();
  return s;
}

CpuClass read_class(Reader& r) {
  CpuClass c;
  c.name = r.string("name");
  c.small_matrix = r.number("small_matrix", Range{0, 1e6});
  c.attention = r.number("attention", Range{0, 1e6});
  c.head_overhead = r.number("head_overhead", Range{0, 1e6});
  c.kv_read = r.number("kv_read", Range{0, 1e6});
  c.sync_growth = r.number("sync_growth", Range{0, 10});
  r.finish();
  return c;
}

CpuKindRates read_kind(Reader& r) {
  CpuKindRates k;
  const Range rate{1, 1e18};
  k.name = r.string("name");
  k.cls = r.string("class");
  k.sync_us = r.number("sync_us", Range{0, 1e9});
  k.core_bytes_per_s = r.number("core_bytes_per_s", rate);
  k.all_bytes_per_s = r.number("all_bytes_per_s", rate);
  k.core_flops_per_s = r.number("core_flops_per_s", rate);
  k.all_flops_per_s = r.number("all_flops_per_s", rate);
  k.rows = static_cast<std::size_t>(r.integer("rows", IntRange{0}));
  r.finish();
  return k;
}

CpuMachineFactors read_machine(Reader& r) {
  CpuMachineFactors m;
  const Range factor{-20, 20};
  m.name = r.string("name");
  m.cloud = r.string("cloud");
  m.log_sync = r.number("log_sync", factor);
  m.log_bytes = r.number("log_bytes", factor);
  m.log_flops = r.number("log_flops", factor);
  m.rows = static_cast<std::size_t>(r.integer("rows", IntRange{0}));
  r.finish();
  return m;
}

template <class T>
const T* find_name(const std::vector<T>& list, std::string_view name) {
  for (const T& item : list) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

void check_classes(Reader& root, const CpuProfile& p) {
  for (const CpuKindRates& kind : p.kinds) {
    if (find_name(p.classes, kind.cls) != nullptr) continue;
    root.fault("kinds",
               fmt::format("{} is of class \"{}\", which is not there", kind.name, kind.cls));
  }
}

}  // namespace

const CpuMachineFactors* CpuProfile::machine(std::string_view cloud, std::string_view name) const {
  for (const CpuMachineFactors& m : machines) {
    if (m.cloud == cloud && m.name == name) return &m;
  }
  return nullptr;
}

// MODEL eq. 27.
Result<CpuRates> CpuProfile::rates(const GpuSpec& spec) const {
  const std::string& wanted = spec.is_cpu() ? spec.architecture : spec.name;
  const CpuKindRates* kind = find_name(kinds, wanted);
  if (kind == nullptr) {
    std::vector<std::string> names;
    for (const CpuKindRates& k : kinds) names.push_back(k.name);
    return usage_error(fmt::format("the profile has no rates of {}", wanted),
                       suggest(wanted, names));
  }
  const CpuClass& cls = *find_name(classes, kind->cls);  // check_classes
  const CpuMachineFactors* own = machine(spec.cpu_cloud, spec.name);
  const CpuMachineFactors factors = own != nullptr ? *own : CpuMachineFactors{};
  const double cores = std::max(1, spec.cpu_cores);
  const auto both = [cores](double core, double all) { return 1 / (1 / (cores * core) + 1 / all); };
  CpuRates r;
  r.sync_s = kind->sync_us * 1e-6 * std::pow(cores, cls.sync_growth) * std::exp(factors.log_sync);
  r.bytes_per_s = both(kind->core_bytes_per_s, kind->all_bytes_per_s) * std::exp(factors.log_bytes);
  r.flops_per_s = both(kind->core_flops_per_s, kind->all_flops_per_s) * std::exp(factors.log_flops);
  r.small_matrix = cls.small_matrix;
  r.attention = cls.attention;
  r.head_overhead = cls.head_overhead;
  r.kv_read = cls.kv_read;
  return r;
}

Json to_json(const CpuProfile& p) {
  Json out = Json::object();
  out.set("version", 1).set("form", "cpu").set("engine", name(p.engine));
  Json classes = Json::array(), kinds = Json::array(), machines = Json::array();
  for (const CpuClass& c : p.classes) {
    Json item = Json::object();
    item.set("name", c.name).set("small_matrix", c.small_matrix).set("attention", c.attention);
    item.set("head_overhead", c.head_overhead).set("kv_read", c.kv_read);
    classes.push(item.set("sync_growth", c.sync_growth));
  }
  for (const CpuKindRates& k : p.kinds) {
    Json item = Json::object();
    item.set("name", k.name).set("class", k.cls).set("sync_us", k.sync_us);
    item.set("core_bytes_per_s", k.core_bytes_per_s).set("all_bytes_per_s", k.all_bytes_per_s);
    item.set("core_flops_per_s", k.core_flops_per_s).set("all_flops_per_s", k.all_flops_per_s);
    kinds.push(item.set("rows", k.rows));
  }
  for (const CpuMachineFactors& m : p.machines) {
    Json item = Json::object();
    item.set("name", m.name).set("cloud", m.cloud).set("log_sync", m.log_sync);
    item.set("log_bytes", m.log_bytes).set("log_flops", m.log_flops).set("rows", m.rows);
    machines.push(std::move(item));
  }
  out.set("classes", std::move(classes)).set("kinds", std::move(kinds));
  out.set("machines", std::move(machines));
  Json spread = Json::object();
  spread.set("measured_machine", spread_json(p.measured_machine));
  spread.set("new_machine", spread_json(p.new_machine));
  out.set("sd_log", std::move(spread));
  out.set("models", strings(p.models)).set("precisions", strings(p.precisions));
  Json errors = Json::array();
  for (const ErrorFigure& e : p.errors) {
    Json item = Json::object();
    item.set("what", e.what).set("split", e.split).set("n", e.n);
    errors.push(item.set("mape", e.mape).set("median", e.median).set("p90", e.p90));
  }
  out.set("errors", std::move(errors)).set("sources", strings(p.sources));
  return out.set("command", p.command).set("commit", p.commit);
}

Result<CpuProfile> read_cpu_profile(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader root(json, file, faults);
  CpuProfile p;
  root.integer("version", IntRange{1, 1});
  root.choice("form", {"cpu"});
  root.choice("engine", {"llamacpp"});
  for (Reader& r : root.objects("classes")) p.classes.push_back(read_class(r));
  for (Reader& r : root.objects("kinds")) p.kinds.push_back(read_kind(r));
  for (Reader& r : root.objects("machines")) p.machines.push_back(read_machine(r));
  check_classes(root, p);
  Reader spread = root.object("sd_log");
  p.measured_machine = read_spread(spread.object("measured_machine"));
  p.new_machine = read_spread(spread.object("new_machine"));
  spread.finish();
  p.models = root.strings("models");
  p.precisions = root.strings("precisions");
  for (Reader& r : root.objects("errors")) {
    ErrorFigure e;
    e.what = r.string("what");
    e.split = r.string("split");
    e.n = static_cast<std::size_t>(r.integer("n", IntRange{0}));
    e.mape = r.number("mape", Range{0});
    e.median = r.number("median", Range{0});
    e.p90 = r.number("p90", Range{0});
    r.finish();
    p.errors.push_back(std::move(e));
  }
  p.sources = root.strings("sources");
  p.command = root.string("command");
  p.commit = root.string("commit");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return p;
}

}  // namespace eph::models
