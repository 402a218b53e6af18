#include "calibration/run_facts.h"

#include "tests/unit/calibration/readers/reader_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// A log of two requests with nothing but their times.
const char* const kLog =
    "arrival_s,prompt_tokens,output_tokens,first_token_s,last_token_s\n0,100,11,0.1,0.2\n1,300,11,"
    "1.1,1.2\n";
const char* const kBatch =
    R"({"batch_size": 4, "input_len": 500, "output_len": 2, "prefill_latency": 0.25, "total_latency": 0.5})";

RunFacts deployment() {
  RunFacts facts;
  facts.engine = "vllm";
  facts.gpu = "h100-sxm";
  facts.model = "meta-llama/Llama-3.1-8B-Instruct";
  facts.tp = 1;
  return facts;
}

Result<RunTable> load(const std::string& text, const RunFacts& facts) {
  return load_runs(write_temporary("facts_input", text), facts);
}

}  // namespace

TEST_CASE("facts fill in what the file does not say") {
  const auto table = load(kLog, deployment());
  REQUIRE(table.has_value());
  const MeasuredRun& run = table->runs.at(0);
  CHECK(run.engine == models::EngineKind::vllm);
  CHECK(run.gpu == "h100-sxm");
  CHECK(run.layout.tensor == 1);
  CHECK(run.layout.pipeline == 1);  // not said: 1
  // The table that validate writes back has them too.
  CHECK(table->table.text(0, "gpu") == "h100-sxm");
}

TEST_CASE("what is still missing is one error that names every flag") {
  RunFacts facts = deployment();
  facts.gpu.clear();
  facts.tp.reset();
  const auto table = load(kLog, facts);
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().kind == ErrorKind::usage);
  CHECK(table.error().text().find("(2 facts are missing); add --gpu NAME --tp N") !=
        std::string::npos);
}

TEST_CASE("a run that lacks something among complete ones is kept and says what it lacks") {
  const std::string row =
      R"({"hw": "h100-sxm", "conc": 4, "model": "m", "infmax_model_prefix": "x", )"
      R"("framework": "vllm", "isl": 100, "osl": 10, "tp": 1, "tput_per_gpu": 1.0, "mean_ttft": 0.1})";
  const auto table = load(row + "\n" + with(row, "\"h100-sxm\"", "\"\""), {});
  REQUIRE(table.has_value());
  CHECK(table->runs[0].problem.empty());
  CHECK(table->runs[1].problem == "add --gpu NAME");
}

TEST_CASE("a fact that contradicts the file is an error that names the flag") {
  RunFacts facts = deployment();
  facts.engine = "trtllm";  // bench_one_batch is SGLang's
  auto table = load(kBatch, facts);
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("--engine trtllm contradicts the file, which says sglang") !=
        std::string::npos);
  facts.engine = "sglang";
  facts.isl = 512;
  table = load(kBatch, facts);
  REQUIRE_FALSE(table.has_value());
  CHECK(table.error().text().find("--isl 512 contradicts the file, which says 500") !=
        std::string::npos);
  facts.isl = 500;
  CHECK(load(kBatch, facts).has_value());
}

TEST_CASE("names of GPUs and models may be translated") {
  const std::string inferencex =
      R"({"hw": "h100", "conc": 4, "model": "acme/8b", "infmax_model_prefix": "x", "framework": "vllm",
          "precision": "bf16", "isl": 100, "osl": 10, "tp": 1, "tput_per_gpu": 1.0, "mean_ttft": 0.1})";
  RunFacts facts;
  facts.gpu = "h100=h100-sxm";
  facts.model = "acme/8b=meta-llama/Llama-3.1-8B-Instruct";
  const auto table = load(inferencex, facts);
  REQUIRE(table.has_value());
  CHECK(table->runs[0].gpu == "h100-sxm");
  CHECK(table->runs[0].model == "meta-llama/Llama-3.1-8B-Instruct");
  facts.gpu = "b200=h100-sxm";
  CHECK_FALSE(load(inferencex, facts).has_value());
}

TEST_CASE("the same GPU or type under another spelling is no contradiction") {
  MeasuredRun run;
  run.gpu = "NVIDIA H100 80GB HBM3";
  run.dtype = "bfloat16";
  RunFacts facts;
  facts.gpu = "h100-sxm";
  facts.dtype = "bf16";
  CHECK(apply_facts(facts, "f", run).has_value());
}

TEST_CASE("a client's backend is only a hint at the engine") {
  MeasuredRun run;
  run.engine_text = "vllm";
  run.engine = models::EngineKind::vllm;
  run.engine_is_client = true;
  RunFacts facts;
  facts.engine = "sglang";
  REQUIRE(apply_facts(facts, "f", run).has_value());
  CHECK(run.engine == models::EngineKind::sglang);
}

TEST_CASE("a log's load is as recorded until the command line describes the generator") {
  RunFacts facts = deployment();
  CHECK(load(kLog, facts)->runs[0].protocol == Protocol::recorded);
  facts.concurrency = 2;
  const MeasuredRun closed = load(kLog, facts)->runs[0];
  CHECK(closed.protocol == Protocol::closed_loop);
  CHECK(closed.load->requests == 2);
  facts.request_rate = 1.5;
  const MeasuredRun open = load(kLog, facts)->runs[0];
  CHECK(open.protocol == Protocol::open_loop);
  CHECK(open.load->rate == 1.5);
  CHECK(open.load->burstiness == 1);
  facts.burstiness = 0.25;
  CHECK(load(kLog, facts)->runs[0].load->burstiness == 0.25);
}

TEST_CASE("rows of the older tables take facts too, and contradictions") {
  const std::string row = serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 256, 32, 4, 2, "burst");
  RunFacts facts;
  facts.kv_dtype = "fp8";
  const auto table = load(kServingHeader + row, facts);
  REQUIRE(table.has_value());
  CHECK(table->runs[0].settings.kv_dtype == "fp8");
  facts.tp = 4;
  CHECK(load(kServingHeader + row, facts)
            .error()
            .text()
            .find("--tp 4 contradicts the file, which says 2") != std::string::npos);
}

TEST_CASE("selecting facts let rows of other engines and GPUs pass") {
  const std::string row = serving_row("sglang", "Qwen/Qwen3-32B", "bf16", 256, 32, 4, 2, "burst");
  RunFacts facts;
  facts.engine = "vllm";
  facts.gpu = "b200";
  facts.selects = true;
  const auto table = load(kServingHeader + row, facts);
  REQUIRE(table.has_value());
  CHECK(table->runs[0].engine == models::EngineKind::sglang);
}
