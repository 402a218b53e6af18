#include "models/profile.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/line_source.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

Correction correction(const std::string& model, const std::string& weights, int tensor,
                      int expert) {
  Correction c;
  c.model = model;
  c.weights = weights;
  c.tensor = tensor;
  c.expert = expert;
  c.values = start_values();
  return c;
}

EngineProfile full_profile() {
  EngineProfile p;
  p.engine = EngineKind::sglang;
  p.engine_versions = {"0.5.8", "0.5.10"};
  p.gpu = "h100-sxm";
  coefficient(p.values, Coefficient::gemm_scale) = 0.9712345678901234;
  p.operators.gemm[1].quantise_passes = 1.654;
  p.operators.moe[2].moves_remote_pairs = false;
  p.fitted = {Coefficient::gemm_scale, Coefficient::layer_overhead};
  p.covariance = {4e-4, -1e-3, -1e-3, 0.25};
  p.corrections = {
      correction("", "", 1, 0), correction("", "", 4, 0), correction("Qwen/Qwen3-32B", "fp8", 1, 0),
      correction("Qwen/Qwen3-32B", "fp8", 4, 0), correction("Qwen/Qwen3-32B", "fp8", 4, 2)};
  p.corrections[4].residual.decode[13] = -0.0125;
  p.corrections[4].residual.prefill[8] = 0.5;
  p.first_token = {0.01, 0.04, 2, 1, 3, 8, {{"Qwen/Qwen3-32B|fp8", 5, 10, 8, 0, 2.5}}};
  p.spread = {{{0.03, 0.07}, {0.05, 0.1}, {0.09, 0.2}}};
  p.host_speed = 1.37;
  p.hosts = {{"gcp h100-sxm", 1.5}};
  p.gpus = {{"l4",
             {1.1, 2.0, 1.6, 0.7, 3.5, 2.2},
             40,
             3,
             {{"constant itl_p50_ms", "one machine held out", 20, 9, 7, 15}}}};
  p.covered = {{"Qwen/Qwen3-32B", {1, 2, 4}, 128, 8192, 1, 1024, 256, 91}};
  p.errors = {{"tpot", "random 30 % of curves held out", 30, 2.5, 1.9, 5.1}};
  p.sources = {"somewhere, CC0"};
  p.command = "ephemeris calibrate";
  p.commit = "0123456789ab";
  return p;
}

Result<EngineProfile> reread(const Json& json) {
  const auto parsed = parse_json(json.dump(), "p.json");
  REQUIRE(parsed);
  return read_profile(*parsed, "p.json");
}

// The file with one member replaced or added, by path.
Result<EngineProfile> changed(const std::string& from, const std::string& to) {
  std::string text = to_json(full_profile()).dump();
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  const auto parsed = parse_json(text, "p.json");
  REQUIRE(parsed);
  return read_profile(*parsed, "p.json");
}

}  // namespace

TEST_CASE("coefficient names, bounds and starts agree with each other") {
  for (std::size_t i = 0; i < kCoefficientCount; ++i) {
    const auto c = static_cast<Coefficient>(i);
    const CoefficientInfo& info = coefficient_info(c);
    CHECK(parse_coefficient(info.name) == c);
    CHECK(info.lower <= info.start);
    CHECK(info.start <= info.upper);
    CHECK(info.prior_sd > 0);
    const double si = info.unit == "us"   ? 1e-6
                      : info.unit == "ms" ? 1e-3
                      : info.unit == "GB" ? 1e9
                                          : 1;
    CHECK(info.to_si == si);
    for (EngineKind engine :
         {EngineKind::vllm, EngineKind::sglang, EngineKind::trtllm, EngineKind::llamacpp}) {
      CHECK(start_values(engine)[i] >= info.lower);
      CHECK(start_values(engine)[i] <= info.upper);
    }
  }
  CHECK_FALSE(parse_coefficient("gemm"));
}

TEST_CASE("a profile reads back as it was written") {
  const EngineProfile p = full_profile();
  const auto q = reread(to_json(p));
  REQUIRE(q);
  CHECK(to_json(*q).dump() == to_json(p).dump());
  CHECK(q->engine == p.engine);
  CHECK(q->values == p.values);
  CHECK(q->fitted == p.fitted);
  CHECK(q->covariance == p.covariance);
  REQUIRE(q->corrections.size() == 5);
  CHECK(q->corrections[4].values == start_values());
  CHECK(q->corrections[4].residual == p.corrections[4].residual);
  CHECK(q->corrections[4].expert == 2);
  CHECK(q->first_token.points[0].weight == 2.5);
  CHECK(q->speed_of("gcp h100-sxm") == 1.5);
  CHECK_FALSE(q->speed_of("upcloud h100-sxm").has_value());
  CHECK(q->spread[1].ttft == 0.1);
  CHECK(q->covered[0].tensor_parallel == std::vector<int>{1, 2, 4});
  CHECK(q->covered[0].isl_max == 8192);
  CHECK(q->errors[0].p90 == 5.1);
  CHECK(q->operators.gemm[1].quantise_passes == 1.654);
  CHECK_FALSE(q->operators.moe[2].moves_remote_pairs);
}

TEST_CASE("standard deviations in the file are the roots of the variances") {
  const Json json = to_json(full_profile());
  CHECK(json.at_path("coefficients/gemm_scale/sd")->as_double() == Approx(0.02));
  CHECK(json.at_path("coefficients/layer_overhead/sd")->as_double() == Approx(0.5));
  CHECK(json.at_path("coefficients/moe_scale/sd") == nullptr);
  CHECK(json.at_path("coefficients/layer_overhead/unit")->as_string() == "us");
}

TEST_CASE("a deployment gets its own correction, else its model's, else the engine's") {
  const EngineProfile p = full_profile();
  StepContext context;
  context.llm.name = "Qwen/Qwen3-32B";
  context.llm.weights = Precision::fp8;
  context.layout.tensor = 4;
  context.layout.expert = 2;
  CHECK(p.find(context).values == &p.corrections[4].values);
  CHECK(p.find(context).familiarity == Familiarity::deployment);
  context.layout.expert = 1;  // not measured so
  CHECK(p.find(context).values == &p.corrections[3].values);
  CHECK(p.find(context).familiarity == Familiarity::model);
  context.layout.tensor = 8;  // the nearest kept is 4
  CHECK(p.find(context).values == &p.corrections[3].values);
  context.layout.tensor = 1;
  CHECK(p.find(context).values == &p.corrections[2].values);
  context.llm.weights = Precision::bf16;  // another precision is another model
  CHECK(p.find(context).values == &p.corrections[0].values);
  CHECK(p.find(context).familiarity == Familiarity::engine);
  CHECK(p.find(context, "old").values == &p.values);  // nothing of that family
  CHECK(p.find(context, "old").residual == nullptr);
}

TEST_CASE("vLLM before 0.20 is a family of its own") {
  CHECK(version_family(EngineKind::vllm, "0.18.0") == "old");
  CHECK(version_family(EngineKind::vllm, "0.22.1") == "");
  CHECK(version_family(EngineKind::vllm, "") == "");
  CHECK(version_family(EngineKind::vllm, "1.0") == "");
  CHECK(version_family(EngineKind::sglang, "0.5.8") == "");
}

TEST_CASE("the first-token residual is a sum of bumps around measured points") {
  FirstTokenResidual f;
  f.engine_variance = 0.01;
  f.model_variance = 0.03;
  f.concurrency = 2;
  f.points = {{"a", 4, 10, 8, 1, 5}};  // C 16, ISL 1024, OSL 256, TP 2
  CHECK(f.log_factor("a", 16, 1024, 256, 2) == Approx(0.04 * 5));
  CHECK(f.log_factor("b", 16, 1024, 256, 2) == Approx(0.01 * 5));
  // Two octaves of concurrency away are one length scale.
  CHECK(f.log_factor("a", 64, 1024, 256, 2) == Approx(0.2 * std::exp(-0.5)));
}

TEST_CASE("factors apply to their GPU and host") {
  const EngineProfile p = full_profile();
  CHECK(p.machine_for("h100-sxm").host_speed == 1.37);
  CHECK(p.machine_for("h100-sxm", "gcp h100-sxm").host_speed == 1.5);
  CHECK(p.machine_for("l4").efficiency == 1.1);
  CHECK(p.machine_for("l4").host_speed == 2.0);
  CHECK(p.machine_for("l40s").efficiency == 1.0);  // nobody measured it
  CHECK(p.transfer_to("l4") == &p.gpus[0]);
  CHECK(p.transfer_to("l40s") == nullptr);
}

TEST_CASE("faulty profiles are refused with the place and the value") {
  const auto refuse = [](const std::string& from, const std::string& to,
                         const std::string& expected) {
    const auto p = changed(from, to);
    REQUIRE_FALSE(p);
    CHECK(p.error().kind == ErrorKind::usage);
    CHECK_THAT(p.error().text(), Catch::Contains(expected));
  };
  refuse("\"version\": 1", "\"version\": 2", "/version");
  refuse("\"engine\": \"sglang\"", "\"engine\": \"sgland\"", "did you mean \"sglang\"?");
  refuse("\"gemm_scale\": {", "\"gem_scale\": {", "gem_scale");
  refuse("\"unit\": \"us\"", "\"unit\": \"ms\"", "/unit");
  refuse("0.9712345678901234", "9.5", "9.5");
  refuse("\"gemm_scale\", \"layer_overhead\"", "\"gemm_scale\", \"layer_overheads\"",
         "layer_overhead");
  refuse("[4e-04, -0.001]", "[4e-04, 0.001]", "mirror");
  refuse("[4e-04, -0.001]", "[0.0004]", "matrix");
  refuse("\"prompt_tokens\": [128, 8192]", "\"prompt_tokens\": [8192, 128]", "prompt_tokens");
  refuse("-0.0125", "-3", "decode_residual");
  refuse("\"host_speed\": 1.37", "\"host_speed\": 0", "/host_speed");
}

TEST_CASE("a profile with several faults reports them all") {
  const auto parsed =
      parse_json(R"({"version": 1, "form": "fitted", "engine": "vllm", "surplus": 1})", "p.json");
  REQUIRE(parsed);
  const auto p = read_profile(*parsed, "p.json");
  REQUIRE_FALSE(p);
  const std::string text = p.error().text();
  for (const char* part : {"/coefficients", "/covariance", "/operators", "/sources", "surplus"}) {
    CHECK_THAT(text, Catch::Contains(part));
  }
}

TEST_CASE("the shipped operator constants load and name their tables") {
  for (const char* engine : {"vllm", "sglang", "trtllm"}) {
    const auto file =
        load_operators(fmt::format("{}/data/ops/{}-h100.json", EPH_SOURCE_DIR, engine));
    REQUIRE(file);
    CHECK(file->engine == engine);
    CHECK(file->gpu == "h100-sxm");
    CHECK(file->fits.size() >= 8);
    CHECK_FALSE(file->sources.empty());
  }
  const auto missing = load_operators("no/such/file.json");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::io);
}
