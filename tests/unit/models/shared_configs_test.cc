// The reader on configs as their authors publish them, and the catalogue against them.
#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/csv.h"
#include "models/llm_config.h"
#include "models/memory.h"
#include "tests/unit/models/support.h"

namespace eph::models {
namespace {

std::vector<std::string> published_configs() {
  std::vector<std::string> files;
  const std::string folder = shared_data();
  if (folder.empty()) {
    WARN("skipped: the folder of public measurements is absent (EPHEMERIS_SHARED_DATA)");
    return files;
  }
  for (const auto& item : std::filesystem::directory_iterator(folder + "/model_configs"))
    if (item.path().extension() == ".json") files.push_back(item.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

}  // namespace

TEST_CASE("every published config is read, and its catalogue entry has the same spec") {
  for (const std::string& file : published_configs()) {
    INFO(file);
    LlmSpec read = must(load_hf_config(file));
    const LlmSpec shipped_spec = llm(read.name);
    read.name = shipped_spec.name;
    CHECK(read.family == shipped_spec.family);
    CHECK(read.layers == shipped_spec.layers);
    CHECK(read.hidden == shipped_spec.hidden);
    CHECK(read.vocab == shipped_spec.vocab);
    CHECK(read.heads == shipped_spec.heads);
    CHECK(read.kv_heads == shipped_spec.kv_heads);
    CHECK(read.head_dim == shipped_spec.head_dim);
    CHECK(read.intermediate == shipped_spec.intermediate);
    CHECK(read.groups == shipped_spec.groups);
    CHECK(read.moe == shipped_spec.moe);
    CHECK(read.mla == shipped_spec.mla);
    CHECK(read.weights == shipped_spec.weights);
    CHECK(read.expert_weights == shipped_spec.expert_weights);
    CHECK(read.max_position == shipped_spec.max_position);
    CHECK(read.mtp_layers == shipped_spec.mtp_layers);
    CHECK(read == shipped_spec);
    CHECK(count_parameters(read).total == count_parameters(shipped_spec).total);
  }
}

TEST_CASE("every model and GPU named in the measured tables is in the catalogue") {
  const std::string folder = shared_data();
  if (folder.empty()) {
    WARN("skipped: the folder of public measurements is absent (EPHEMERIS_SHARED_DATA)");
    return;
  }
  std::vector<std::string> files{folder + "/coldstart/vllm_startup.csv"};
  for (const auto& item : std::filesystem::directory_iterator(folder + "/h100"))
    if (item.path().extension() == ".csv") files.push_back(item.path().string());
  const Catalog catalog = shipped();
  for (const std::string& file : files) {
    const CsvTable table = must(CsvTable::load(file));
    std::vector<std::string> models;
    std::vector<std::string> gpus;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      models.emplace_back(table.text(row, table.column("model_id") ? "model_id" : "model"));
      gpus.emplace_back(table.text(row, table.column("gpu_model") ? "gpu_model" : "gpu"));
    }
    for (auto* names : {&models, &gpus}) {
      std::sort(names->begin(), names->end());
      names->erase(std::unique(names->begin(), names->end()), names->end());
    }
    for (const std::string& name : models) {
      INFO(stem(file) << ": " << name);
      CHECK(catalog.llm(name).has_value());
    }
    for (const std::string& name : gpus) {
      // Slices of a GPU (A40-16Q) and tables without the column stay out.
      if (name.empty() || name.find("-16Q") != std::string::npos) continue;
      INFO(stem(file) << ": " << name);
      CHECK(catalog.gpu(name).has_value());
    }
  }
}

}  // namespace eph::models
