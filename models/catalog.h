#pragma once
// What ships in data/: found by name, read once on demand.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "models/cpu_spec.h"
#include "models/engine_spec.h"
#include "models/gpu_spec.h"
#include "models/llm_spec.h"
#include "models/network_profile.h"
#include "models/price_book.h"
#include "models/topology/cluster_spec.h"

namespace eph::models {

// The data folder: `given` if not empty, else $EPHEMERIS_DATA, else the first existing of
// <exe>/data, <exe>/../data, <exe>/../../data, <exe>/../share/ephemeris (exe: folder of the
// program).
[[nodiscard]] Result<std::string> find_data_folder(const std::string& given);

// File name of a catalogue entry: "meta-llama/Llama-3.1-8B" is stored as
// meta-llama--Llama-3.1-8B.json.
[[nodiscard]] std::string file_stem(std::string_view name);

class Catalog {
 public:
  explicit Catalog(std::string data_folder) : folder_(std::move(data_folder)) {}
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // Names in byte order. An unreadable folder is an error of kind io.
  [[nodiscard]] Result<std::vector<std::string>> gpu_names() const { return names("gpus"); }
  [[nodiscard]] Result<std::vector<std::string>> llm_names() const { return names("llms"); }
  [[nodiscard]] Result<std::vector<std::string>> network_names() const { return names("networks"); }
  [[nodiscard]] Result<std::vector<std::string>> topology_names() const {
    return names("topology");
  }
  // The file of an entry that exists: kind is "gpus", "llms", "engines", "networks", "topology" or
  // "prices".
  [[nodiscard]] std::string path_of(std::string_view kind, std::string_view name) const;

  // By catalogue name or an alias listed in a file, case-insensitive; for an LLM also the part
  // after '/', or the path of a config.json or of a folder that holds one. The result carries the
  // catalogue's own name, so that aliases of one model are the same model. Unknown: did-you-mean.
  // A GPU's name may also be that of a machine of data/cpus (models/cpu_spec.h, as_gpu).
  [[nodiscard]] Result<GpuSpec> gpu(std::string_view name) const;
  [[nodiscard]] Result<std::vector<CpuKind>> cpu_kinds() const {
    return load_cpu_kinds(folder_ + "/cpus");
  }
  [[nodiscard]] Result<LlmSpec> llm(std::string_view name_or_path) const;
  [[nodiscard]] Result<EngineSpec> engine(EngineKind kind) const;
  [[nodiscard]] Result<NetworkProfile> network(std::string_view name) const;
  // By catalogue name, or the path of a file of one's own.
  [[nodiscard]] Result<ClusterSpec> topology(std::string_view name_or_path) const;
  [[nodiscard]] Result<PriceBook> prices() const;  // data/prices/default.json

 private:
  [[nodiscard]] Result<std::vector<std::string>> names(std::string_view kind) const;
  [[nodiscard]] std::optional<std::string> file_of(std::string_view kind,
                                                   std::string_view name) const;

  std::string folder_;
};

}  // namespace eph::models
