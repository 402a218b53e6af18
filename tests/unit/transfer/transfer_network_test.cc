#include "sim/transfer/transfer_network.h"

#include <catch2/catch.hpp>

#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;
using namespace eph::sim;

namespace {

using Gpus = std::vector<GpuAt>;

struct Fixture {
  explicit Fixture(const ClusterSpec& spec = small_spec(), int nodes = 6)
      : cluster(must(Cluster::build(spec, nodes))), net(cluster) {}
  TransferId start(const Gpus& from, const Gpus& to, std::int64_t bytes, std::int64_t now_ns = 0) {
    return net.start(from, to, Bytes{bytes}, SimTime{now_ns});
  }
  // Runs until idle.
  std::vector<TransferNetwork::Delivered> finish() {
    std::vector<TransferNetwork::Delivered> out;
    while (net.next_event() != SimTime::never()) net.advance(net.next_event(), out);
    return out;
  }
  Cluster cluster;
  TransferNetwork net;
};

// From the round figures of small_spec: two cards and one switch.
constexpr std::int64_t kSameLeafNs = 2 * 1500 + 500;

}  // namespace

TEST_CASE("a lone transfer takes its bytes over the narrowest link plus the latency") {
  Fixture f;
  const TransferId id = f.start({{0, 0}}, {{1, 0}}, 50'000'000);  // 50 MB at 50 GB/s: 1 ms
  CHECK(f.net.rate(id) == 50e9);
  CHECK(f.net.next_event() == SimTime{1'000'000});  // off the links
  const auto done = f.finish();
  REQUIRE(done.size() == 1);
  CHECK(done[0].at == SimTime{1'000'000 + kSameLeafNs});
  CHECK(f.net.delivered_bytes() == 50'000'000);
  CHECK(f.net.fillings() == 0);
}

TEST_CASE("four lanes of a tensor-parallel pair move over four cards at once") {
  Fixture f;
  f.start({{0, 0}, {0, 1}, {0, 2}, {0, 3}}, {{1, 0}, {1, 1}, {1, 2}, {1, 3}}, 200'000'000);
  CHECK(f.finish().at(0).at == SimTime{1'000'000 + kSameLeafNs});
}

TEST_CASE("two GPUs that feed four are the narrow side") {
  Fixture f;
  // Lanes 0 and 1 leave from GPU 0, 2 and 3 from GPU 1: two lanes a card, 25 GB/s each.
  const TransferId id = f.start({{0, 0}, {0, 1}}, {{1, 0}, {1, 1}, {1, 2}, {1, 3}}, 100'000'000);
  CHECK(f.net.rate(id) == 100e9);
  CHECK(f.finish().at(0).at.ns / 1000 == 1'000'000 / 1000 + 4);  // 1 ms + 4.5 us across rails
}

TEST_CASE(
    "two transfers into one card share it, and the longer one speeds up when the other is done") {
  Fixture f;
  const TransferId a = f.start({{0, 0}}, {{1, 0}}, 25'000'000);
  const TransferId b = f.start({{2, 0}}, {{1, 0}}, 75'000'000);
  CHECK(f.net.rate(a) == 25e9);
  CHECK(f.net.rate(b) == 25e9);
  const auto done = f.finish();
  REQUIRE(done.size() == 2);
  // a: 25 MB at 25 GB/s = 1 ms. b: 25 MB by then, 50 MB more at 50 GB/s = 2 ms.
  CHECK(done[0].id == a);
  CHECK(done[0].at == SimTime{1'000'000 + kSameLeafNs});
  CHECK(done[1].id == b);
  CHECK(done[1].at == SimTime{2'000'000 + 3000 + 1500});  // two leaves and a spine
}

// System: A 0->1, B 2->1, C 2->3 over cards of 50 GB/s; A and B share the receiver's card of node
// 1, B and C the sender's of node 2, D 3->0 shares none. Expectation: 25, 25, 25, 50 GB/s. With E
// 0->1 too: A, B, E at 50 / 3 each, and C what B leaves.
TEST_CASE("rates are max-min fair: what a bottleneck elsewhere leaves over is used") {
  Fixture f;
  const TransferId a = f.start({{0, 0}}, {{1, 0}}, 1'000'000'000);
  const TransferId b = f.start({{2, 0}}, {{1, 0}}, 1'000'000'000);
  const TransferId c = f.start({{2, 0}}, {{3, 0}}, 1'000'000'000);
  const TransferId d = f.start({{3, 0}}, {{0, 0}}, 1'000'000'000);
  CHECK(f.net.rate(a) == 25e9);
  CHECK(f.net.rate(b) == 25e9);
  CHECK(f.net.rate(c) == 25e9);
  CHECK(f.net.rate(d) == 50e9);
  const TransferId e = f.start({{0, 0}}, {{1, 0}}, 1'000'000'000);
  CHECK(f.net.rate(a) == Approx(50e9 / 3));
  CHECK(f.net.rate(b) == Approx(50e9 / 3));
  CHECK(f.net.rate(e) == Approx(50e9 / 3));
  CHECK(f.net.rate(c) == Approx(50e9 * 2 / 3));
  f.net.cancel(e, SimTime{1000});
  CHECK(f.net.rate(a) == 25e9);
  CHECK(f.net.rate(c) == 25e9);
}

TEST_CASE("an oversubscribed leaf is shared by the nodes under it") {
  ClusterSpec s = small_spec();
  s.leaf_ports = 3;
  s.oversubscription = 2;  // two nodes down, 50 GB/s up
  Fixture f(s);
  const TransferId a = f.start({{0, 0}}, {{2, 0}}, 1'000'000);
  CHECK(f.net.rate(a) == 50e9);
  const TransferId b = f.start({{1, 0}}, {{3, 0}}, 1'000'000);
  CHECK(f.net.rate(a) == 25e9);
  CHECK(f.net.rate(b) == 25e9);
}

TEST_CASE("a cancelled transfer gives its share back at once and is never delivered") {
  Fixture f;
  const TransferId a = f.start({{0, 0}}, {{1, 0}}, 50'000'000);
  const TransferId b = f.start({{2, 0}}, {{1, 0}}, 50'000'000);
  f.net.cancel(b, SimTime{1'000'000});  // a has 25 MB left
  CHECK(f.net.remaining(a, SimTime{1'000'000}) == Approx(25e6));
  const auto done = f.finish();
  REQUIRE(done.size() == 1);
  CHECK(done[0].at == SimTime{1'500'000 + kSameLeafNs});
  CHECK(f.net.delivered_bytes() == 50'000'000);
}

TEST_CASE("one may be cancelled while it is on its way or delivered and not yet told") {
  Fixture f;
  const TransferId a = f.start({{0, 0}}, {{1, 0}}, 50'000'000);
  f.net.cancel(a, SimTime{1'000'100});
  CHECK(f.net.next_event() == SimTime::never());
  const TransferId b = f.start({{0, 0}}, {{1, 0}}, 50'000'000, 2'000'000);
  f.start({{0, 1}}, {{1, 1}}, 0, 9'000'000);  // settles b's delivery
  f.net.cancel(b, SimTime{9'000'000});
  CHECK(f.finish().size() == 1);
  CHECK(f.net.delivered_bytes() == 0);
}

TEST_CASE("nothing to move takes the latency, and within one GPU a nanosecond") {
  Fixture f;
  f.start({{0, 0}}, {{1, 0}}, 0, 10);
  f.start({{0, 0}}, {{0, 0}}, 1'000'000'000, 10);
  const auto done = f.finish();
  REQUIRE(done.size() == 2);
  CHECK(done[0].at == SimTime{11});
  CHECK(done[1].at == SimTime{10 + kSameLeafNs});
}

TEST_CASE("deliveries that nobody asked for in time are told later, with their own instants") {
  Fixture f;
  f.start({{0, 0}}, {{1, 0}}, 50'000'000);
  f.start({{0, 1}}, {{1, 1}}, 25'000'000);
  f.start({{0, 0}}, {{1, 0}}, 0, 5'000'000);
  CHECK(f.net.next_event() == SimTime{500'000 + kSameLeafNs});
  std::vector<TransferNetwork::Delivered> done;
  f.net.advance(SimTime{5'000'000}, done);
  REQUIRE(done.size() == 2);
  CHECK(done[0].at == SimTime{500'000 + kSameLeafNs});
  CHECK(done[1].at == SimTime{1'000'000 + kSameLeafNs});
  CHECK(f.net.active() == 1);
}

TEST_CASE("the caller's tag comes back") {
  Fixture f;
  const Gpus from{{0, 0}}, to{{1, 0}};
  f.net.start(from, to, Bytes{10}, SimTime{}, 77);
  CHECK(f.finish().at(0).tag == 77);
}
