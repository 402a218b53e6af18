#include "scenario/assemble.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/line_source.h"
#include "scenario/coverage.h"
#include "scenario/profiles.h"

using namespace eph;
using namespace eph::scenario;

namespace {

const models::Catalog& catalog() {
  static const models::Catalog shipped(EPH_SOURCE_DIR "/data");
  return shipped;
}

std::string linear_profile() {
  const std::string path = std::string(EPH_TEST_OUT) + "/linear.json";
  REQUIRE(
      write_file(path, R"({"version": 1, "form": "linear", "t0_ms": 5, "us_per_prefill_token": 40,
                               "us_per_decode_sequence": 10, "ns_per_kv_token": 0,
                               "front_end": {"client_in": "2 ms"}})"));
  return path;
}

DeploymentSpec small() {
  DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B-Instruct";
  spec.profile = linear_profile();
  return spec;
}

std::string error_of(const DeploymentSpec& spec) {
  const auto assembly = assemble(catalog(), spec);
  REQUIRE_FALSE(assembly);
  return assembly.error().text();
}

}  // namespace

// ENGINES A2: vLLM's API server on an H100 takes 8192 tokens and 1024 sequences.
TEST_CASE("limits that are not given are the engine's own on that GPU") {
  const auto assembly = assemble(catalog(), small());
  REQUIRE(assembly);
  const sim::EngineOptions& engine = assembly->config.replica.engine;
  CHECK(engine.kind == models::EngineKind::vllm);
  CHECK(engine.max_num_batched_tokens == 8192);
  CHECK(engine.max_num_seqs == 1024);
  CHECK(engine.max_model_len == 131072);
  CHECK(assembly->config.replica.kv.block_size == 16);
  CHECK(assembly->config.replica.front_end.client_in_s == Approx(0.002));
}

TEST_CASE("what is given overrides the engine's own limits") {
  DeploymentSpec spec = small();
  spec.max_num_seqs = 64;
  spec.max_num_batched_tokens = 2048;
  spec.max_model_len = 4096;
  spec.kv_blocks = 1001;
  spec.replicas = 3;
  spec.router = sim::RouterKind::round_robin;
  spec.async_scheduling = true;
  const auto assembly = assemble(catalog(), spec);
  REQUIRE(assembly);
  const sim::ReplicaConfig& replica = assembly->config.replica;
  CHECK(replica.engine.max_num_seqs == 64);
  CHECK(replica.engine.max_num_batched_tokens == 2048);
  CHECK(replica.engine.max_model_len == 4096);
  CHECK(replica.engine.async_scheduling);
  CHECK(replica.kv.blocks == 1001);
  CHECK(replica.kv.usable_tokens() == 16000);  // vLLM keeps one null block
  CHECK(assembly->config.replicas == 3);
  CHECK(assembly->config.router == sim::RouterKind::round_robin);
}

TEST_CASE("the step model is the profile's") {
  const auto assembly = assemble(catalog(), small());
  REQUIRE(assembly);
  models::BatchShape shape;
  shape.add_chunk(100, 0, true);
  CHECK(assembly->config.replica.step == assembly->step.get());
  CHECK(assembly->step->seconds(shape) == Approx(0.005 + 100 * 40e-6));
  REQUIRE(assembly->warnings.size() >= 1);
  CHECK(assembly->warnings[0] ==
        "step times are the linear profile's, not measurements of vLLM on h100-sxm");
}

// ENGINES A2: without chunking vLLM's budget is at least the longest sequence; the number of
// sequences is cut to the budget.
TEST_CASE("vLLM's limits keep to its own constraints") {
  DeploymentSpec spec = small();
  spec.chunked_prefill = false;
  CHECK(assemble(catalog(), spec)->config.replica.engine.max_num_batched_tokens == 131072);
  spec = small();
  spec.max_num_batched_tokens = 512;
  CHECK(assemble(catalog(), spec)->config.replica.engine.max_num_seqs == 512);
  spec.max_num_seqs = 600;
  CHECK(error_of(spec) ==
        "vLLM refuses max_num_seqs 600 above max_num_batched_tokens 512; raise the second or lower "
        "the first");
}

TEST_CASE("what cannot run is an error that says why") {
  DeploymentSpec spec = small();
  spec.engine = "llama";
  CHECK(error_of(spec).starts_with("engine \"llama\" cannot be simulated"));
  spec = small();
  spec.layout.tensor = 3;
  CHECK(error_of(spec).find("tp 3 does not divide the 32 attention heads") != std::string::npos);
  spec = small();
  spec.gpu = "h100-smx";
  CHECK(error_of(spec).find("did you mean \"h100-sxm\"?") != std::string::npos);
  spec = small();
  spec.host_speed = 2;
  CHECK(error_of(spec).starts_with("host speed has no effect on a linear profile"));
  spec = small();
  spec.model = "meta-llama/Llama-3.1-70B-Instruct";
  const auto assembly = assemble(catalog(), spec);
  REQUIRE_FALSE(assembly);
  CHECK(assembly.error().kind == ErrorKind::infeasible);
}

TEST_CASE("a small KV cache is warned about") {
  DeploymentSpec spec = small();
  spec.kv_blocks = 1001;
  const auto assembly = assemble(catalog(), spec);
  REQUIRE(assembly);
  CHECK(assembly->warnings.back().starts_with(
      "the KV cache holds 16000 tokens, less than the longest sequence of 131072"));
}

TEST_CASE("predictions outside the profile's data are warned about") {
  models::EngineProfile profile;
  profile.gpu = "h100-sxm";
  profile.engine_versions = {"0.22.1"};
  profile.covered = {{"meta-llama/Llama-3.1-8B", {1, 2}, 256, 4096, 128, 512, 256, 40}};
  const auto gpu = catalog().gpu("h100-sxm");
  const auto other_gpu = catalog().gpu("l40s");
  const auto llm = catalog().llm("meta-llama/Llama-3.1-8B");
  const auto other_llm = catalog().llm("microsoft/phi-4");
  REQUIRE((gpu && other_gpu && llm && other_llm));
  DeploymentSpec spec;
  const auto warnings = [&](const models::GpuSpec& on, const models::LlmSpec& model) {
    return coverage_warnings(profile, covered_model(catalog(), profile, model), on, model, spec);
  };
  CHECK(warnings(*gpu, *llm).empty());
  spec.layout.tensor = 4;
  CHECK(warnings(*gpu, *llm) ==
        std::vector<std::string>{
            "predictions for tp 4 of meta-llama/Llama-3.1-8B extrapolate: the profile of "
            "vLLM covers tp 1, 2"});
  spec.layout.tensor = 1;
  CHECK(warnings(*gpu, *other_llm) ==
        std::vector<std::string>{
            "predictions for microsoft/phi-4 extrapolate: the profile of vLLM covers "
            "meta-llama/Llama-3.1-8B"});
  CHECK(
      warnings(*other_gpu, *llm) ==
      std::vector<std::string>{
          "predictions for l40s extrapolate: the profile of vLLM was fitted on h100-sxm "
          "and is carried over by data-sheet rates alone, which missed TTFT and ITL by 16 to 20 % "
          "in the median where it was tried"});
  profile.gpus = {{"l40s",
                   {0.93, 1.2},
                   40,
                   0,
                   {{"constant itl_p50_ms", "one machine held out", 20, 8, 5, 16},
                    {"constant ttft_p50_ms", "one machine held out", 20, 7, 4, 17}}}};
  CHECK(warnings(*other_gpu, *llm) ==
        std::vector<std::string>{"predictions for l40s are carried over from h100-sxm: efficiency "
                                 "0.93, host speed 1.20, constant itl_p50_ms off by 5 % in the "
                                 "median"});
  spec.engine_version = "0.10.0";
  CHECK(warnings(*gpu, *llm) ==
        std::vector<std::string>{
            "predictions for vLLM 0.10.0 extrapolate: the profile was measured on 0.22.1"});
}

TEST_CASE("measurements under several names of one model are joined") {
  models::EngineProfile profile;
  profile.covered = {{"meta-llama/Llama-3.1-8B", {2}, 256, 4096, 128, 512, 256, 40},
                     {"meta-llama/Llama-3.1-8B-Instruct", {1, 2}, 64, 1024, 100, 1000, 64, 2},
                     {"somebody/else", {8}, 1, 1, 1, 1, 1, 1}};
  const auto llm = catalog().llm("meta-llama/Llama-3.1-8B-Instruct");
  REQUIRE(llm);
  const auto covered = covered_model(catalog(), profile, *llm);
  REQUIRE(covered);
  CHECK(covered->tensor_parallel == std::vector<int>{1, 2});
  CHECK(covered->isl_min == 64);
  CHECK(covered->isl_max == 4096);
  CHECK(covered->osl_max == 1000);
  CHECK(covered->rows == 42);
}

TEST_CASE("lengths outside the measured range are warned about") {
  Assembly assembly;
  assembly.covered = models::CoveredModel{"m", {1}, 256, 4096, 128, 512, 256, 40};
  CHECK(length_warnings(assembly, 1000, 200).empty());
  CHECK(length_warnings(assembly, 5000, 200) ==
        std::vector<std::string>{
            "predictions for prompts of 5000 tokens on average extrapolate: the profile "
            "covers 256 to 4096 for m"});
  CHECK(length_warnings(assembly, 100, 1000).size() == 2);
}

TEST_CASE(
    "a model that was measured in another precision is said to extrapolate, with the engine's "
    "error") {
  DeploymentSpec spec;
  spec.model = "Qwen/Qwen3-32B";  // 16 bit; TensorRT-LLM's runs of it are FP8
  spec.engine = "trtllm";
  const auto assembly = assemble(catalog(), spec);
  REQUIRE(assembly);
  const auto says = [&](const std::string& text) {
    return std::any_of(assembly->warnings.begin(), assembly->warnings.end(),
                       [&](const std::string& w) { return w.find(text) != std::string::npos; });
  };
  CHECK(says("in bf16 extrapolate: the profile of TensorRT-LLM covers it in another precision"));
  REQUIRE(assembly->error);
  CHECK(assembly->error->familiarity == models::Familiarity::engine);
  CHECK(assembly->error->extrapolated);
}

// MODEL, "Collectives": as many batches are in flight as there are stages, and a step of D decodes
// takes what its largest batch does, ceil(D / stages).
TEST_CASE("the batches of a pipeline's stages run side by side") {
  const auto decode = [](std::int32_t seqs) {
    models::BatchShape shape;
    shape.decode_seqs = shape.sampled_seqs = seqs;
    shape.decode_context_tokens = 1000 * seqs;
    return shape;
  };
  for (const int stages : {1, 2, 4}) {
    DeploymentSpec spec;
    spec.model = "Qwen/Qwen3-32B";
    spec.layout.tensor = 2;
    spec.layout.pipeline = stages;
    const auto assembly = assemble(catalog(), spec);
    REQUIRE(assembly);
    const models::StepModel& step = *assembly->step;
    // As long as the largest batch is the same.
    CHECK(step.seconds(decode(64 * stages)) == step.seconds(decode(63 * stages + 1)));
    CHECK(step.seconds(decode(128 * stages)) > step.seconds(decode(64 * stages)));
    // Fewer sequences than stages leave a bubble: one takes what one on each stage takes.
    CHECK(step.seconds(decode(stages)) == step.seconds(decode(1)));
  }
}
