// The prefix caches, which keep runs of blocks, against models that keep every block by itself.
#include <deque>
#include <list>
#include <map>
#include <set>
#include <tuple>

#include "sim/block_cache.h"
#include "sim/radix_cache.h"
#include "tests/support/random_scenario.h"

using namespace eph;
using namespace eph::test;
using sim::Content;
using sim::PrefixHit;
using sim::SeqId;

namespace {

using Key = std::tuple<int, std::uint64_t, std::int64_t>;  // kind, run, block

Key key_of(const Content& content, std::int64_t block, std::int64_t size) {
  const sim::RunKey key = content.run_at(block, size).key;
  return {static_cast<int>(key.kind), key.id, block};
}

// vLLM's block pool, block by block.
class BlockModel {
 public:
  BlockModel(std::int64_t blocks, std::int64_t size, bool merges) : size_(size), merges_(merges) {
    blocks_.resize(static_cast<std::size_t>(blocks));
    for (int i = 0; i < static_cast<int>(blocks); ++i) free_.push_back(i);
  }
  PrefixHit find(const Content& content, std::int64_t limit) const {
    PrefixHit hit;
    while (hit.blocks < limit) {
      const auto at = stored_.find(key_of(content, hit.blocks, size_));
      if (at == stored_.end()) break;
      hit.idle += block(at->second.front()).holders == 0 ? 1 : 0;
      ++hit.blocks;
    }
    return hit;
  }
  void hold(int seq, const Content& content, std::int64_t blocks) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      const int id = stored_.at(key_of(content, b, size_)).front();
      if (block(id).holders++ == 0) free_.remove(id);
      held_[seq].push_back(id);
      ++stored_by_[seq];
    }
  }
  void take(int seq, std::int64_t blocks) {
    for (; blocks > 0; --blocks) {
      const int id = free_.front();
      free_.pop_front();
      forget_contents(id);
      block(id).holders = 1;
      held_[seq].push_back(id);
    }
  }
  void store(int seq, const Content& content, std::int64_t blocks) {
    for (std::int64_t& b = stored_by_[seq]; b < blocks; ++b) {
      const Key key = key_of(content, b, size_);
      if (merges_ && stored_.count(key) > 0) continue;
      const int id = held_[seq][static_cast<std::size_t>(b)];
      block(id).key = key;
      block(id).known = true;
      stored_[key].push_back(id);
    }
  }
  void release(int seq) {
    auto& held = held_[seq];
    for (; !held.empty(); held.pop_back())
      if (--block(held.back()).holders == 0) free_.push_back(held.back());
    stored_by_[seq] = 0;
  }
  [[nodiscard]] std::int64_t free() const { return static_cast<std::int64_t>(free_.size()); }
  [[nodiscard]] std::int64_t held(int seq) { return static_cast<std::int64_t>(held_[seq].size()); }

 private:
  struct Block {
    Key key;
    bool known = false;
    int holders = 0;
  };
  Block& block(int id) { return blocks_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Block& block(int id) const { return blocks_[static_cast<std::size_t>(id)]; }
  void forget_contents(int id) {
    if (!block(id).known) return;
    auto& same = stored_.at(block(id).key);
    same.erase(std::find(same.begin(), same.end(), id));
    if (same.empty()) stored_.erase(block(id).key);
    block(id).known = false;
  }

  std::int64_t size_;
  bool merges_;
  std::vector<Block> blocks_;
  std::list<int> free_;
  std::map<Key, std::deque<int>> stored_;
  std::map<int, std::vector<int>> held_;
  std::map<int, std::int64_t> stored_by_;
};

// SGLang's radix tree with nodes that list their pages.
class TreeModel {
 public:
  TreeModel(std::int64_t pages, std::int64_t size) : pages_(pages), size_(size) {}
  ~TreeModel() { drop(root_); }
  TreeModel(const TreeModel&) = delete;
  TreeModel& operator=(const TreeModel&) = delete;

  PrefixHit find(const Content& content, std::int64_t limit) {
    Node* node = walk(content, limit);
    PrefixHit hit{depth(node), 0};
    for (; node != &root_; node = node->parent) hit.idle += node->locks == 0 ? node->size() : 0;
    return hit;
  }
  void hold(int seq, const Content& content, std::int64_t blocks) {
    --clock_;  // the look-up of find again
    place_[seq] = walk(content, blocks);
    lock(place_[seq], 1);
    held_[seq] = blocks;
  }
  void take(int seq, std::int64_t blocks) { held_[seq] += blocks; }
  void store(int seq, const Content& content, std::int64_t blocks) {
    Node*& place = node_of(seq);
    if (blocks <= depth(place)) return;
    Node* node = walk(content, blocks);
    if (const std::int64_t from = depth(node); from < blocks) {
      Node* leaf = new Node;
      leaf->parent = node;
      leaf->used = ++clock_;  // later than the leaf that the walk may have split off
      for (std::int64_t b = from; b < blocks; ++b) leaf->keys.push_back(key_of(content, b, size_));
      node->children[leaf->keys.front()] = leaf;
      node = leaf;
    }
    lock(node, 1);
    lock(place, -1);
    place = node;
  }
  void release(int seq) {
    lock(node_of(seq), -1);
    place_.erase(seq);
    held_.erase(seq);
  }
  void forget(std::int64_t blocks, std::int64_t short_of) {
    if (free() - short_of - tree_pages(root_, true) >= 0) return;
    for (std::int64_t gone = 0; gone < blocks;) {
      Node* oldest = nullptr;
      look_for_leaf(root_, oldest);
      if (oldest == nullptr) return;
      gone += oldest->size();
      oldest->parent->children.erase(oldest->keys.front());
      delete oldest;
    }
  }
  // Pages that are neither locked nor some sequence's own.
  [[nodiscard]] std::int64_t free() {
    std::int64_t own = 0;
    for (const auto& [seq, held] : held_) own += held - depth(node_of(seq));
    return pages_ - own - (tree_pages(root_, false) - tree_pages(root_, true));
  }
  [[nodiscard]] std::int64_t held(int seq) { return held_[seq]; }

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<Key> keys;
    std::map<Key, Node*> children;
    std::uint64_t used = 0;
    int locks = 0;
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(keys.size()); }
  };
  Node*& node_of(int seq) { return place_.try_emplace(seq, &root_).first->second; }
  static std::int64_t depth(const Node* node) {
    std::int64_t pages = 0;
    for (; node != nullptr; node = node->parent) pages += node->size();
    return pages;
  }
  static void lock(Node* node, int by) {
    for (; node->parent != nullptr; node = node->parent) node->locks += by;
  }
  Node* walk(const Content& content, std::int64_t limit) {
    ++clock_;
    Node* node = &root_;
    std::int64_t b = 0;
    while (b < limit) {
      const auto next = node->children.find(key_of(content, b, size_));
      if (next == node->children.end()) break;
      Node* child = next->second;
      child->used = clock_;
      std::size_t same = 0;
      for (; same < child->keys.size() && b < limit; ++same, ++b)
        if (child->keys[same] != key_of(content, b, size_)) break;
      if (same < child->keys.size()) return split(child, same);
      node = child;
    }
    return node;
  }
  static Node* split(Node* child, std::size_t at) {
    Node* upper = new Node;
    upper->parent = child->parent;
    upper->used = child->used;
    upper->locks = child->locks;
    upper->keys.assign(child->keys.begin(), child->keys.begin() + static_cast<std::ptrdiff_t>(at));
    child->keys.erase(child->keys.begin(), child->keys.begin() + static_cast<std::ptrdiff_t>(at));
    upper->parent->children[upper->keys.front()] = upper;
    upper->children[child->keys.front()] = child;
    child->parent = upper;
    return upper;
  }
  static std::int64_t tree_pages(const Node& node, bool unlocked) {
    std::int64_t pages = !unlocked || node.locks == 0 ? node.size() : 0;
    for (const auto& [key, child] : node.children) pages += tree_pages(*child, unlocked);
    return pages;
  }
  void look_for_leaf(Node& node, Node*& oldest) {
    for (const auto& [key, child] : node.children) look_for_leaf(*child, oldest);
    if (&node == &root_ || !node.children.empty() || node.locks > 0) return;
    if (oldest == nullptr || node.used < oldest->used) oldest = &node;
  }
  static void drop(Node& node) {
    for (const auto& [key, child] : node.children) {
      drop(*child);
      delete child;
    }
  }

  std::int64_t pages_, size_;
  Node root_;
  std::map<int, Node*> place_;
  std::map<int, std::int64_t> held_;
  std::uint64_t clock_ = 0;
};

// Prompts that share: hashed blocks out of few names, a group, or a conversation.
class Prompts {
 public:
  Prompts(Stream& stream, std::int64_t size) : stream_(stream), size_(size) {}
  struct Prompt {
    Content content;
    std::int64_t tokens = 0;
  };
  Prompt draw(std::uint64_t number) {
    Prompt p;
    p.content.stream = 2 * number + 1;
    p.tokens = detail::in(stream_, 1, 24 * size_);
    const std::uint64_t kind = stream_.below(4);
    if (kind == 0) {  // two in three conversations stand behind a shared prompt
      p.content.lasting = true;
      const std::uint64_t conversation = stream_.below(6);
      p.content.stream = 2 * conversation;
      p.content.group = conversation % 3;
      if (p.content.group > 0) p.content.shared_tokens = static_cast<std::int32_t>(2 * size_ + 1);
      p.tokens = std::max<std::int64_t>(p.tokens, p.content.shared_tokens + 1);
    }
    if (kind == 1) {
      p.content.group = stream_.below(3);
      p.content.shared_tokens = static_cast<std::int32_t>(detail::in(stream_, 1, p.tokens));
    }
    if (kind >= 2) name_blocks(p);
    return p;
  }

 private:
  // Names are chained: a block's name says what stands before it.
  void name_blocks(Prompt& p) {
    p.content.hash_tokens = static_cast<std::int32_t>(2 * size_ + size_ / 2);
    const auto blocks =
        static_cast<std::size_t>((p.tokens + p.content.hash_tokens - 1) / p.content.hash_tokens);
    auto& names = names_.emplace_back();
    std::uint64_t name = 1;
    for (std::size_t i = 0; i < blocks; ++i) {
      name = name * 8 + stream_.below(2);
      names.push_back(name);
    }
    p.content.hashes = names;
    p.content.shared_tokens = static_cast<std::int32_t>(p.tokens);
  }
  Stream& stream_;
  std::int64_t size_;
  std::list<std::vector<std::uint64_t>> names_;
};

struct Active {
  Prompts::Prompt prompt;
  std::int64_t limit = 0;   // blocks it will need
  std::int64_t stored = 0;  // blocks it has stored
};

// Random admissions, growth, ends and preemptions on both; every count must agree.
template <class Model>
void run_both(Stream& stream, sim::PrefixCache& cache, Model& model, std::int64_t pool,
              std::int64_t size) {
  constexpr bool kTree = std::is_same_v<Model, TreeModel>;
  Prompts prompts(stream, size);
  std::map<int, Active> active;
  std::int64_t free = pool;
  std::uint64_t found = 0;
  const auto take = [&](int seq, std::int64_t n) {
    cache.take(n);
    model.take(seq, n);
    free -= n;
    if constexpr (kTree) {
      cache.forget(n, free);
      model.forget(n, 0);
    }
  };
  const auto store = [&](int seq, std::int64_t blocks, bool returns) {
    Active& a = active.at(seq);
    a.stored = std::max(a.stored, blocks);
    if (!kTree && !returns) blocks = a.prompt.content.shareable(blocks, size);
    const std::int64_t before = model.free();
    model.store(seq, a.prompt.content, blocks);
    const std::int64_t idle =
        cache.store(SeqId{static_cast<std::uint32_t>(seq)}, a.prompt.content, blocks, returns);
    REQUIRE(idle == model.free() - before);
    free += idle;
  };
  for (std::uint64_t number = 0; number < 300; ++number) {
    const auto seq = static_cast<int>(stream.below(6));
    if (active.count(seq) == 0) {
      Active a{prompts.draw(number), 0, 0};
      a.limit = (a.prompt.tokens + size - 1) / size + detail::in(stream, 0, 6);
      const std::int64_t limit = (a.prompt.tokens - 1) / size;
      const PrefixHit hit = cache.find(a.prompt.content, limit);
      const PrefixHit expected = model.find(a.prompt.content, limit);
      REQUIRE(hit.blocks == expected.blocks);
      REQUIRE(hit.idle == expected.idle);
      const std::int64_t more = std::max(hit.blocks, detail::in(stream, 1, a.limit)) - hit.blocks;
      if (hit.idle + more > free) continue;
      found += static_cast<std::uint64_t>(hit.blocks);
      if (hit.blocks > 0) {
        cache.hold(SeqId{static_cast<std::uint32_t>(seq)}, a.prompt.content, hit.blocks);
        model.hold(seq, a.prompt.content, hit.blocks);
        free -= hit.idle;
      }
      a.stored = hit.blocks;
      active.emplace(seq, a);
      take(seq, more);
    } else if (detail::chance(stream, 60)) {
      const std::int64_t held = model.held(seq);
      const std::int64_t more =
          detail::in(stream, 0, std::max<std::int64_t>(0, active.at(seq).limit - held));
      if (more <= free) take(seq, more);
      store(seq, detail::in(stream, 0, model.held(seq)), false);
    } else {
      const bool returns = detail::chance(stream, 40);
      if (!kTree || !returns) store(seq, model.held(seq), returns);
      const std::int64_t before = model.free(), held = model.held(seq);
      model.release(seq);
      const std::int64_t idle = cache.release(SeqId{static_cast<std::uint32_t>(seq)}, held);
      REQUIRE(idle == model.free() - before);
      free += idle;
      active.erase(seq);
    }
    REQUIRE(free == model.free());
  }
  for (const auto& [seq, a] : active)
    free += cache.release(SeqId{static_cast<std::uint32_t>(seq)}, model.held(seq));
  REQUIRE(free == pool);  // nothing is held any more
  CHECK(found > 0);
}

}  // namespace

TEST_CASE("blocks kept as extents behave like single ones") {
  const bool merges = GENERATE(false, true);
  for (const std::uint64_t seed : seeds(600)) {
    INFO("EPH_SEED=" << seed << " merges " << merges);
    Stream stream({seed, 1, Purpose::test, merges ? 1U : 0U});
    const std::int64_t size = std::vector<std::int64_t>{1, 4, 6}[stream.below(3)];
    models::KvPool pool;
    pool.block_size = size;
    pool.usable_blocks = pool.blocks = detail::in(stream, 40, 200);
    sim::BlockCache cache({}, merges, pool);
    BlockModel model(pool.usable_blocks, size, merges);
    run_both(stream, cache, model, pool.usable_blocks, size);
  }
}

TEST_CASE("the radix tree of runs behaves like one of pages") {
  for (const std::uint64_t seed : seeds(600)) {
    INFO("EPH_SEED=" << seed);
    Stream stream({seed, 2, Purpose::test, 0});
    const std::int64_t size = std::vector<std::int64_t>{1, 4, 6}[stream.below(3)];
    models::KvPool pool;
    pool.block_size = size;
    pool.usable_blocks = pool.blocks = detail::in(stream, 40, 200);
    sim::RadixCache cache(pool);
    TreeModel model(pool.usable_blocks, size);
    run_both(stream, cache, model, pool.usable_blocks, size);
  }
}
