#include "scenario/preset.h"

#include <catch2/catch.hpp>

#include "core/line_source.h"
#include "tests/unit/scenario/shipped.h"

using namespace eph;
using namespace eph::scenario;
using namespace eph::scenario::test;

namespace {

DeploymentSpec with(const std::string& engine, const std::string& preset,
                    std::vector<EngineSetting> settings = {}) {
  DeploymentSpec spec;
  spec.model = "meta-llama/Llama-3.1-8B-Instruct";
  spec.engine = engine;
  spec.preset = preset;
  spec.engine_options = std::move(settings);
  return spec;
}

}  // namespace

// The values of data/presets/trtllm.json.
TEST_CASE("trtllm's tuned preset sets its options, the default one none") {
  const Assembly plain = assembled(with("trtllm", "")),
                 named = assembled(with("trtllm", "default")),
                 tuned = assembled(with("trtllm", "tuned"));
  const auto& before = plain.config.replica;
  const auto& after = tuned.config.replica;
  CHECK(before.engine.max_num_batched_tokens == 8192);
  CHECK_FALSE(before.engine.chunked_prefill);
  CHECK(named.config.replica.engine.max_num_batched_tokens == 8192);
  CHECK(named.preset.empty());
  CHECK(after.engine.max_num_batched_tokens == 16384);
  CHECK(after.engine.max_num_seqs == 4096);
  CHECK(after.engine.chunked_prefill);
  // The cache has a share of what weights and buffers leave: 0.95 instead of 0.9 of it.
  CHECK(static_cast<double>(after.kv.blocks) / static_cast<double>(before.kv.blocks) ==
        Approx(0.95 / 0.9).epsilon(0.001));
  CHECK(tuned.preset.size() == 4);
}

TEST_CASE("what is given besides a preset goes first") {
  const Assembly option = assembled(with("trtllm", "tuned", {{"max_num_tokens", "4096"}}));
  CHECK(option.config.replica.engine.max_num_batched_tokens == 4096);
  CHECK(option.config.replica.engine.max_num_seqs == 4096);
  CHECK(option.preset.size() == 3);  // without the one that did not take effect
  DeploymentSpec field = with("trtllm", "tuned");
  field.max_num_seqs = 64;
  field.kv_blocks = 1000;
  const Assembly fields = assembled(field);
  CHECK(fields.config.replica.engine.max_num_seqs == 64);
  CHECK(fields.config.replica.kv.blocks == 1000);
  CHECK(fields.preset.size() == 2);  // tokens and chunks
}

// 8192 tokens and 1024 sequences on an H100 (data/engines/vllm.json), 2048 and 256 on an L40S.
TEST_CASE("vllm's tuned preset doubles what follows from the GPU") {
  const Assembly h100 = assembled(with("vllm", "tuned"));
  CHECK(h100.config.replica.engine.max_num_batched_tokens == 16384);
  CHECK(h100.config.replica.engine.max_num_seqs == 2048);
  DeploymentSpec small = with("vllm", "tuned");
  small.gpu = "l40s";
  small.max_num_seqs = 100;
  const Assembly l40s = assembled(small);
  CHECK(l40s.config.replica.engine.max_num_batched_tokens == 4096);
  CHECK(l40s.config.replica.engine.max_num_seqs == 100);
}

TEST_CASE("a preset that an engine does not have is refused with those that it has") {
  CHECK(error_of(with("trtllm", "tunde"))
            .find("TensorRT-LLM has no preset \"tunde\"; did you mean \"tuned\"") !=
        std::string::npos);
  CHECK(error_of(with("sglang", "tuned")).find("SGLang has no preset \"tuned\"") !=
        std::string::npos);
  CHECK(error_of(with("sglang", "default")).empty());
  DeploymentSpec llamacpp = with("llamacpp", "tuned");
  llamacpp.gpu = "m7i.metal-48xl";
  CHECK(error_of(llamacpp).find("has no preset \"tuned\"; one of: default") != std::string::npos);
}

TEST_CASE("shipped presets have a default, sources and options that are simulated") {
  for (const auto engine :
       {models::EngineKind::vllm, models::EngineKind::sglang, models::EngineKind::trtllm}) {
    const auto presets =
        load_preset_file(catalog().path_of("presets", models::name(engine)), engine);
    if (!presets) FAIL(presets.error().text());
    CHECK(presets->front().name == "default");
    CHECK(presets->front().set.empty());
    for (const Preset& preset : *presets) {
      CAPTURE(preset.name);
      CHECK_FALSE(preset.sources.empty());
      CHECK_FALSE(preset.about.empty());
    }
  }
}

TEST_CASE("a preset file is checked") {
  const auto error = [](const std::string& preset) {
    const std::string path = std::string(EPH_TEST_OUT) + "/preset.json";
    REQUIRE(write_file(path, R"({"version": 1, "engine": "trtllm", "presets": [)" + preset + "]}"));
    const auto presets = load_preset_file(path, models::EngineKind::trtllm);
    return presets ? std::string() : presets.error().text();
  };
  const std::string rest = R"(, "name": "x", "about": "y", "verified": true, "sources": ["z"]})";
  CHECK(error(R"({"set": {"max_num_tokens": 4096})" + rest).empty());
  CHECK(
      error(R"({"set": {"max_num_token": 4096})" + rest).find("did you mean \"max_num_tokens\"") !=
      std::string::npos);
  CHECK(error(R"({"set": {"max_beam_width": 4})" + rest).find("is not simulated") !=
        std::string::npos);
  CHECK(error(R"({"set": {}, "times_default": {"max_num_seqs": 0})" + rest)
            .find("max_num_seqs is not a factor on a limit") != std::string::npos);
  CHECK(error(R"({"set": {}, "colour": 1)" + rest).find("colour") != std::string::npos);
}
