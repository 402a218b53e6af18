// The transfer network against the definition, on random clusters and transfers.
#include <catch2/catch.hpp>
#include <map>

#include "core/rng.h"
#include "sim/transfer/transfer_network.h"
#include "tests/unit/topology/support.h"

using namespace eph;
using namespace eph::models;
using namespace eph::sim;

namespace {

ClusterSpec random_spec(Stream& random) {
  ClusterSpec s = small_spec();
  s.nics_per_node = 1 << random.below(4);
  s.nvlink = random.below(2) == 0;
  s.rail_optimised = random.below(2) == 0;
  s.oversubscription = static_cast<double>(1 + random.below(4));
  s.leaf_ports = 32;
  s.spine_ports = 8;
  return s;
}

struct Wanted {
  std::vector<GpuAt> from, to;
  std::int64_t bytes = 0;
  SimTime at;
};

std::vector<Wanted> random_transfers(Stream& random, const Cluster& cluster, int count) {
  std::vector<Wanted> out;
  std::int64_t at = 0;
  const auto side = [&] {
    std::vector<GpuAt> gpus;
    const int node = static_cast<int>(random.below(static_cast<std::uint64_t>(cluster.nodes())));
    const int wide = 1 << random.below(3), first = static_cast<int>(random.below(2)) * (4 - wide);
    for (int i = 0; i < wide; ++i) gpus.push_back({node, first + i});
    return gpus;
  };
  for (int i = 0; i < count; ++i) {
    if (random.below(3) > 0) at += static_cast<std::int64_t>(random.below(400'000));
    out.push_back(
        {side(), side(), static_cast<std::int64_t>(random.below(60'000'000)), SimTime{at}});
  }
  return out;
}

// Lanes of a transfer over each link.
std::map<LinkId, double> lanes_of(const Cluster& cluster, const Wanted& w) {
  std::map<LinkId, double> lanes;
  const std::size_t n = std::max(w.from.size(), w.to.size());
  for (std::size_t i = 0; i < n; ++i)
    for (const LinkId link :
         cluster.route(w.from[i * w.from.size() / n], w.to[i * w.to.size() / n]).links())
      lanes[link] += 1;
  return lanes;
}

// Progressive filling by the book, over every link: rates of one lane.
std::vector<double> max_min(const Cluster& cluster,
                            const std::vector<std::map<LinkId, double>>& lanes) {
  std::vector<double> rate(lanes.size(), 0);
  std::vector<bool> open(lanes.size());
  std::map<LinkId, double> room;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    open[i] = !lanes[i].empty();
    for (const auto& [link, n] : lanes[i]) room[link] = cluster.bytes_per_s(link);
  }
  while (std::find(open.begin(), open.end(), true) != open.end()) {
    double least = 1e300;
    LinkId full = 0;
    for (const auto& [link, left] : room) {
      double wanting = 0;
      for (std::size_t i = 0; i < lanes.size(); ++i)
        if (open[i] && lanes[i].contains(link)) wanting += lanes[i].at(link);
      if (wanting > 0 && left / wanting < least) least = left / wanting, full = link;
    }
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (!open[i] || !lanes[i].contains(full)) continue;
      open[i] = false;
      rate[i] = least;
      for (const auto& [link, n] : lanes[i]) room[link] -= n * least;
    }
  }
  return rate;
}

// When each transfer leaves the links, in seconds: rates by the book between any two changes.
std::vector<double> reference_drains(const Cluster& cluster, const std::vector<Wanted>& wanted) {
  const std::size_t n = wanted.size();
  std::vector<double> left(n), drained(n, -1);
  std::vector<std::map<LinkId, double>> all;
  for (const Wanted& w : wanted) {
    left[all.size()] =
        static_cast<double>(w.bytes) / static_cast<double>(std::max(w.from.size(), w.to.size()));
    all.push_back(lanes_of(cluster, w));
    if (all.back().empty()) left[all.size() - 1] = 0;
  }
  double now = 0;
  std::size_t next = 0;
  for (std::size_t finished = 0; finished < n;) {
    std::vector<std::size_t> running;
    std::vector<std::map<LinkId, double>> lanes;
    for (std::size_t i = 0; i < next; ++i)
      if (drained[i] < 0) running.push_back(i), lanes.push_back(all[i]);
    const std::vector<double> rate = max_min(cluster, lanes);
    double until = next < n ? wanted[next].at.seconds() : 1e300;
    std::size_t first = n;
    for (std::size_t k = 0; k < running.size(); ++k) {
      const double end = left[running[k]] <= 0 ? now : now + left[running[k]] / rate[k];
      if (end <= until) until = end, first = running[k];
    }
    for (std::size_t k = 0; k < running.size(); ++k) left[running[k]] -= rate[k] * (until - now);
    now = until;
    if (first < n)
      drained[first] = now, left[first] = 0, ++finished;
    else
      ++next;
  }
  return drained;
}

}  // namespace

TEST_CASE("rates and delivery times equal those of progressive filling by the book") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Stream random({.seed = seed, .purpose = Purpose::test});
    const Cluster cluster = must(Cluster::build(random_spec(random), 8));
    const std::vector<Wanted> wanted = random_transfers(random, cluster, 40);
    const std::vector<double> expected = reference_drains(cluster, wanted);
    TransferNetwork net(cluster);
    std::vector<TransferNetwork::Delivered> done;
    std::int64_t asked = 0;
    for (std::uint32_t i = 0; i < wanted.size(); ++i) {
      while (net.next_event() <= wanted[i].at) net.advance(net.next_event(), done);
      net.start(wanted[i].from, wanted[i].to, Bytes{wanted[i].bytes}, wanted[i].at, i);
      asked += wanted[i].bytes;
    }
    while (net.next_event() != SimTime::never()) net.advance(net.next_event(), done);
    REQUIRE(done.size() == wanted.size());
    CHECK(net.delivered_bytes() == asked);
    CHECK(net.active() == 0);
    for (const auto& one : done) {
      double latency = 0;
      const Wanted& w = wanted[one.tag];
      const std::size_t lanes = std::max(w.from.size(), w.to.size());
      for (std::size_t i = 0; i < lanes; ++i)
        latency = std::max(
            latency, cluster.route(w.from[i * w.from.size() / lanes], w.to[i * w.to.size() / lanes])
                         .latency_s);
      // Every change of rates rounds an end up to a nanosecond.
      CHECK(one.at.seconds() == Approx(expected[one.tag] + latency).margin(2e-7).epsilon(0));
    }
  }
}

TEST_CASE("no link ever carries more than it can") {
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    CAPTURE(seed);
    Stream random({.seed = seed, .purpose = Purpose::test});
    const Cluster cluster = must(Cluster::build(random_spec(random), 8));
    TransferNetwork net(cluster);
    std::vector<TransferNetwork::Delivered> done;
    struct UnderWay {
      TransferId id;
      double width;
      std::map<LinkId, double> lanes;
    };
    std::map<std::uint32_t, UnderWay> under_way;  // by tag
    std::uint32_t tag = 0;
    for (const Wanted& w : random_transfers(random, cluster, 60)) {
      net.advance(w.at, done);
      for (const auto& one : done) under_way.erase(one.tag);
      done.clear();
      under_way[tag] = {net.start(w.from, w.to, Bytes{w.bytes}, w.at, tag),
                        static_cast<double>(std::max(w.from.size(), w.to.size())),
                        lanes_of(cluster, w)};
      ++tag;
      if (under_way.size() > 3 && random.below(5) == 0) {
        net.cancel(under_way.begin()->second.id, w.at);
        under_way.erase(under_way.begin());
      }
      std::map<LinkId, double> load;
      for (const auto& [_, one] : under_way) {
        for (const auto& [link, n] : one.lanes) load[link] += n * net.rate(one.id) / one.width;
      }
      for (const auto& [link, bytes_per_s] : load)
        REQUIRE(bytes_per_s <= cluster.bytes_per_s(link) * (1 + 1e-9));
    }
  }
}

TEST_CASE("the same calls give the same nanoseconds") {
  const auto run = [] {
    Stream random({.seed = 7, .purpose = Purpose::test});
    const Cluster cluster = must(Cluster::build(random_spec(random), 8));
    TransferNetwork net(cluster);
    std::vector<TransferNetwork::Delivered> done;
    for (const Wanted& w : random_transfers(random, cluster, 200)) {
      net.advance(w.at, done);
      net.start(w.from, w.to, Bytes{w.bytes}, w.at);
    }
    while (net.next_event() != SimTime::never()) net.advance(net.next_event(), done);
    std::vector<std::int64_t> at;
    for (const auto& one : done) at.push_back(one.at.ns);
    return at;
  };
  CHECK(run() == run());
}
