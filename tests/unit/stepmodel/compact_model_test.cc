#include "models/compact_model.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "models/step_profile.h"
#include "tests/unit/stepmodel/specs.h"

using namespace eph;
using namespace eph::models;
using namespace eph::models::test;

namespace {

// base 2 ms, weights 10 ms, 50 us a token, corner 2, 40 ns a KV token (1.5 times in mixed steps), 1
// ns a pair, 10 us a sequence, 3 ms for a step with a chunk.
CompactProfile example() {
  CompactProfile p;
  p.gpu = "rtx-4090";
  p.model = "meta-llama/Llama-3.1-8B";
  p.values = {2, 10, 50, 2, 40, 1.5, 1, 10, 3};
  p.log_covariance.assign(kCompactTerms * kCompactTerms, 0.0);
  for (std::size_t i = 0; i < kCompactTerms; ++i) p.log_covariance[i * kCompactTerms + i] = 0.01;
  p.requests = 150;
  p.events = 455;
  p.batch_max = 48;
  p.source = "a log";
  return p;
}

}  // namespace

TEST_CASE("the compact form adds its parts and takes the soft maximum of two") {
  const CompactStepModel model(example());
  // 20 decodes of 1000 tokens: 2 ms + sqrt(10^2 + 1^2) ms + 20,000 * 40 ns + 20 * 10 us.
  CHECK(model.seconds(decode(20, 1000)) == Approx(1e-3 * (2 + std::sqrt(101.0) + 0.8 + 0.2)));
  BatchShape mixed = decode(20, 1000);
  mixed.add_chunk(100, 50, true);  // 100 * 50 + 5050 pairs
  CHECK(model.seconds(mixed) ==
        Approx(1e-3 * (2 + std::sqrt(100 + 36.0) + 1.2 + 10050e-6 + 0.21 + 3)));
  CHECK(model.explain(mixed).total == model.seconds(mixed));
  CHECK(model.seconds(BatchShape{}) == 0);
}

TEST_CASE("experts of the compact form are read as far as tokens pick them") {
  CompactProfile p = example();
  p.values[static_cast<std::size_t>(CompactTerm::token)] = 0;
  p.expert_stream_ms = 8;
  p.expert_share = 0.5;
  const CompactStepModel model(p);
  // Two tokens pick 1 - 0.5^2 of them: 10 + 6 ms of weights, no matrix work.
  CHECK(model.seconds(decode(2, 0)) == Approx(1e-3 * (2 + 16 + 0.02)));
}

TEST_CASE("the gradient of the compact form is that of its logarithms") {
  CompactProfile p = example();
  p.expert_stream_ms = 4;
  p.expert_share = 0.01;
  std::vector<BatchShape> shapes{decode(1, 100), decode(200, 1000)};
  shapes.push_back(decode(30, 500));
  shapes.back().add_chunk(700, 300, true);
  for (const BatchShape& shape : shapes) {
    std::array<double, kCompactTerms> row{};
    CompactStepModel(p).gradient(shape, row);
    for (std::size_t i = 0; i < kCompactTerms; ++i) {
      constexpr double kStep = 1e-5;
      CompactProfile up = p, down = p;
      up.values[i] *= std::exp(kStep);
      down.values[i] *= std::exp(-kStep);
      const double difference =
          (CompactStepModel(up).seconds(shape) - CompactStepModel(down).seconds(shape)) /
          (2 * kStep);
      CAPTURE(i, shape.decode_seqs);
      CHECK(row[i] == Approx(difference).margin(1e-10));
    }
  }
}

TEST_CASE("a compact profile is read back as it was written") {
  const CompactProfile p = example();
  const auto back = read_compact_profile(*parse_json(to_json(p).dump(), "p.json"), "p.json");
  INFO((back ? std::string() : back.error().text()));
  REQUIRE(back);
  CHECK(back->values == p.values);
  CHECK(back->log_covariance == p.log_covariance);
  CHECK(to_json(*back).dump() == to_json(p).dump());
}

TEST_CASE("a compact profile with missing, odd or unknown members names them all") {
  const auto bad = read_compact_profile(
      *parse_json(R"({"form": "compact", "engine": "vlm", "gpu": "x", "colour": 1,
                      "values": {"base_ms": -1, "corner": 0.5}})",
                  "p.json"),
      "p.json");
  REQUIRE_FALSE(bad);
  const std::string text = bad.error().text();
  for (const char* part :
       {"vlm", "colour", "model", "base_ms", "corner", "stream_ms", "ns_per_pair"}) {
    CAPTURE(part, text);
    CHECK(text.find(part) != std::string::npos);
  }
}
