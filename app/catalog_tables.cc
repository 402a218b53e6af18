#include "app/catalog_tables.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/text.h"
#include "models/engine_defaults.h"
#include "scenario/load.h"
#include "scenario/profiles.h"

namespace eph::app {

namespace {

constexpr double kBillion = 1e9, kGib = 1 << 30, kKib = 1 << 10, kTera = 1e12;

Result<Json> gpu_json(const models::Catalog& catalog, const std::string& name) {
  const Result<models::GpuSpec> gpu = catalog.gpu(name);
  if (!gpu) return gpu.error();
  Json out = Json::object();
  out.set("name", gpu->name).set("display", gpu->display).set("architecture", gpu->architecture);
  out.set("memory_bytes", gpu->memory.value);
  out.set("memory_bytes_per_s", gpu->memory_bandwidth.value);
  out.set("bf16_flops", gpu->bf16.value)
      .set("fp8_flops", gpu->fp8.value)
      .set("fp4_flops", gpu->fp4.value);
  out.set("link_bytes_per_s", gpu->link_bandwidth.value).set("nvlink", gpu->has_nvlink);
  out.set("max_gpus_per_node", gpu->max_gpus_per_node).set("sm_count", gpu->sm_count);
  return out;
}

Result<Json> model_json(const models::Catalog& catalog, const std::string& name) {
  const Result<models::LlmSpec> llm = catalog.llm(name);
  if (!llm) return llm.error();
  const models::ParameterCount count = models::count_parameters(*llm);
  const models::Parallelism alone;
  Json out = Json::object();
  out.set("name", llm->name).set("family", llm->family);
  out.set("parameters", count.total).set("active_parameters", count.active);
  out.set("embedding_parameters", count.embedding);
  out.set("weight_bytes", models::weight_bytes(*llm).value);
  out.set("weights", models::name(llm->weights))
      .set("expert_weights", models::name(llm->expert_weights));
  out.set("kv_bytes_per_token", models::kv_bytes_per_token(*llm, alone, models::Precision::bf16));
  out.set("kv_bytes_per_token_fp8",
          models::kv_bytes_per_token(*llm, alone, models::Precision::fp8));
  out.set("layers", llm->layers).set("hidden", llm->hidden).set("vocab", llm->vocab);
  out.set("heads", llm->heads).set("kv_heads", llm->kv_heads).set("head_dim", llm->head_dim);
  out.set("attention", llm->is_mla()                 ? "MLA"
                       : llm->kv_heads == llm->heads ? "MHA"
                       : llm->kv_heads == 1          ? "MQA"
                                                     : "GQA");
  out.set("experts", llm->moe.experts).set("experts_per_token", llm->moe.experts_per_token);
  out.set("max_position", llm->max_position);
  return out;
}

Json coverage_json(const models::EngineProfile& profile) {
  Json covered = Json::array();
  for (const models::CoveredModel& c : profile.covered) {
    Json tp = Json::array();
    for (int degree : c.tensor_parallel) tp.push(Json::integer(degree));
    Json item = Json::object();
    item.set("model", c.model).set("tp", std::move(tp)).set("rows", c.rows);
    item.set("isl_min", c.isl_min).set("isl_max", c.isl_max);
    item.set("osl_min", c.osl_min).set("osl_max", c.osl_max);
    item.set("concurrency_max", c.concurrency_max);
    covered.push(std::move(item));
  }
  return covered;
}

Json error_json(const models::EngineProfile& profile) {
  Json errors = Json::array();
  for (const models::ErrorFigure& e : profile.errors) {
    Json item = Json::object();
    item.set("figure", e.what).set("split", e.split).set("n", e.n);
    item.set("mape", e.mape).set("median", e.median).set("p90", e.p90);
    errors.push(std::move(item));
  }
  return errors;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).stem().string();
}

Result<Json> profile_json(const std::string& path, bool full) {
  const Result<models::StepProfile> profile = models::load_step_profile(path);
  if (!profile) return profile.error();
  Json out = Json::object();
  out.set("name", file_name(path));
  if (const auto* cpu = std::get_if<models::CpuProfile>(&*profile)) {
    if (full) return to_json(*cpu).set("name", file_name(path));
    out.set("form", "cpu")
        .set("engine", models::name(cpu->engine))
        .set("models", cpu->models.size());
    return out.set("gpu", fmt::format("{} kinds", cpu->kinds.size()));
  }
  const auto* fitted = std::get_if<models::EngineProfile>(&*profile);
  if (const auto* compact = std::get_if<models::CompactProfile>(&*profile)) {
    out.set("form", "compact").set("engine", models::name(compact->engine));
    out.set("gpu", compact->gpu).set("models", 1);
    return out;
  }
  if (fitted == nullptr) {
    out.set("form", "linear").set("engine", "any").set("gpu", "any").set("models", 0);
    return out;
  }
  out.set("form", "fitted").set("engine", models::name(fitted->engine)).set("gpu", fitted->gpu);
  Json versions = Json::array();
  for (const std::string& version : fitted->engine_versions) versions.push(Json::string(version));
  out.set("models", fitted->covered.size()).set("versions", std::move(versions));
  if (!full) return out;
  out.set("covered", coverage_json(*fitted)).set("errors_percent", error_json(*fitted));
  Json sources = Json::array();
  for (const std::string& source : fitted->sources) sources.push(Json::string(source));
  out.set("sources", std::move(sources))
      .set("command", fitted->command)
      .set("commit", fitted->commit);
  return out;
}

Result<Json> profile_detail(const models::Catalog& catalog, const std::string& name) {
  std::vector<std::string> names;
  for (const std::string& path : scenario::shipped_profiles(catalog)) {
    names.push_back(file_name(path));
    if (names.back() == name) return profile_json(path, true);
  }
  return usage_error(fmt::format("there is no profile {}", name), suggest(name, names));
}

Result<Json> engine_json(const models::Catalog& catalog, const std::string& name) {
  const auto kind = models::parse_engine(name);
  if (!kind)
    return usage_error(fmt::format("there is no engine {}", name), "see ephemeris catalog engines");
  const Result<models::EngineSpec> engine = catalog.engine(*kind);
  if (!engine) return engine.error();
  Json out = Json::object();
  out.set("name", models::name(*kind)).set("display", models::display(*kind));
  out.set("rules", engine->rules.size());
  return out;
}

template <class Names, class Entry>
Result<Json> collect(const Result<Names>& names, Entry entry) {
  if (!names) return names.error();
  Json out = Json::array();
  for (const auto& name : *names) {
    Result<Json> item = entry(std::string(name));
    if (!item) return item.error();
    out.push(std::move(*item));
  }
  return out;
}

Result<Json> list_gpus(const models::Catalog& catalog) {
  return collect(catalog.gpu_names(),
                 [&](const std::string& name) { return gpu_json(catalog, name); });
}

Json cpu_json(const models::CpuKind& kind, const models::CpuMachine& machine) {
  Json out = Json::object();
  out.set("name", machine.name).set("cloud", machine.cloud).set("cores", machine.cores);
  out.set("memory_bytes", machine.memory.value).set("kind", kind.name);
  return out.set("vector", kind.vector).set("display", kind.display);
}

Result<Json> list_cpus(const models::Catalog& catalog) {
  const auto kinds = catalog.cpu_kinds();
  if (!kinds) return kinds.error();
  Json out = Json::array();
  for (const models::CpuKind& kind : *kinds) {
    for (const models::CpuMachine& machine : kind.machines) out.push(cpu_json(kind, machine));
  }
  return out;
}

// With the rates of the shipped profile of llama.cpp, where it has the processor.
Result<Json> cpu_detail(const models::Catalog& catalog, const std::string& name) {
  const auto kinds = catalog.cpu_kinds();
  if (!kinds) return kinds.error();
  const models::CpuMachine* machine = models::find_cpu_machine(*kinds, name);
  if (machine == nullptr) {
    std::vector<std::string> names;
    for (const models::CpuKind& kind : *kinds) {
      for (const models::CpuMachine& m : kind.machines) names.push_back(m.name);
    }
    return usage_error(fmt::format("there is no machine {}", name), suggest(name, names));
  }
  Json out = Json::object();
  for (const models::CpuKind& kind : *kinds) {
    if (kind.name == machine->kind) out = cpu_json(kind, *machine);
  }
  const models::GpuSpec spec = models::as_gpu(*machine);
  const auto found = scenario::find_profile(catalog, "", models::EngineKind::llamacpp, spec);
  if (!found) return out;
  const auto* profile = std::get_if<models::CpuProfile>(&found->profile);
  const auto rates =
      profile != nullptr ? profile->rates(spec) : Result<models::CpuRates>(usage_error("no rates"));
  if (!rates) return out;
  out.set("bytes_per_s", rates->bytes_per_s).set("flops_per_s", rates->flops_per_s);
  out.set("layer_pause_s", rates->sync_s);
  return out.set("measured", profile->machine(spec.cpu_cloud, spec.name) != nullptr);
}

Result<Json> list_models(const models::Catalog& catalog) {
  return collect(catalog.llm_names(),
                 [&](const std::string& name) { return model_json(catalog, name); });
}

Result<Json> list_engines(const models::Catalog& catalog) {
  const Result<std::vector<std::string>> names =
      std::vector<std::string>{"vllm", "sglang", "trtllm", "llamacpp"};
  return collect(names, [&](const std::string& name) { return engine_json(catalog, name); });
}

Result<Json> list_profiles(const models::Catalog& catalog) {
  const Result<std::vector<std::string>> paths = scenario::shipped_profiles(catalog);
  return collect(paths, [](const std::string& path) { return profile_json(path, false); });
}

Result<Json> list_workloads(const models::Catalog& catalog) {
  const Result<std::vector<std::string>> names = scenario::shipped_workloads(catalog);
  return collect(names,
                 [&](const std::string& name) { return scenario::workload_facts(catalog, name); });
}

Json hop_json(const models::HopDelay& hop) {
  Json out = Json::object();
  out.set("median_ms", hop.median_s * 1e3).set("p95_ms", hop.p95_s * 1e3);
  return out;
}

Result<Json> network_json(const models::Catalog& catalog, const std::string& name) {
  const Result<models::NetworkProfile> network = catalog.network(name);
  if (!network) return network.error();
  Json out = Json::object();
  out.set("name", network->name)
      .set("description", network->description)
      .set("assumed", network->assumed);
  out.set("client_to_gateway", hop_json(network->client_to_gateway));
  out.set("gateway_to_replica", hop_json(network->gateway_to_replica));
  out.set("replica_to_client", hop_json(network->replica_to_client));
  return out;
}

Result<Json> list_networks(const models::Catalog& catalog) {
  return collect(catalog.network_names(),
                 [&](const std::string& name) { return network_json(catalog, name); });
}

Result<Json> topology_json(const models::Catalog& catalog, const std::string& name) {
  const Result<models::ClusterSpec> spec = catalog.topology(name);
  if (!spec) return spec.error();
  Json out = Json::object();
  out.set("name", spec->name).set("description", spec->description);
  out.set("gpus_per_node", spec->gpus_per_node).set("nvlink", spec->nvlink);
  out.set("scale_up_bytes_per_s", spec->scale_up_bytes_per_s)
      .set("nics_per_node", spec->nics_per_node);
  out.set("node_bytes_per_s", spec->nics_per_node * spec->nic_bytes_per_s);
  out.set("rail_optimised", spec->rail_optimised);
  if (spec->nics_per_node > 0)
    out.set("nodes_per_leaf", spec->nodes_per_leaf())
        .set("oversubscription", spec->oversubscription);
  Json assumed = Json::array();
  for (const std::string& key : spec->assumed) assumed.push(Json::string(key));
  out.set("assumed", std::move(assumed));
  return out;
}

Result<Json> list_topologies(const models::Catalog& catalog) {
  return collect(catalog.topology_names(),
                 [&](const std::string& name) { return topology_json(catalog, name); });
}

Result<Json> list_prices(const models::Catalog& catalog) {
  const Result<models::PriceBook> book = catalog.prices();
  if (!book) return book.error();
  Json out = Json::array();
  for (const models::Price& price : book->prices()) {
    Json item = Json::object();
    item.set("name", price.gpu).set("provider", price.provider).set("commitment", price.commitment);
    item.set("usd_per_gpu_hour", price.per_gpu_hour.value).set("assumed", price.assumed);
    item.set("as_of", price.as_of).set("source", price.source);
    out.push(std::move(item));
  }
  return out;
}

}  // namespace

const std::vector<CatalogKind>& catalog_kinds() {
  static const std::vector<CatalogKind> kinds{
      {"models",
       "language models",
       {{"name", "name"},
        {"parameters", "parameters B", kBillion},
        {"active_parameters", "active B", kBillion},
        {"weight_bytes", "weights GiB", kGib},
        {"kv_bytes_per_token", "KV KiB/token", kKib},
        {"layers", "layers"},
        {"max_position", "longest"}},
       list_models,
       model_json},
      {"gpus",
       "GPUs",
       {{"name", "name"},
        {"display", "what"},
        {"memory_bytes", "memory GiB", kGib},
        {"memory_bytes_per_s", "TB/s", kTera},
        {"bf16_flops", "bf16 TFLOPS", kTera},
        {"fp8_flops", "fp8 TFLOPS", kTera},
        {"link_bytes_per_s", "link GB/s", kBillion}},
       list_gpus,
       gpu_json},
      {"cpus",
       "machines without GPU, for llama.cpp",
       {{"name", "name"},
        {"cloud", "cloud"},
        {"cores", "cores"},
        {"memory_bytes", "memory GiB", kGib},
        {"kind", "processor"},
        {"vector", "vectors"}},
       list_cpus,
       cpu_detail},
      {"engines",
       "engines",
       {{"name", "name"}, {"display", "what"}, {"rules", "rules"}},
       list_engines,
       engine_json},
      {"profiles",
       "fitted step times",
       {{"name", "name"}, {"engine", "engine"}, {"gpu", "GPU"}, {"models", "models"}},
       list_profiles,
       profile_detail},
      {"workloads",
       "workload models",
       {{"name", "name"},
        {"requests", "requests"},
        {"duration_s", "s"},
        {"requests_per_s", "requests/s"},
        {"source", "source"}},
       list_workloads,
       scenario::workload_facts},
      {"networks",
       "delays between client and replica",
       {{"name", "name"}, {"description", "what"}},
       list_networks,
       network_json},
      {"topologies",
       "nodes and the network between them",
       {{"name", "name"},
        {"gpus_per_node", "GPUs"},
        {"scale_up_bytes_per_s", "link GB/s", kBillion},
        {"node_bytes_per_s", "node GB/s", kBillion},
        {"description", "what"}},
       list_topologies,
       topology_json},
      {"prices",
       "GPU-hours",
       {{"name", "GPU"},
        {"provider", "provider"},
        {"commitment", "commitment"},
        {"usd_per_gpu_hour", "USD/h"},
        {"as_of", "as of"},
        {"source", "source"}},
       list_prices,
       nullptr}};
  return kinds;
}

}  // namespace eph::app
