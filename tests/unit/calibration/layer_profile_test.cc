#include <catch2/catch.hpp>

#include <filesystem>

#include "calibration/layer_profile.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

TEST_CASE("a ragged grid interpolates between lines and goes on beyond them") {
  RaggedGrid grid;
  grid.add(1, 0, 10);
  grid.add(1, 10, 20);
  grid.add(3, 0, 30);
  grid.add(3, 20, 70);
  CHECK(grid.at(1, 5) == Approx(15));
  CHECK(grid.at(3, 10) == Approx(50));
  CHECK(grid.at(2, 10) == Approx(35));  // midway between 20 and 50
  CHECK(grid.at(1, 20) == Approx(30));  // slope 1 goes on
  CHECK(grid.at(0, 0) == Approx(10));   // never below the smallest time
}

TEST_CASE("a step composed of layer times adds its parts") {
  // 2 layers. Dense: 10 us at 1 token, 20 us at 11, norms twice: + 2 * 1; once: 5 us; LM head 7 us for one
  // sequence. Decode attention 4 us for one sequence of 100 tokens.
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/layers");
  write_temporary("layers/dense.csv",
                  "layer,tokens,time_us\nqkv_proj,1,10\nqkv_proj,11,20\nlayernorm,1,1\nlayernorm,11,1\n"
                  "embedding,1,5\nembedding,11,5\n");
  write_temporary("layers/per_sequence.csv", "layer,sequences,time_us\nlm_head,1,7\nlm_head,2,9\n");
  // A mixed row takes exactly half of its two parts together: both factors become one half.
  write_temporary("layers/attention.csv",
                  "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n0,0,1,100,4\n0,0,2,100,8\n10,0,0,0,6\n"
                  "20,0,0,0,12\n10,0,1,100,5\n20,0,1,100,8\n10,0,2,100,7\n");
  const auto model = LayerProfileModel::load(std::string(EPH_TEST_OUT) + "/layers", 2);
  INFO((model ? std::string() : model.error().text()));
  REQUIRE(model.has_value());
  models::BatchShape decode;
  decode.add_decode(100);
  CHECK((*model)->seconds(decode) == Approx(1e-6 * (2 * (10 + 2 + 4) + 5 + 7)));
  CHECK((*model)->chunk_factor() == Approx(0.5));
  CHECK((*model)->decode_factor() == Approx(0.5));
  models::BatchShape mixed = decode;
  mixed.add_chunk(10, 0, false);
  CHECK((*model)->seconds(mixed) == Approx(1e-6 * (2 * (20 + 2 + 0.5 * 6 + 0.5 * 4) + 5 + 7)));
}

TEST_CASE("a layer profile without a table says which") {
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/nolayers");
  const auto model = LayerProfileModel::load(std::string(EPH_TEST_OUT) + "/nolayers", 2);
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().text().find("dense.csv") != std::string::npos);
}
