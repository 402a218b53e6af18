#pragma once
// llama_bench_cpu.csv.gz and llama_bench_gpu.csv.gz: speed of llama.cpp at one prompt or one
// generation at a time.
#include <string>
#include <vector>

#include "core/csv.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/cpu_model.h"

namespace eph::calibration {

struct BenchRow {
  std::string cloud, machine;
  std::string kind, cls;  // processor and its vector instructions; of a GPU its name and "cuda"
  std::string model;      // catalogue name
  std::string precision;
  int cores = 0;         // 1 on a GPU
  bool prompt = false;   // else generation
  models::CpuWork work;  // of a token
  double hidden = 0;
  double model_bytes = 0;  // size of the weight file
  double tokens_per_s = 0;
  std::string left_out;  // why no fit and no error table uses it; empty: used

  [[nodiscard]] std::string machine_key() const { return cloud + "/" + machine; }
};

struct BenchTable {
  CsvTable table;
  std::vector<BenchRow> rows;  // by row of the table
};

// Header with model_size, n_prompt, n_gen and avg_ts, one instance type a row. Kinds on which no
// model above 1 GB ran are left out: tiny ones say nothing about bandwidth and arithmetic, and a
// fit would give such a kind the rates it starts from.
[[nodiscard]] bool is_bench_runs(const CsvTable& table);
[[nodiscard]] Result<BenchTable> read_bench_runs(CsvTable table, const models::Catalog& catalog);

// "phi-4-q4.gguf" is phi-4 in q4_k_m: name and number format of a GGUF file.
struct GgufName {
  std::string model;
  std::string precision;  // empty: the name does not say
};
[[nodiscard]] GgufName parse_gguf_name(std::string_view file);

}  // namespace eph::calibration
