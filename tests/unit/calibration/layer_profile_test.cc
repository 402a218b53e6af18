#include <catch2/catch.hpp>

#include <filesystem>

#include "calibration/layer_profile.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

const char* const kDense =
    "layer,tokens,time_us\nqkv_proj,1,10\nqkv_proj,11,20\nlayernorm,1,1\nlayernorm,11,1\n"
    "embedding,1,5\nembedding,11,5\n";
const char* const kPerSequence = "layer,sequences,time_us\nlm_head,1,7\nlm_head,2,9\n";

// Two layers of a dense model on one GPU with one multiprocessor: two decodes fill it.
models::StepContext two_layers() {
  models::StepContext context;
  context.llm.name = "two-layers";
  context.llm.layers = 2;
  context.llm.hidden = 1000;
  context.llm.heads = context.llm.kv_heads = 1;
  context.gpu.sm_count = 1;
  return context;
}

std::string layer_folder(const std::string& name, const std::string& attention) {
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/" + name);
  write_temporary(name + "/dense.csv", kDense);
  write_temporary(name + "/per_sequence.csv", kPerSequence);
  write_temporary(name + "/attention.csv",
                  "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n" + attention);
  return std::string(EPH_TEST_OUT) + "/" + name;
}

}  // namespace

TEST_CASE("a ragged grid interpolates between lines and goes on beyond them") {
  RaggedGrid grid;
  grid.add({1, 0}, 10);
  grid.add({1, 10}, 20);
  grid.add({3, 0}, 30);
  grid.add({3, 20}, 70);
  CHECK(grid.at({1, 5}) == Approx(15));
  CHECK(grid.at({3, 10}) == Approx(50));
  CHECK(grid.at({2, 10}) == Approx(35));  // midway between 20 and 50
  CHECK(grid.at({1, 20}) == Approx(30));  // slope 1 goes on
  CHECK(grid.at({0, 0}) == Approx(10));   // never below the smallest time
}

TEST_CASE("a ragged grid of four axes is exact for a product of linear functions") {
  RaggedGrid grid;
  const auto f = [](double a, double b, double c, double d) {
    return (1 + a) * (2 + b) * (3 + c) * (4 + d);
  };
  for (const double a : {0, 2})
    for (const double b : {0, 3})
      for (const double c : {0, 4})
        for (const double d : {0, 5}) grid.add({a, b, c, d}, f(a, b, c, d));
  CHECK(grid.at({1, 2, 3, 4}) == Approx(f(1, 2, 3, 4)));
}

TEST_CASE("a table of tiles is read at the next measured size") {
  RaggedGrid grid;
  grid.add({16}, 10);
  grid.add({32}, 12);
  CHECK(grid.at_or_above(1) == Approx(10));
  CHECK(grid.at_or_above(16) == Approx(10));
  CHECK(grid.at_or_above(17) == Approx(12));
  CHECK(grid.at_or_above(64) == Approx(24));  // twice the last
}

TEST_CASE("a step composed of layer times adds its parts") {
  // 2 layers. Dense at 1 token: 10 + 2 norms of 1; at 11: 20 + 2. Once 5. LM head 7 for one
  // sequence. Decode attention 4 for one sequence of 100 tokens; with a chunk of 10 beside it 5, of
  // 20 8.
  const std::string folder = layer_folder("layers",
                                          "0,0,1,100,4\n0,0,2,100,8\n10,0,0,0,6\n20,0,0,0,12\n"
                                          "10,0,1,100,5\n20,0,1,100,8\n10,0,2,100,7\n");
  const auto model = LayerProfileModel::load(folder, two_layers());
  INFO((model ? std::string() : model.error().text()));
  REQUIRE(model.has_value());
  models::BatchShape decode;
  decode.add_decode(100);
  CHECK((*model)->seconds(decode) == Approx(1e-6 * (2 * (10 + 2 + 4) + 5 + 7)));
  models::BatchShape mixed = decode;
  mixed.add_chunk(10, 0, false);
  CHECK((*model)->seconds(mixed) == Approx(1e-6 * (2 * (20 + 2 + 5) + 5 + 7)));
  // Two equal chunks: the second adds its own time without the launch, the table's smallest 6.
  models::BatchShape chunks;
  chunks.add_chunk(20, 0, false);
  chunks.add_chunk(20, 0, false);
  CHECK((*model)->explain(chunks).attention_prefill == Approx(1e-6 * 2 * (12 + 6)));
}

TEST_CASE("among decodes of unequal length the longest ends late") {
  // Bandwidth: 2 decodes cost 1 us a KV token together, 0.5 us each token; a thread block needs 1
  // us a token alone (mixed rows with one decode). So 2 of 4 sequences saturate the memory. Of 4
  // sequences with 100, 100, 100 and 500 tokens (mean 200) the longest runs alone from 100 on: 400
  // us instead of its share 0.25 * 400 = 100... with 4 sequences the shared rate is 0.5 us a token:
  // 400 (1 - 0.5) = 200 us more.
  std::string attention = "16,0,0,0,1\n";
  for (const int n : {1, 2, 4, 8})
    for (const int k : {10, 1000}) attention += fmt::format("0,0,{},{},{}\n", n, k, 0.5 * n * k);
  for (const int n : {1, 8})
    for (const int k : {10, 10000}) attention += fmt::format("16,0,{},{},{}\n", n, k, 1.0 * n * k);
  const auto model = LayerProfileModel::load(layer_folder("tail", attention), two_layers());
  REQUIRE(model.has_value());
  models::BatchShape shape;
  const std::vector<std::int32_t> unequal{100, 500, 100, 100}, equal{200, 200, 200, 200};
  for (const std::int32_t k : equal) shape.add_decode(k);
  CHECK((*model)->seconds_with(shape, equal) == Approx((*model)->seconds(shape)));
  CHECK((*model)->seconds_with(shape, unequal) - (*model)->seconds(shape) ==
        Approx(1e-6 * 2 * 200));
  // Beside a chunk of 16 tokens nothing splits a sequence's KV either: the same 200 us a layer.
  shape.add_chunk(16, 0, false);
  CHECK((*model)->seconds_with(shape, equal) == Approx((*model)->seconds(shape)));
  CHECK((*model)->seconds_with(shape, unequal) - (*model)->seconds(shape) ==
        Approx(1e-6 * 2 * 200));
}

TEST_CASE("few decodes split their KV, but not beside a chunk") {
  // 1,000 multiprocessors: 4 decodes of one KV head are far from 0.8 * 2,000 thread blocks, so a
  // step of them alone splits and has no tail. With a chunk the longest of the case above takes its
  // 200 us more.
  std::string attention = "16,0,0,0,1\n";
  for (const int n : {1, 2, 4, 8})
    for (const int k : {10, 1000}) attention += fmt::format("0,0,{},{},{}\n", n, k, 0.5 * n * k);
  for (const int n : {1, 8})
    for (const int k : {10, 10000}) attention += fmt::format("16,0,{},{},{}\n", n, k, 1.0 * n * k);
  models::StepContext context = two_layers();
  context.gpu.sm_count = 1000;
  const auto model = LayerProfileModel::load(layer_folder("split", attention), context);
  REQUIRE(model.has_value());
  models::BatchShape shape;
  for (int i = 0; i < 4; ++i) shape.add_decode(200);
  const std::vector<std::int32_t> unequal{100, 500, 100, 100};
  CHECK((*model)->seconds_with(shape, unequal) == Approx((*model)->seconds(shape)));
  shape.add_chunk(16, 0, false);
  CHECK((*model)->seconds_with(shape, unequal) - (*model)->seconds(shape) ==
        Approx(1e-6 * 2 * 200));
}

TEST_CASE("tensor-parallel ranks pay for two reductions a layer over host memory") {
  const std::string folder = layer_folder("ranks", "0,0,1,100,4\n10,0,0,0,6\n");
  models::StepContext context = two_layers();
  context.layout.tensor = 2;
  context.gpu.link_bandwidth = BytesPerSecond{64e9};
  const auto model = LayerProfileModel::load(folder, context);
  REQUIRE(model.has_value());
  models::BatchShape decode;
  decode.add_decode(100);
  // 10 us and 2 * 1000 bytes * 2 (2 - 1) / 2 at a quarter of 64 GB/s: 0.125 us; 2 layers, 2
  // reductions.
  CHECK((*model)->explain(decode).communication == Approx(1e-6 * 4 * 10.125));
}

TEST_CASE("a layer profile without a table says which") {
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/nolayers");
  const auto model = LayerProfileModel::load(std::string(EPH_TEST_OUT) + "/nolayers", two_layers());
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().text().find("dense.csv") != std::string::npos);
}

TEST_CASE("experts of a layer profile are looked up by tokens and activated experts") {
  const std::string folder = layer_folder("experts", "0,0,1,100,4\n10,0,0,0,6\n");
  models::StepContext context = two_layers();
  context.llm.moe.experts = 4;
  context.llm.moe.experts_per_token = 4;         // all of them, whatever the tokens
  std::filesystem::remove(folder + "/moe.csv");  // of a run before
  const auto without = LayerProfileModel::load(folder, context);
  REQUIRE_FALSE(without.has_value());
  CHECK(without.error().text().find("moe.csv") != std::string::npos);
  write_temporary("experts/moe.csv",
                  "tokens,activated_experts,time_us\n1,1,3\n1,4,30\n8,1,5\n8,4,37\n");
  const auto model = LayerProfileModel::load(folder, context);
  REQUIRE(model.has_value());
  models::BatchShape decode;
  decode.add_decode(100);
  CHECK((*model)->explain(decode).moe == Approx(1e-6 * 2 * 30));
}
