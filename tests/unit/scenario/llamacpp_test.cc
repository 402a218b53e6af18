// llama.cpp on machines without GPU: the context over the slots, weights, the shipped speeds.
#include <catch2/catch.hpp>

#include "scenario/assemble.h"

using namespace eph;
using namespace eph::scenario;

namespace {

DeploymentSpec on_cpu(const std::string& machine) {
  DeploymentSpec spec;
  spec.engine = "llamacpp";
  spec.model = "meta-llama/Llama-2-7b-hf";
  spec.weights = models::Precision::q4_k_m;
  spec.gpu = machine;
  return spec;
}

Result<Assembly> assembled(const DeploymentSpec& spec) {
  return assemble(models::Catalog(EPH_SOURCE_DIR "/data"), spec);
}

std::string error_of(const DeploymentSpec& spec) {
  const auto assembly = assembled(spec);
  REQUIRE_FALSE(assembly.has_value());
  return assembly.error().text();
}

}  // namespace

TEST_CASE("llama.cpp's context is the model's, split over four slots, unless a length is given") {
  DeploymentSpec spec = on_cpu("c7i-flex.12xlarge");
  const auto assembly = assembled(spec);
  REQUIRE(assembly.has_value());
  const sim::ReplicaConfig& replica = assembly->config.replica;
  CHECK(replica.engine.max_num_seqs == 4);
  CHECK(replica.engine.max_num_batched_tokens == 2048);
  CHECK(replica.kv.usable_tokens() == 4096);  // max_position_embeddings of Llama 2
  CHECK(assembly->warnings.size() == 1);      // slots of 1024 tokens
  spec.max_model_len = 4096;
  CHECK(assembled(spec)->config.replica.kv.usable_tokens() == 16384);
  CHECK(assembled(spec)->warnings.empty());
  // 8 GiB less 1 GB reserved and 4.06 GB of weights leave 3.5 GB, at 524288 B a token.
  spec.gpu = "m7i.large";
  CHECK(assembled(spec)->config.replica.kv.usable_tokens() ==
        Approx(3.53e9 / 524288).epsilon(0.02));
}

TEST_CASE("the shipped profile generates on a measured machine about as fast as was measured") {
  const auto assembly = assembled(on_cpu("c7i-flex.12xlarge"));
  REQUIRE(assembly.has_value());
  models::BatchShape decode, prompt;
  decode.add_decode(64);
  prompt.add_chunk(512, 0, true);
  // llama-bench: 30.9 tokens/s generating 128, 228.8 tokens/s on a prompt of 512.
  CHECK(1 / assembly->step->seconds(decode) == Approx(30.9).epsilon(0.1));
  CHECK(512 / assembly->step->seconds(prompt) == Approx(228.8).epsilon(0.25));
}

TEST_CASE("what llama.cpp and machines without GPU cannot do is an error that says so") {
  DeploymentSpec spec = on_cpu("c7i-flex.12xlarge");
  spec.engine = "vllm";
  CHECK(error_of(spec) ==
        "c7i-flex.12xlarge has no GPU, which vLLM needs; simulate llamacpp there");
  spec.gpu = "h100-sxm";
  CHECK(error_of(spec).starts_with("weights in q4_k_m are simulated with llama.cpp only"));
  spec = on_cpu("c7i-flex.12xlarge");
  spec.layout.tensor = 2;
  CHECK(error_of(spec).starts_with("llama.cpp is simulated on one device, not on 2"));
  spec = on_cpu("h100-sxm");  // only tiny models were measured there
  CHECK(error_of(spec).starts_with("the profile has no rates of h100-sxm"));
  spec = on_cpu("c7i-flex.12xlarge");
  spec.host_speed = 2;
  CHECK(error_of(spec).starts_with("host speed has no effect on llama.cpp"));
}

TEST_CASE("formats and models that were not measured with llama.cpp are warned about") {
  DeploymentSpec spec = on_cpu("m8a.24xlarge");
  spec.model = "Qwen3-8B";
  spec.weights = models::Precision::q8_0;
  spec.max_model_len = 4096;
  const auto assembly = assembled(spec);
  REQUIRE(assembly.has_value());
  REQUIRE(assembly->warnings.size() >= 2);
  CHECK(assembly->warnings[0].find("weights in q8_0 extrapolate") != std::string::npos);
  CHECK(assembly->warnings[1].find("was not measured with llama.cpp") != std::string::npos);
}
