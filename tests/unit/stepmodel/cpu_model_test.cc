// llama.cpp's step times: work counted by hand, the sum, rates of machines, the file.
#include "models/cpu_model.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/line_source.h"
#include "models/cpu_spec.h"
#include "models/step_profile.h"

using namespace eph;
using namespace eph::models;

namespace {

// One layer of width 8, two query heads and one KV head of 4, feed-forward 16, vocabulary 10.
LlmSpec tiny(bool tied = false) {
  LlmSpec spec{.layers = 1,
               .hidden = 8,
               .vocab = 10,
               .heads = 2,
               .kv_heads = 1,
               .head_dim = 4,
               .intermediate = 16};
  spec.tied_embeddings = tied;
  spec.groups = {{.count = 1}};
  spec.weights = spec.embedding_weights = Precision::fp16;
  return spec;
}

CpuProfile round_profile() {
  CpuProfile p;
  p.classes = {{"avx512", 100, 2, 30, 4, 0.5}};
  p.kinds = {{"fast", "avx512", 10, 10e9, 60e9, 100e9, 600e9, 5}};
  p.machines = {{"m.large", "acme", std::log(2.0), std::log(0.5), 0, 5}};
  p.command = p.commit = "none";
  return p;
}

GpuSpec machine(const std::string& name, int cores) {
  GpuSpec g;
  g.name = name;
  g.architecture = "fast";
  g.cpu_cores = cores;
  g.cpu_cloud = "acme";
  return g;
}

}  // namespace

TEST_CASE("the work of a step of llama.cpp follows from the model's shape") {
  // q 64 + k 32 + v 32 + o 64 + 3 * 8 * 16 + two norms of 8 = 592 in the layer, 8 in the last norm:
  // 600 parameters beside the tables; the LM head has 80.
  const CpuModelSize size(tiny(), Precision::fp16);
  BatchShape shape;
  shape.add_chunk(5, 0, true);  // 15 pairs
  shape.add_decode(7);
  const CpuWork one = size.work(shape, 6);
  CHECK(one.layer_passes == 1);
  CHECK(one.bytes == 2 * (600 + 80));  // an untied embedding is looked up only
  CHECK(one.linear_flops == 2 * 600 * 6);
  CHECK(one.head_flops == 2 * 80 * 2);
  CHECK(one.attention_heads == 4 * 2 * 15);
  CHECK(one.attention_flops == 4 * 2 * 4 * 15);
  CHECK(one.kv_bytes == 7 * 2 * 4 * 2);
  // Six tokens in passes of at most 4: the weights are streamed twice, the arithmetic stays.
  const CpuWork two = size.work(shape, 4);
  CHECK(two.layer_passes == 2);
  CHECK(two.bytes == 2 * one.bytes);
  CHECK(two.linear_flops == one.linear_flops);
  // The size of the file, where it is known, replaces the sum over the formats.
  const double whole = 2 * (600 + 2 * 80);
  CHECK(CpuModelSize(tiny(), Precision::fp16, whole / 2).work(shape, 6).bytes ==
        Approx(one.bytes / 2));
}

TEST_CASE("a pass reads the experts that some token picks, and a window caps the context") {
  LlmSpec spec = tiny();
  spec.moe = {.experts = 4, .experts_per_token = 1, .intermediate = 16};
  spec.groups = {
      {.count = 1, .attention = AttentionKind::sliding_window, .window = 3, .moe = true}};
  const CpuModelSize size(spec, Precision::fp16);
  BatchShape one, four;
  one.add_decode(10);
  for (int i = 0; i < 4; ++i) four.add_decode(10);
  // All four experts: 4 * 3 * 8 * 16 = 1536 parameters of 2 bytes. One token reads a quarter, four
  // tokens 1 - (3/4)^4 of them.
  const double more = size.work(four, 512).bytes - size.work(one, 512).bytes;
  CHECK(more == Approx(2 * 1536 * (0.75 - std::pow(0.75, 4))));
  CHECK(size.work(one, 512).kv_bytes == 3 * 2 * 4 * 2);
  CHECK(size.work(four, 512).kv_bytes == 4 * 3 * 2 * 4 * 2);
}

TEST_CASE("a step's seconds are pauses, bytes over bandwidth and arithmetic over rate") {
  const CpuRates rates{.sync_s = 1e-3,
                       .bytes_per_s = 1000,
                       .flops_per_s = 10000,
                       .small_matrix = 8,  // the model's width: twice the time
                       .attention = 2,
                       .head_overhead = 4,  // the head's width: twice again
                       .kv_read = 3};
  const CpuStepModel model(CpuModelSize(tiny(), Precision::fp16), rates, 512);
  BatchShape decode;
  decode.add_decode(7);
  // 1360 B of weights and 3 * 112 B of KV; 2 * 600 * 2 + 2 * 80 operations.
  CHECK(model.seconds(decode) == Approx(1e-3 + 1.696 + 0.256));
  BatchShape prompt;
  prompt.add_chunk(5, 0, false);
  // 2 * 600 * 5 * 2 operations, no head, attention 2 * (480 + 4 * 120).
  CHECK(model.seconds(prompt) == Approx(1e-3 + 1.360 + 1.2 + 0.192));
  const StepBreakdown parts = model.explain(decode);
  CHECK(parts.gemm + parts.attention_decode + parts.overhead == Approx(parts.total));
  CHECK(model.seconds(BatchShape{}) == 0);
}

TEST_CASE("a step of llama.cpp never gets shorter when it grows") {
  const CpuRates rates{1e-5, 50e9, 1e12, 700, 1.5, 300, 5};
  LlmSpec spec = tiny();
  spec.hidden = 512;
  const CpuStepModel model(CpuModelSize(spec, Precision::fp16), rates, 512);
  double before = 0;
  for (int tokens = 1; tokens <= 2048; ++tokens) {
    BatchShape shape;
    shape.add_decode(100);
    shape.add_chunk(tokens, 0, true);
    const double seconds = model.seconds(shape);
    REQUIRE(seconds > before);
    before = seconds;
  }
}

TEST_CASE("a machine's rates follow from its kind, its cores and what was measured on it") {
  const CpuProfile p = round_profile();
  const auto new_machine = p.rates(machine("m.xlarge", 4));
  REQUIRE(new_machine.has_value());
  CHECK(new_machine->bytes_per_s == Approx(24e9));   // 1 / (1/40 + 1/60)
  CHECK(new_machine->flops_per_s == Approx(240e9));  // 1 / (1/400 + 1/600)
  CHECK(new_machine->sync_s == Approx(20e-6));       // 10 us * sqrt(4)
  CHECK(new_machine->kv_read == 4);
  const auto measured = p.rates(machine("m.large", 4));
  CHECK(measured->bytes_per_s == Approx(12e9));
  CHECK(measured->sync_s == Approx(40e-6));
  GpuSpec other = machine("m.large", 4);
  other.architecture = "fat";
  REQUIRE_FALSE(p.rates(other).has_value());
  CHECK(p.rates(other).error().text() == "the profile has no rates of fat; did you mean \"fast\"?");
}

TEST_CASE("a profile of form cpu reads back as it was written, and names what is missing") {
  const std::string path = std::string(EPH_TEST_OUT) + "/cpu_profile.json";
  REQUIRE(write_file(path, to_json(round_profile()).dump()));
  const auto back = load_step_profile(path);
  REQUIRE(back.has_value());
  REQUIRE(std::holds_alternative<CpuProfile>(*back));
  CHECK(to_json(std::get<CpuProfile>(*back)).dump() == to_json(round_profile()).dump());
  CpuProfile bad = round_profile();
  bad.kinds[0].cls = "avx1024";
  REQUIRE(write_file(path, to_json(bad).dump()));
  CHECK(load_step_profile(path).error().text().find("class \"avx1024\", which is not there") !=
        std::string::npos);
}

TEST_CASE("the longest beginning of an instance's name decides its processor") {
  const std::vector<CpuKind> kinds{{"old", "", "avx2", {"gcp/c4-"}, {}},
                                   {"new", "", "amx", {"gcp/c4-highmem-288"}, {}}};
  CHECK(find_cpu_kind(kinds, "gcp", "c4-standard-24")->name == "old");
  CHECK(find_cpu_kind(kinds, "gcp", "c4-highmem-288")->name == "new");
  CHECK(find_cpu_kind(kinds, "aws", "c4-standard-24") == nullptr);
}
