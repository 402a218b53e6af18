// Transfers take no memory once there have been as many: counted by replacing operator new here.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "models/catalog.h"
#include "sim/transfer/transfer_network.h"
#include "tests/unit/topology/support.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace eph;
using namespace eph::models;
using namespace eph::sim;

TEST_CASE("thousands of transfers on a thousand nodes, again and again, take no more memory") {
  const ClusterSpec spec = must(Catalog(EPH_SOURCE_DIR "/data").topology("dgx-h100"));
  const Cluster cluster = must(Cluster::build(spec, 1000));
  TransferNetwork net(cluster);
  std::vector<TransferNetwork::Delivered> done;
  std::vector<GpuAt> from, to;
  for (int gpu = 0; gpu < 8; ++gpu) from.push_back({0, gpu}), to.push_back({0, gpu});
  done.reserve(10'000);
  // Node i of the first half sends to every tenth of the second half: 5 senders a receiver at most.
  const auto round = [&](int shift) {
    SimTime now = net.next_event() == SimTime::never() ? SimTime{} : net.next_event();
    now = std::max(now, done.empty() ? SimTime{} : done.back().at);
    done.clear();
    for (int i = 0; i < 3000; ++i) {
      for (GpuAt& g : from) g.node = i % 500;
      for (GpuAt& g : to) g.node = 500 + (i * 7 + shift) % 500;
      net.start(from, to, Bytes{100'000'000 + i}, now);
    }
    while (net.next_event() != SimTime::never()) net.advance(net.next_event(), done);
    return done.size();
  };
  for (int i = 0; i < 2; ++i) REQUIRE(round(0) == 3000);
  const std::uint64_t before = allocations;
  CHECK(round(0) == 3000);
  CHECK(allocations == before);
}
