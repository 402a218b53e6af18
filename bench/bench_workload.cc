// Reading and making traffic: requests and bytes per second.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/line_source.h"
#include "tests/support/gzip.h"
#include "workload/model_source.h"
#include "workload/open_load.h"
#include "workload/trace_reader.h"
#include "workload/transforms.h"

namespace {

using namespace eph;
using namespace eph::workload;

constexpr int kRows = 500'000;

std::string azure_text() {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (int i = 0; i < kRows; ++i) {
    const int s = i / 50;
    text += fmt::format("2024-05-12 {:02}:{:02}:{:02}.{:06}+00:00,{},{}\n", s / 3600, s / 60 % 60,
                        s % 60, i % 50 * 20000 + 7, 100 + i % 4000, 1 + i % 500);
  }
  return text;
}

std::string plain_text() {
  std::string text = "arrival_s,prompt_tokens,output_tokens,session,class\n";
  for (int i = 0; i < kRows; ++i) {
    text += fmt::format("{}.{:06},{},{},{},{}\n", i / 50, i % 50 * 20000, 100 + i % 4000,
                        1 + i % 500, i / 7, i % 2 == 0 ? "chat" : "batch");
  }
  return text;
}

std::string burstgpt_text() {
  std::string text = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
  for (int i = 0; i < kRows; ++i) {
    const int prompt = 100 + i % 4000, output = 1 + i % 500;
    text += fmt::format("{},{},{},{},{},{}\n", i / 20, i % 3 == 0 ? "GPT-4" : "ChatGPT", prompt,
                        output, prompt + output, i % 5 == 0 ? "API log" : "Conversation log");
  }
  return text;
}

std::string mooncake_text() {
  std::string text;
  for (int i = 0; i < kRows / 10; ++i) {
    text += fmt::format(
        "{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 300, \"hash_ids\": [0",
        i * 20, 512 * 24);
    for (int block = 1; block < 24; ++block) text += fmt::format(", {}", i * 23 + block);
    text += "]}\n";
  }
  return text;
}

// Every request through an open load, as the simulation takes them.
void drain(benchmark::State& state, Result<SourcePtr> source, double& requests,
           std::uint64_t& digest) {
  if (!source) return state.SkipWithError(source.error().text().c_str());
  OpenLoad load(std::move(source).value());
  Digest all;
  while (load.peek() != SimTime::never()) {
    const Arrival a = load.take();
    all.add(a.at.ns);
    all.add(static_cast<std::int64_t>(a.prompt_tokens));
    requests += 1;
  }
  if (!load.failed()) state.SkipWithError(load.failed().error().text().c_str());
  digest = all.value();
}

void finish(benchmark::State& state, double requests, std::uint64_t digest) {
  state.counters["requests/s"] = benchmark::Counter(requests, benchmark::Counter::kIsRate);
  state.SetLabel(fmt::format("digest {:016x}", digest));
}

// A file as the simulation's loads pull it, in blocks of 512 requests. Bytes are those of the text.
void read(benchmark::State& state, std::string (*make)(), bool packed = false) {
  const auto path = (std::filesystem::temp_directory_path() / "ephemeris_bench_trace").string();
  const std::string text = make();
  if (!write_file(path, packed ? test::gzip(text) : text))
    return state.SkipWithError("cannot write the trace");
  double requests = 0;
  std::uint64_t digest = 0;
  std::vector<Arrival> block(512);
  for (auto _ : state) {
    auto source = open_trace(path);
    if (!source) return state.SkipWithError(source.error().text().c_str());
    Digest all;
    for (;;) {
      const auto pulled = (*source)->pull(block);
      if (!pulled) return state.SkipWithError(pulled.error().text().c_str());
      if (*pulled == 0) break;
      for (const Arrival& a : std::span(block).first(*pulled)) {
        all.add(a.at.ns);
        all.add(static_cast<std::int64_t>(a.prompt_tokens) << 32 | a.output_tokens);
        all.add(a.session + a.request_class);
      }
      requests += static_cast<double>(*pulled);
    }
    digest = all.value();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size() * state.iterations()));
  finish(state, requests, digest);
  std::filesystem::remove(path);
}

void model(benchmark::State& state, const char* name) {
  const auto loaded =
      load_workload_model(fmt::format("{}/data/workloads/{}.json", EPH_SOURCE_DIR, name));
  if (!loaded) return state.SkipWithError(loaded.error().text().c_str());
  double requests = 0;
  std::uint64_t digest = 0;
  ModelTrafficOptions options;
  options.rate_scale = static_cast<double>(state.range(0));
  options.requests = 100'000;
  for (auto _ : state) drain(state, make_model_traffic(*loaded, options), requests, digest);
  finish(state, requests, digest);
}

void superposed(benchmark::State& state) {
  const auto loaded = load_workload_model(EPH_SOURCE_DIR "/data/workloads/azure-conv-2023.json");
  if (!loaded) return state.SkipWithError(loaded.error().text().c_str());
  double requests = 0;
  std::uint64_t digest = 0;
  for (auto _ : state) {
    Result<SourcePtr> source = make_model_traffic(*loaded);
    source = superpose(std::move(*source), static_cast<double>(state.range(0)));
    drain(state, std::move(source), requests, digest);
  }
  finish(state, requests, digest);
}

}  // namespace

BENCHMARK_CAPTURE(read, azure, azure_text)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, plain, plain_text)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, burstgpt, burstgpt_text)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, azure_gz, azure_text, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, mooncake, mooncake_text)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(model, azure_conv, "azure-conv-2023")
    ->Arg(1)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(model, mooncake, "mooncake-conversation")
    ->Arg(1)
    ->Arg(20)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(superposed)->Arg(20)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
