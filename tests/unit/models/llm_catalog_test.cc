// The shipped language models: parameter counts against what their publishers say, names, faults.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/text.h"
#include "models/llm_file.h"
#include "tests/unit/models/support.h"

namespace eph::models {

TEST_CASE("every shipped model counts to its published parameters within its stated tolerance") {
  const Catalog catalog = shipped();
  const auto names = must(catalog.llm_names());
  CHECK(names.size() >= 40);
  for (const std::string& name : names) {
    const LlmEntry entry = must(load_llm_file(catalog.path_of("llms", name)));
    CHECK(entry.spec.name == name);
    const ParameterCount count = count_parameters(entry.spec);
    const double published = static_cast<double>(entry.published.total);
    const double deviation = 100 * (static_cast<double>(count.total) / published - 1);
    INFO(name << ": counted " << count.total << ", published " << entry.published.total << " ("
              << entry.published.source << "), " << deviation << " %");
    CHECK(std::abs(deviation) <= entry.published.tolerance_percent);
    CHECK(entry.published.tolerance_percent <= 1.5);
    if (entry.published.active) {
      // Publishers round, and some leave the embedding out of the active count.
      const double active = static_cast<double>(count.active);
      const double said = static_cast<double>(*entry.published.active);
      INFO("active: counted " << count.active << ", published " << *entry.published.active);
      CHECK(std::min(std::abs(active / said - 1),
                     std::abs((active - static_cast<double>(count.embedding) / 2) / said - 1)) <
            0.08);
    }
    int layers = 0;
    for (const LayerGroup& group : entry.spec.groups) layers += group.count;
    CHECK(layers == entry.spec.layers);
  }
}

TEST_CASE("exact totals are met to the last parameter where the publisher gives them") {
  // Hugging Face model pages, safetensors parameter counts.
  CHECK(count_parameters(llm("Llama-3.1-8B")).total == 8'030'261'248);
  CHECK(count_parameters(llm("meta-llama/Llama-2-7b-hf")).total == 6'738'415'616);
  CHECK(count_parameters(llm("Qwen3-32B")).total == 32'762'123'264);
  CHECK(count_parameters(llm("Mixtral-8x7B")).total == 46'702'792'704);
  CHECK(count_parameters(llm("gemma-2-27b-it")).total == 27'227'128'320);
  CHECK(count_parameters(llm("Qwen2.5-0.5B")).total == 494'032'768);
}

TEST_CASE("a parameter count by hand: one tiny layer") {
  // hidden 8, 2 query and 1 key-value heads of 4, gated feed-forward of 16, vocabulary 10, untied:
  // q 64 + k 32 + v 32 + o 64 + 3*8*16 + 2 norms of 8 = 592; embeddings 2*80; final norm 8.
  LlmSpec spec{.layers = 1,
               .hidden = 8,
               .vocab = 10,
               .heads = 2,
               .kv_heads = 1,
               .head_dim = 4,
               .intermediate = 16};
  spec.groups = {LayerGroup{.count = 1}};
  CHECK(count_parameters(spec).total == 592 + 160 + 8);
  spec.tied_embeddings = true;
  CHECK(count_parameters(spec).total == 592 + 80 + 8);
  spec.attention_bias = true;  // 8 + 4 + 4
  CHECK(count_parameters(spec).total == 592 + 80 + 8 + 16);
}

TEST_CASE("active parameters leave out the experts a token does not use") {
  // 4 experts of 3*8*16 = 384, 2 used: total 4*384, active 2*384; router 8*4; attention 192,
  // norms 16.
  LlmSpec spec{.layers = 1, .hidden = 8, .vocab = 10, .heads = 2, .kv_heads = 1, .head_dim = 4};
  spec.tied_embeddings = true;
  spec.moe = Moe{.experts = 4, .experts_per_token = 2, .intermediate = 16};
  spec.groups = {LayerGroup{.count = 1, .moe = true}};
  const ParameterCount count = count_parameters(spec);
  CHECK(count.total == 80 + 8 + 192 + 16 + 32 + 4 * 384);
  CHECK(count.total - count.active == 2 * 384);
}

TEST_CASE("no name or alias means two models") {
  const Catalog catalog = shipped();
  std::set<std::string> seen;
  for (const std::string& name : must(catalog.llm_names())) {
    const LlmEntry entry = must(load_llm_file(catalog.path_of("llms", name)));
    std::set<std::string> mine;
    for (std::string text : entry.aliases) mine.insert(to_lower(text));
    mine.insert(to_lower(name));
    std::set<std::string> shorter;
    for (const std::string& text : mine) shorter.insert(text.substr(text.rfind('/') + 1));
    mine.insert(shorter.begin(), shorter.end());
    for (const std::string& text : mine) {
      INFO(text << " of " << name);
      CHECK(seen.insert(text).second);
    }
  }
}

TEST_CASE("a model is found by short name, alias and any case, and carries its catalogue name") {
  for (const char* text : {"meta-llama/Llama-3.1-8B", "llama-3.1-8b",
                           "meta-llama/Meta-Llama-3.1-8B-Instruct", "LLAMA-3.1-8B-INSTRUCT"})
    CHECK(llm(text).name == "meta-llama/Llama-3.1-8B");
}

TEST_CASE("an unknown model is a usage error with a suggestion") {
  const auto result = shipped().llm("meta-llama/Llama-3.1-9B");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::usage);
  CHECK(result.error().text() ==
        "language model \"meta-llama/Llama-3.1-9B\" is not in the catalogue; did you mean "
        "\"meta-llama/Llama-3.1-8B\"?; or give the path of a config.json");
}

TEST_CASE("a path that is not there is an I/O error") {
  const auto result = shipped().llm("./nowhere/config.json");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::io);
}

TEST_CASE("all faults of a model file are reported in one pass") {
  const std::string path = write_temporary("bad_llm.json", R"({
  "version": 1, "name": "x/y", "family": "llama", "layers": 4, "hidden": 64, "vocab": 100,
  "attention": {"heads": 6, "kv_heads": 4, "head_dim": 16},
  "intermediate": 128, "tied_embeddings": false, "max_position": 2048, "weights": "bf17",
  "pattern": [{"layers": 3}], "colour": 1,
  "published_parameters": {"total": 1, "source": "none"}, "sources": []
})");
  const auto result = load_llm_file(path);
  REQUIRE_FALSE(result.has_value());
  const std::string text = result.error().text();
  CHECK(text.find("4 does not divide the 6 heads") != std::string::npos);
  CHECK(text.find("\"bf17\" is not known") != std::string::npos);
  CHECK(text.find("gives 3 layers where \"layers\" says 4") != std::string::npos);
  CHECK(text.find("/colour: unknown key") != std::string::npos);
}

TEST_CASE("every GPU resolves by name and by the names that tools print") {
  const Catalog catalog = shipped();
  const auto names = must(catalog.gpu_names());
  CHECK(names.size() >= 14);
  for (const std::string& name : names) CHECK(gpu(name).name == name);
  CHECK(gpu("NVIDIA H100 80GB HBM3").name == "h100-sxm");
  CHECK(gpu("H100-SXM-80GB").name == "h100-sxm");
  CHECK(gpu("NVIDIA A100-SXM4-40GB").name == "a100-sxm-40gb");
  CHECK(gpu("NVIDIA GeForce RTX 4090").name == "rtx-4090");
  const auto unknown = catalog.gpu("h100-smx");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().text() ==
        "GPU \"h100-smx\" is not in the catalogue; did you mean \"h100-sxm\"?");
}

TEST_CASE("GPU figures hold together") {
  // Dense FP8 is twice dense BF16 on all NVIDIA GPUs that have it, within rounding of the data
  // sheets.
  const Catalog catalog = shipped();
  for (const std::string& name : must(catalog.gpu_names())) {
    const GpuSpec spec = gpu(name);
    INFO(name);
    CHECK(spec.visible_memory.as_double() / spec.memory.as_double() > 0.97);
    if (spec.fp8.value > 0) CHECK(spec.fp8.value / spec.bf16.value == Approx(2).epsilon(0.02));
    if (spec.fp4.value > 0) CHECK(spec.fp4.value / spec.fp8.value == Approx(2).epsilon(0.02));
    CHECK(spec.link_bandwidth.value > 1e9);
  }
  CHECK(gpu("h100-sxm").memory.value == 81559LL * 1024 * 1024);  // nvidia-smi
  CHECK(gpu("h100-sxm").bf16.value == Approx(989.4e12));
  CHECK(gpu("h100-sxm").memory_bandwidth.value == Approx(3.35e12));
}

}  // namespace eph::models
