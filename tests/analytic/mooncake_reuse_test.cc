// Cache hits on the Mooncake conversation trace against a count of single blocks. The requests run
// one after another where the cache is bounded or the order of prefills matters, so that the count
// needs no clock; outputs are cut to 16 tokens to save time. Measured data; skipped where absent.
#include <cstdlib>
#include <filesystem>
#include <list>
#include <map>
#include <set>
#include <unordered_map>

#include "tests/support/recording_sink.h"
#include "tests/support/scenario.h"
#include "workload/open_load.h"
#include "workload/trace_reader.h"
#include "workload/transforms.h"

using namespace eph;
using namespace eph::test;

namespace {

std::unique_ptr<workload::ArrivalSource> open_trace() {
  const char* const folder = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::filesystem::path root =
      folder != nullptr ? std::filesystem::path(folder)
                        : std::filesystem::path(EPH_SOURCE_DIR) / ".." / "shared" / "data";
  const std::filesystem::path file = root / "traces" / "mooncake_conversation_trace.jsonl.gz";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: no " << file.filename() << " (set EPHEMERIS_SHARED_DATA)");
    return nullptr;
  }
  auto trace = workload::open_trace(file.string(), {});
  REQUIRE(trace);
  auto capped = workload::cap_tokens(std::move(*trace), {.output = 16});
  REQUIRE(capped);
  return std::move(*capped);
}

struct Prompt {
  std::int64_t tokens = 0, output = 0;
  std::vector<std::uint64_t> names;  // of 512 tokens each
};

std::vector<Prompt> prompts() {
  std::vector<Prompt> all;
  const auto source = open_trace();
  if (source == nullptr) return all;
  std::vector<workload::Arrival> block(64);
  for (;;) {
    const auto pulled = source->pull(block);
    REQUIRE(pulled);
    if (*pulled == 0) return all;
    for (std::size_t i = 0; i < *pulled; ++i) {
      const auto names = source->block_hashes(block[i]);
      all.push_back({block[i].prompt_tokens, block[i].output_tokens, {names.begin(), names.end()}});
    }
  }
}

// A KV block by the name of its 512 tokens and its place in them.
using Block = std::pair<std::uint64_t, std::int64_t>;
Block block_at(const Prompt& prompt, std::int64_t i, std::int64_t size) {
  return {prompt.names[static_cast<std::size_t>(i * size / 512)], i * size % 512};
}

std::int64_t unbounded_hits(const std::vector<Prompt>& all, std::int64_t size) {
  std::set<Block> seen;
  std::int64_t hits = 0;
  for (const Prompt& prompt : all) {
    std::int64_t i = 0;
    while (i < (prompt.tokens - 1) / size && seen.count(block_at(prompt, i, size)) > 0) ++i;
    hits += i * size;
    for (; i < prompt.tokens / size; ++i) seen.insert(block_at(prompt, i, size));
  }
  return hits;
}

// To the token: of a name, as many tokens as any prompt so far had of it.
std::int64_t unbounded_token_hits(const std::vector<Prompt>& all) {
  std::unordered_map<std::uint64_t, std::int64_t> seen;
  std::int64_t hits = 0;
  for (const Prompt& prompt : all) {
    std::int64_t found = 0;
    for (std::size_t i = 0; i < prompt.names.size(); ++i) {
      const auto known = seen.find(prompt.names[i]);
      const std::int64_t here =
          std::min<std::int64_t>(512, prompt.tokens - 512 * static_cast<std::int64_t>(i));
      const std::int64_t same = known == seen.end() ? 0 : std::min(here, known->second);
      found += same;
      if (same < 512) break;
    }
    hits += std::min(found, prompt.tokens - 1);
    for (std::size_t i = 0; i < prompt.names.size(); ++i) {
      std::int64_t& most = seen[prompt.names[i]];
      most = std::max(
          most, std::min<std::int64_t>(512, prompt.tokens - 512 * static_cast<std::int64_t>(i)));
    }
  }
  return hits;
}

// One request at a time through a queue of `blocks` free blocks, front first, released last block
// first; equal blocks are kept apart and the oldest is found.
std::int64_t bounded_hits(const std::vector<Prompt>& all, std::int64_t blocks, std::int64_t size) {
  struct Held {
    bool named = false;
    Block name;
  };
  std::list<Held> queue(static_cast<std::size_t>(blocks));
  std::map<Block, std::list<std::list<Held>::iterator>> places;
  std::int64_t hits = 0;
  for (const Prompt& prompt : all) {
    std::list<Held> held;
    std::int64_t i = 0;
    for (; i < (prompt.tokens - 1) / size; ++i) {
      const auto known = places.find(block_at(prompt, i, size));
      if (known == places.end()) break;
      held.splice(held.begin(), queue, known->second.front());  // held in reverse order
    }
    hits += i * size;
    const std::int64_t computed = prompt.tokens + prompt.output - 1;
    for (; i < (computed + size - 1) / size; ++i) {
      const auto front = queue.begin();
      if (front->named) {
        auto& same = places.at(front->name);
        same.remove(front);
        if (same.empty()) places.erase(front->name);
      }
      held.splice(held.begin(), queue, front);
      front->named = i < prompt.tokens / size;
      if (!front->named) continue;
      front->name = block_at(prompt, i, size);
      places[front->name].push_back(front);
    }
    queue.splice(queue.end(), held);
  }
  return hits;
}

sim::RunCounts simulate(models::EngineKind kind, std::int64_t blocks, std::int64_t size,
                        std::int64_t at_once) {
  const ConstantStepModel step(0.001);
  Scenario s(kind, step, blocks, size);
  s.engine().prefix_caching = true;
  s.engine().max_num_seqs = at_once;
  workload::OpenLoad load(open_trace());
  const auto summary = sim::Simulation(s.config).run(load, {});
  REQUIRE(summary);
  CHECK(summary->counts.finished == summary->counts.arrived);
  return summary->counts;
}

constexpr std::int64_t kPlenty = 200'000'000;  // tokens; the trace's prompts are 145 million

}  // namespace

TEST_CASE("Mooncake: hits in an unbounded cache are those of blocks seen before") {
  const std::vector<Prompt> all = prompts();
  if (all.empty()) return;
  REQUIRE(all.size() == 12031);
  const sim::RunCounts vllm = simulate(models::EngineKind::vllm, kPlenty / 16, 16, 1024);
  CHECK(vllm.cached_tokens == static_cast<std::uint64_t>(unbounded_hits(all, 16)));
  const sim::RunCounts trtllm = simulate(models::EngineKind::trtllm, kPlenty / 32, 32, 1);
  CHECK(trtllm.cached_tokens == static_cast<std::uint64_t>(unbounded_hits(all, 32)));
  const sim::RunCounts sglang = simulate(models::EngineKind::sglang, kPlenty, 1, 1);
  CHECK(sglang.cached_tokens == static_cast<std::uint64_t>(unbounded_token_hits(all)));
  CAPTURE(vllm.hit_rate(), trtllm.hit_rate(), sglang.hit_rate());
  CHECK(vllm.hit_rate() > 0.3);  // 36.6 % of the 512-token blocks were there before
  CHECK(sglang.hit_rate() >= vllm.hit_rate());
  UNSCOPED_INFO("hit rates " << vllm.hit_rate() << " vLLM, " << trtllm.hit_rate()
                             << " TensorRT-LLM, " << sglang.hit_rate() << " SGLang");
}

TEST_CASE("Mooncake: hits in a bounded cache are those of a queue of single blocks") {
  const std::vector<Prompt> all = prompts();
  if (all.empty()) return;
  for (const std::int64_t blocks : {20'000, 400'000}) {
    const sim::RunCounts vllm = simulate(models::EngineKind::vllm, blocks, 16, 1);
    CAPTURE(blocks, vllm.hit_rate());
    CHECK(vllm.cached_tokens == static_cast<std::uint64_t>(bounded_hits(all, blocks, 16)));
  }
}
