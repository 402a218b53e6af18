#include "calibration/readers/own_table.h"

#include "core/line_source.h"
#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

MeasuredRun round_trip(const MeasuredRun& run) {
  const std::vector<MeasuredRun> runs{run};
  return read_runs("round_trip.csv", write_own_table("round_trip.csv", runs).text()).at(0);
}

}  // namespace

TEST_CASE("the runs table holds what a run says and how it was loaded") {
  MeasuredRun run;
  run.id = "x-1";
  run.tool = "vllm bench serve";
  run.source = "a, b.json";
  run.engine_text = "sglang";
  run.engine = models::EngineKind::sglang;
  run.engine_version = "0.5.2";
  run.gpu = "NVIDIA H100 80GB HBM3";
  run.model = "Qwen/Qwen3-32B";
  run.dtype = "bf16";
  run.layout = {.tensor = 4, .pipeline = 2, .expert = 1, .attention_data = 1};
  run.settings = {.kv_dtype = "fp8",
                  .max_num_seqs = 128,
                  .max_num_batched_tokens = 4096,
                  .chunk_tokens = -1,
                  .memory_fraction = 0.85,
                  .kv_blocks = 9000};
  run.max_model_len = 8192;
  run.isl = 1000;
  run.osl = 200;
  run.protocol = Protocol::open_loop;
  run.concurrency = 64;
  run.ramp_s = 2.5;
  run.stage_s = 60;
  run.load = RunLoad{.requests = 500,
                     .rate = 3.25,
                     .burstiness = 0.5,
                     .shortest_share = 0.8,
                     .turn_s = 0.004,
                     .count_from_s = 3,
                     .in_process = true,
                     .recorded = nullptr};
  run.note = "half of it";
  run.measured[Figure::ttft_p90] = 123.5;
  run.measured[Figure::mean_tpot] = 8.25;

  const MeasuredRun back = round_trip(run);
  CHECK(back.id == run.id);
  CHECK(back.tool == run.tool);
  CHECK(back.source == run.source);
  CHECK(back.engine == run.engine);
  CHECK(back.engine_version == run.engine_version);
  CHECK(back.gpu == run.gpu);
  CHECK(back.model == run.model);
  CHECK(back.dtype == run.dtype);
  CHECK(back.layout == run.layout);
  CHECK(back.settings.kv_dtype == "fp8");
  CHECK(back.settings.max_num_seqs == 128);
  CHECK(back.settings.max_num_batched_tokens == 4096);
  CHECK(back.settings.chunk_tokens == -1);
  CHECK(back.settings.memory_fraction == 0.85);
  CHECK(back.settings.kv_blocks == 9000);
  CHECK(back.max_model_len == 8192);
  CHECK(back.isl == 1000);
  CHECK(back.osl == 200);
  CHECK(back.protocol == Protocol::open_loop);
  CHECK(back.concurrency == 64);
  CHECK(back.ramp_s == 2.5);
  CHECK(back.stage_s == 60);
  CHECK(back.load->requests == 500);
  CHECK(back.load->rate == 3.25);
  CHECK(back.load->burstiness == 0.5);
  CHECK(back.load->shortest_share == 0.8);
  CHECK(back.load->turn_s == 0.004);
  CHECK(back.load->count_from_s == 3);
  CHECK(back.load->in_process);
  CHECK(back.note == run.note);
  check_figure(back, Figure::ttft_p90, 123.5);
  check_figure(back, Figure::mean_tpot, 8.25);
  check_absent(back, Figure::mean_ttft);
}

TEST_CASE("rows of the older tables keep their protocol in the runs table") {
  const MeasuredRun row =
      read_one(serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 1024, 512, 16, 2, "inferencemax"));
  const MeasuredRun back = round_trip(row);
  CHECK(back.protocol == Protocol::inferencemax);
  CHECK_FALSE(back.load.has_value());
  CHECK(back.concurrency == 16);
  CHECK(back.layout.tensor == 2);
  check_figure(back, Figure::mean_ttft, 100);
}

TEST_CASE("recorded arrivals become a rate and a burstiness in the runs table") {
  // Gaps of 1 and 3 s: mean 2, sample variance 2, so a gamma shape of 4 / 2.
  MeasuredRun run;
  run.isl = 20;
  run.osl = 4;
  run.protocol = Protocol::recorded;
  run.load.emplace();
  run.load->recorded = std::make_shared<const std::vector<RecordedRequest>>(
      std::vector<RecordedRequest>{{0, 10, 4}, {1, 20, 4}, {4, 30, 4}});
  const MeasuredRun back = round_trip(run);
  CHECK(back.protocol == Protocol::open_loop);
  CHECK(back.load->requests == 3);
  CHECK(back.load->rate == 0.5);
  CHECK(back.load->burstiness == 2);
  CHECK(back.note.find("mean rate and burstiness") != std::string::npos);
}

TEST_CASE("a bad cell of the runs table is an error with line and column") {
  const Error error =
      read_error("own_bad.csv", "tool,load,isl,osl,mean_ttft_ms\nx,closed_loop,ten,1,5\n");
  CHECK(error.text().find("own_bad.csv:2") != std::string::npos);
  CHECK(error.text().find("ten") != std::string::npos);
}
