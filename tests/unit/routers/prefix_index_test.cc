#include <map>
#include <set>

#include <catch2/catch.hpp>
#include "sim/routers/prefix_index.h"
#include "tests/unit/routers/router_bench.h"

using namespace eph;
using namespace eph::test;
using sim::PrefixIndex;

namespace {

std::map<std::uint32_t, std::int64_t> found(PrefixIndex& index, const sim::Content& content,
                                            std::int64_t blocks, SimTime since = {}) {
  std::map<std::uint32_t, std::int64_t> out;
  for (const auto& m : index.match(content, blocks, since)) {
    out[m.place] = m.blocks;
    CHECK(m.blocks == index.matched(content, blocks, m.place, since));
  }
  return out;
}

using Found = std::map<std::uint32_t, std::int64_t>;

}  // namespace

TEST_CASE("A prompt matches as many leading blocks as were sent to a place", "[routers]") {
  PrefixIndex index(16, 1);
  const sim::Content talk = conversation(7);
  index.insert(talk, 4, 0, at_ms(0));
  index.insert(talk, 6, 2, at_ms(1));
  CHECK(found(index, talk, 9) == Found{{0, 4}, {2, 6}});
  CHECK(found(index, talk, 5) == Found{{0, 4}, {2, 5}});
  CHECK(found(index, conversation(8), 9).empty());
  CHECK(index.size(0) == 4);
  CHECK(index.size(1) == 0);
  CHECK(index.size() == 10);
}

TEST_CASE("Requests of a prefix group match up to its last full block", "[routers]") {
  PrefixIndex index(16, 1);
  index.insert(group_content(3, 40, 0), 10, 1, at_ms(0));  // 2 blocks of the group, 8 of its own
  CHECK(found(index, group_content(3, 40, 1), 10) == Found{{1, 2}});
  CHECK(found(index, group_content(4, 40, 1), 10).empty());
  CHECK(index.size(1) == 10);
}

TEST_CASE("A match goes on through the next run only where it was complete", "[routers]") {
  PrefixIndex index(16, 1);
  const std::vector<std::uint64_t> long_names{11, 12, 13}, short_names{11, 12}, other{11, 99, 13};
  const auto hashed = [](const std::vector<std::uint64_t>& names, std::int32_t tokens) {
    sim::Content c;
    c.hashes = names;
    c.hash_tokens = 64;
    c.shared_tokens = tokens;
    c.stream = 1;
    return c;
  };
  index.insert(hashed(long_names, 160), 10, 0, at_ms(0));  // the third name is half filled
  index.insert(hashed(short_names, 100), 6, 1, at_ms(0));  // the second one too
  // Names are chained in requests; here 13 behind another one would be the same block.
  CHECK(found(index, hashed(long_names, 192), 12) == Found{{0, 10}, {1, 6}});
  CHECK(found(index, hashed(other, 192), 12) == Found{{0, 4}, {1, 4}});
}

TEST_CASE("The least recently used blocks go first, the last of a prompt before its first",
          "[routers]") {
  PrefixIndex index(16, 1);
  const sim::Content a = conversation(1), b = conversation(2);
  index.insert(a, 5, 0, at_ms(0));
  index.insert(b, 5, 0, at_ms(1));
  index.insert(a, 6, 0, at_ms(2));  // used again: b is the oldest
  index.trim(0, 8);
  CHECK(found(index, a, 9) == Found{{0, 6}});
  CHECK(found(index, b, 9) == Found{{0, 2}});
  index.trim(0, 4);
  CHECK(found(index, a, 9) == Found{{0, 4}});
  CHECK(found(index, b, 9).empty());
  CHECK(index.size(0) == 4);
}

TEST_CASE("A beginning that many share outlives what follows it", "[routers]") {
  PrefixIndex index(16, 1);
  index.insert(group_content(3, 64, 0), 10, 0, at_ms(0));  // 4 + 6 blocks
  index.trim(0, 4);
  CHECK(found(index, group_content(3, 64, 1), 10) == Found{{0, 4}});
}

TEST_CASE("What is too old does not match, and can be let go", "[routers]") {
  PrefixIndex index(16, 1);
  index.insert(conversation(1), 5, 0, at_ms(10));
  index.insert(conversation(2), 5, 0, at_ms(20));
  CHECK(found(index, conversation(1), 5, at_ms(10)) == Found{{0, 5}});
  CHECK(found(index, conversation(1), 5, at_ms(11)).empty());
  index.expire(0, at_ms(11));
  CHECK(index.size(0) == 5);
  CHECK(index.entries() == 1);
}

TEST_CASE("A cleared place has nothing; others keep theirs", "[routers]") {
  PrefixIndex index(16, 1);
  for (std::uint32_t place = 0; place < 3; ++place)
    index.insert(conversation(1), 5, place, at_ms(0));
  index.clear(1);
  CHECK(found(index, conversation(1), 5) == Found{{0, 5}, {2, 5}});
  index.clear(0);
  index.clear(2);
  CHECK(found(index, conversation(1), 5).empty());
  CHECK(index.size() == 0);
  CHECK(index.entries() == 0);
}

TEST_CASE("Prompts that nobody shares take a bounded number of entries", "[routers]") {
  PrefixIndex index(16, 100);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    index.insert(unshared(i), 10, 0, at_ms(static_cast<double>(i)));
    index.trim(0, 2000);
  }
  CHECK(index.size(0) == 2000);
  CHECK(index.entries() <= 2000 / 100 + 1);
}

TEST_CASE("The index finds what a set of single blocks finds", "[routers]") {
  // Blocks by run and number, as the definition has them; forgotten only by whole places.
  using Block = std::pair<std::pair<std::uint64_t, int>, std::int64_t>;
  std::map<std::uint32_t, std::set<Block>> have;
  PrefixIndex index(16, 8);
  Stream stream({5, 0, Purpose::test});
  const std::vector<std::uint64_t> names{101, 102, 103, 104, 105, 106};
  std::vector<std::vector<std::uint64_t>> chains;
  for (std::uint64_t i = 0; i < 8; ++i) {  // prefixes in common, then names of their own
    chains.push_back(names);
    for (std::size_t k = i % 6; k < names.size(); ++k) chains.back()[k] += 1000 * (i + 1);
  }
  const auto block = [](const sim::Content& c, std::int64_t i) {
    const sim::RunKey key = c.run_at(i, 16).key;
    return Block{{key.id, static_cast<int>(key.kind)}, i};
  };
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    sim::Content c;
    const auto kind = stream.below(3);
    if (kind == 0) {
      c = conversation(stream.below(10));
    } else if (kind == 1) {
      c = group_content(stream.below(5), 200, i);  // the groups of one length
    } else {
      c = group_content(0, 600, i);
      c.hashes = chains[stream.below(chains.size())];
      c.hash_tokens = 100;
    }
    const auto blocks = static_cast<std::int64_t>(stream.below(50));
    const auto place = static_cast<std::uint32_t>(stream.below(4));
    Found expected;
    for (auto& [at, set] : have) {
      std::int64_t n = 0;
      while (n < blocks && set.count(block(c, n)) > 0) ++n;
      if (n > 0) expected[at] = n;
    }
    REQUIRE(found(index, c, blocks) == expected);
    const auto act = stream.below(20);
    if (act == 0) {
      have.erase(place);
      index.clear(place);
      continue;
    }
    index.insert(c, blocks, place, SimTime{static_cast<std::int64_t>(i)});
    for (std::int64_t n = 0; n < blocks; ++n) have[place].insert(block(c, n));
  }
}
