// ephemeris startup: how long a replica takes until it serves.
#include "models/startup.h"

#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/table.h"
#include "core/text.h"
#include "models/catalog.h"
#include "models/memory.h"

namespace eph::app {

namespace {

struct Question {
  models::EngineKind engine = models::EngineKind::vllm;
  models::StartupQuery query;
  std::string model;
};

Result<Question> read_question(const Arguments& arguments, const models::Catalog& catalog) {
  Question out;
  const std::string engine = arguments.text("engine", "vllm");
  const auto kind = models::parse_engine(engine);
  if (!kind) {
    const std::vector<std::string> names{"vllm", "sglang", "trtllm", "llamacpp"};
    return usage_error(fmt::format("--engine: \"{}\" is not known", engine),
                       suggest(engine, names));
  }
  out.engine = *kind;
  if (!arguments.has("model")) return usage_error("no language model is given", "add --model NAME");
  const Result<models::LlmSpec> llm = catalog.llm(arguments.text("model"));
  if (!llm) return llm.error();
  const Result<models::GpuSpec> gpu = catalog.gpu(arguments.text("gpu", "h100-sxm"));
  if (!gpu) return gpu.error();
  const Result<std::int64_t> tp = arguments.integer("tp", 1, 1024, 1);
  if (!tp) return tp.error();
  const Result<std::int64_t> pp = arguments.integer("pp", 1, 1024, 1);
  if (!pp) return pp.error();
  out.model = llm->name;
  out.query.weight_bytes = models::weight_bytes(*llm).as_double();
  out.query.layers = llm->layers;
  out.query.gpus = static_cast<int>(*tp * *pp);
  out.query.gpu = gpu->name;
  out.query.cloud = arguments.text("cloud");
  if (arguments.has("download")) {
    const auto rate = parse_bandwidth(arguments.text("download"));
    if (!rate) return rate.error();
    if (!(rate->value > 0)) return usage_error("--download must be above zero");
    out.query.download_bytes_per_s = rate->value;
  }
  return out;
}

std::vector<std::string> notes(const Question& question, const models::FoundStartup& found,
                               const models::StartupDistribution& start) {
  std::vector<std::string> out;
  if (found.borrowed) {
    out.push_back(
        fmt::format("no start-ups of {} were measured: these are vLLM's times, with a "
                    "spread {} times as wide",
                    models::display(question.engine), models::kForeignEngineSpread));
  }
  if (!start.known_host) {
    out.push_back(fmt::format(
        "no machine with {} {} was measured: the spread is that of new hosts", question.query.gpu,
        question.query.cloud.empty() ? "and no cloud given" : "on " + question.query.cloud));
  }
  if (question.query.weight_bytes > found.model.weight_bytes_max ||
      question.query.gpus > found.model.gpus_max) {
    out.push_back(
        fmt::format("outside of what was measured: up to {:.0f} GB of weights and {} GPUs",
                    found.model.weight_bytes_max / 1e9, found.model.gpus_max));
  }
  return out;
}

constexpr models::StartKind kKinds[] = {models::StartKind::warm, models::StartKind::cold,
                                        models::StartKind::fresh};

}  // namespace

const CommandSpec& startup_spec() {
  static const CommandSpec spec{
      "startup",
      "how long a replica takes from process start until it serves",
      "--model NAME [OPTIONS]",
      "warm: weights and compiled kernels are on the machine; cold: they are downloaded and "
      "compiled; fresh: cold, and the engine has never run on the machine.",
      {"ephemeris startup --model meta-llama/Llama-3.1-8B-Instruct --gpu h100-sxm --cloud gcp"},
      {{"start",
        {{"model", "NAME", "language model: a catalogue name or the path of a config.json"},
         {"engine", "ENGINE", "vllm, sglang, trtllm or llamacpp [vllm]"},
         {"gpu", "NAME", "GPU [h100-sxm]"},
         {"tp", "N", "tensor-parallel GPUs [1]"},
         {"pp", "N", "pipeline stages [1]"},
         {"cloud", "NAME", "cloud of the machine, one that was measured [not known]"},
         {"download", "RATE", "bandwidth of the download, as in 200 MB/s [as fitted]"}}},
       {"output", {{"json", "", "print JSON instead of a table"}, data_option()}}},
      0};
  return spec;
}

int run_startup(const Arguments& arguments) {
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  Result<Question> question = read_question(arguments, *catalog);
  if (!question) return fail(question.error());
  const Result<models::FoundStartup> found = models::find_startup(*catalog, question->engine);
  if (!found) return fail(found.error());
  if (auto ok = models::check_cloud(found->model, question->query.cloud); !ok)
    return fail(usage_error("--cloud: " + ok.error().what, ok.error().remedy));

  TextTable table({"start", "p50 s", "p90 s", "p95 s", "of it download s"});
  Json starts = Json::array();
  models::StartupDistribution start;
  for (const models::StartKind kind : kKinds) {
    question->query.kind = kind;
    start = found->model.distribution(question->query);
    table.add({std::string(models::name(kind)), human(start.median_s), human(start.quantile(0.9)),
               human(start.quantile(0.95)), human(start.download_s)});
    Json item = Json::object();
    item.set("start", models::name(kind)).set("p50_s", start.median_s);
    item.set("p90_s", start.quantile(0.9)).set("p95_s", start.quantile(0.95));
    starts.push(item.set("download_s", start.download_s).set("sd_log", start.sigma));
  }
  Json warnings = Json::array();
  std::string text =
      fmt::format("{} of {} on {} {}\n{}", models::display(question->engine), question->model,
                  question->query.gpus, question->query.gpu, table.text());
  for (const std::string& note : notes(*question, *found, start)) {
    text += fmt::format("warning: {}\n", note);
    warnings.push(Json::string(note));
  }
  Json json = Json::object();
  json.set("version", 1).set("command", "startup").set("model", question->model);
  json.set("engine", models::name(question->engine)).set("starts", std::move(starts));
  json.set("warnings", std::move(warnings));
  return finish(arguments.has("json") ? json.dump() + "\n" : text);
}

}  // namespace eph::app
