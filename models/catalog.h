#pragma once
// What ships in data/: found by name, read once on demand.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"

namespace eph::models {

// The data folder: `given` if not empty, else $EPHEMERIS_DATA, else the first existing of
// <exe>/data, <exe>/../data, <exe>/../../data, <exe>/../share/ephemeris (exe: folder of the program).
[[nodiscard]] Result<std::string> find_data_folder(const std::string& given);

// File name of a catalogue entry: "meta-llama/Llama-3.1-8B" is stored as meta-llama--Llama-3.1-8B.json.
[[nodiscard]] std::string file_stem(std::string_view name);

class Catalog {
 public:
  explicit Catalog(std::string data_folder) : folder_(std::move(data_folder)) {}
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // Names in byte order. An unreadable folder is an error of kind io.
  [[nodiscard]] Result<std::vector<std::string>> gpu_names() const;
  [[nodiscard]] Result<std::vector<std::string>> llm_names() const;

  // By catalogue name (case-insensitive; for an LLM also the part after '/', an alias listed in a
  // file, or the path of a config.json or of a folder that holds one). Unknown: did-you-mean.
  [[nodiscard]] Result<GpuSpec> gpu(std::string_view name) const;
  [[nodiscard]] Result<LlmSpec> llm(std::string_view name_or_path) const;

 private:
  std::string folder_;
};

}  // namespace eph::models
