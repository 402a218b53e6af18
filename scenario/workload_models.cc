#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/text.h"
#include "scenario/load.h"
#include "workload/workload_model.h"

namespace eph::scenario {

namespace fs = std::filesystem;

namespace {

fs::path folder(const models::Catalog& catalog) { return fs::path(catalog.folder()) / "workloads"; }

// Names that look like paths are paths, shipped or not.
bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".json");
}

}  // namespace

std::vector<std::string> shipped_workloads(const models::Catalog& catalog) {
  std::vector<std::string> out;
  std::error_code failed;
  for (fs::directory_iterator it(folder(catalog), failed), end; it != end; it.increment(failed)) {
    if (failed) break;
    if (it->path().extension() == ".json") out.push_back(it->path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::string> workload_file(const models::Catalog& catalog, const std::string& name) {
  if (is_path(name)) return name;
  const std::vector<std::string> names = shipped_workloads(catalog);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return usage_error(fmt::format("workload model \"{}\" is not known", name),
                       suggest(name, names));
  }
  return (folder(catalog) / (name + ".json")).string();
}

Result<Json> workload_facts(const models::Catalog& catalog, const std::string& name) {
  const Result<std::string> file = workload_file(catalog, name);
  if (!file) return file.error();
  const Result<workload::WorkloadModel> model = workload::load_workload_model(*file);
  if (!model) return model.error();
  Json out = Json::object();
  out.set("name", model->name)
      .set("requests", model->requests)
      .set("duration_s", model->duration_s);
  out.set("requests_per_s", static_cast<double>(model->requests) / model->duration_s);
  out.set("prompt_bins", model->lengths.bins.size())
      .set("prefix_sharing", model->sharing.has_value());
  out.set("source", model->source);
  return out;
}

}  // namespace eph::scenario
