#include "app/validation_report.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include "app/cross_text.h"
#include "core/line_source.h"

using namespace eph;
using namespace eph::app;
using calibration::Figure;

namespace {

CrossDocument document(const std::string& scheme, const std::string& engine) {
  CrossDocument out;
  out.scheme = scheme;
  out.settings = scheme == "k-fold" ? "5 folds, seed 1" : "";
  out.gpu = "h100-sxm";
  out.command = "ephemeris validate --cross " + scheme;
  out.commit = "abc";
  out.rows = 7;
  out.folds = {{engine, "1 of 5", 30, 7, 900, true}};
  out.notes = {"vLLM: a | b"};
  calibration::CrossLine line;
  line.key = {engine};
  line.figure = Figure::mean_tpot;
  line.errors = {7, 3.25, 2.5, 6.0, -1.0};
  line.coverage = {6, 83.3, 12.0};
  out.tables = {{"engine", {"engine"}, {line}}};
  WorstLine worst;
  worst.facts.id = "run-9";
  worst.facts.engine = engine;
  worst.facts.engine_version = "0.12.0";
  worst.facts.model = "some/model";
  worst.facts.protocol = "burst";
  worst.facts.isl = 1024;
  worst.facts.osl = 128;
  worst.facts.concurrency = 16;
  worst.held_out = "1 of 5";
  worst.measured = 10;
  worst.predicted = 15;
  worst.low = 12;
  worst.high = 18;
  out.worst = {worst};
  return out;
}

std::string folder(const std::string& name) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

void write(const std::string& path, const std::string& text) {
  REQUIRE(write_file(path, text).has_value());
}

}  // namespace

TEST_CASE("a cross-validation is the same after writing and reading it") {
  const Json json = to_json(document("k-fold", "vllm"));
  const auto parsed = parse_json(json.dump(), "k.json");
  REQUIRE(parsed.has_value());
  const auto read = read_cross_document(*parsed, "k.json");
  INFO((read ? std::string() : read.error().text()));
  REQUIRE(read.has_value());
  CHECK(to_json(*read).dump() == json.dump());
}

TEST_CASE("a damaged result names the place") {
  Json json = to_json(document("k-fold", "vllm"));
  json.set("cross", "k-folds").set("more", 1);
  const auto parsed = parse_json(json.dump(), "k.json");
  const auto read = read_cross_document(*parsed, "k.json");
  REQUIRE_FALSE(read.has_value());
  const std::string text = read.error().text();
  CHECK(text.find("\"k-folds\" is no scheme") != std::string::npos);
  CHECK(text.find("/more") != std::string::npos);
}

TEST_CASE("directives are replaced by tables and everything else is kept") {
  ReportInput input;
  input.cross = {document("k-fold", "vllm"), document("k-fold", "sglang")};
  const auto report = render_report(
      "# T\n\n{{table k-fold engine mean_tpot_ms}}\n\n{{notes k-fold}}\n\ntext {{not alone}}\n",
      "t.md", input);
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  CHECK(
      *report ==
      "# T\n\n"
      "| engine | figure | n | MAPE % | median % | p90 % | bias % | in 90 % interval | half-width "
      "% |\n|---|---|---|---|---|---|---|---|---|\n"
      "| vllm | mean_tpot_ms | 7 | 3.2 | 2.5 | 6.0 | -1.0 | 83.3 | 12.0 |\n"
      "| sglang | mean_tpot_ms | 7 | 3.2 | 2.5 | 6.0 | -1.0 | 83.3 | 12.0 |\n"
      "\n- vLLM: a | b\n- vLLM: a | b\n\ntext {{not alone}}\n");
}

TEST_CASE("every directive makes a table") {
  ReportInput input;
  input.cross = {document("leave-one-model-out", "vllm")};
  input.runs["serving"] =
      *parse_json(R"({"errors": [{"engine": "vllm", "protocol": "burst", "model": "",
                      "figure": "mean_tpot_ms", "n": 3, "mape_percent": 4, "median_percent": 5,
                      "p90_percent": 6, "bias_percent": -7}]})",
                  "r.json");
  const auto report = render_report(
      "{{schemes}}\n{{headline}}\n{{coverage}}\n{{worst leave-one-model-out}}\n{{runs serving}}\n",
      "t.md", input);
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  const auto has = [&](const std::string& part) { return report->find(part) != std::string::npos; };
  CHECK(has("| leave-one-model-out | 7 | 1 | `ephemeris validate --cross leave-one-model-out` |"));
  CHECK(has("| leave-one-model-out | vllm | 3.2 / 2.5 / 6.0 (7) | - | - | - | - |"));
  CHECK(has("| leave-one-model-out | vllm | mean_tpot_ms | 6 | 83.3 | 12.0 |"));
  CHECK(
      has("| run-9 | vllm 0.12.0 | some/model | 1 | 1024/128 | burst C 16 | 1 of 5 | "
          "mean_tpot_ms | 10.0 | 15.0 | +50 | 12.0..18.0 |"));
  CHECK(has("| vllm | burst | mean_tpot_ms | 3 | 4.0 | 5.0 | 6.0 | -7.0 |"));
}

TEST_CASE("a directive that cannot be filled in names its line") {
  const auto error = [](const std::string& text) {
    ReportInput input;
    input.cross = {document("k-fold", "vllm")};
    const auto report = render_report("one\n" + text + "\n", "t.md", input);
    return report ? *report : report.error().text();
  };
  CHECK(error("{{tabel k-fold}}") == "t.md:2: \"tabel\" is no directive; did you mean \"table\"?");
  CHECK(error("{{worst random}}") ==
        "t.md:2: there is no result of random; run it with --json into the folder of --from");
  CHECK(error("{{table k-fold modle}}") == "t.md:2: k-fold has no table \"modle\"");
  CHECK(error("{{runs serving}}") ==
        "t.md:2: there is no result of serving; run it with --json into the folder of --from");
}

TEST_CASE("results are found in a folder, in the order of the schemes") {
  const std::string at = folder("results");
  write(at + "/a.json", to_json(document("random", "vllm")).dump());
  write(at + "/b.json", to_json(document("k-fold", "vllm")).dump());
  write(at + "/runs.json", R"({"version": 1, "command": "validate", "errors": []})");
  const auto input = load_report_input(at);
  INFO((input ? std::string() : input.error().text()));
  REQUIRE(input.has_value());
  REQUIRE(input->cross.size() == 2);
  CHECK(input->cross[0].scheme == "k-fold");
  CHECK(input->runs.count("runs") == 1);
  // An engine twice in one scheme would be counted twice.
  write(at + "/c.json", to_json(document("k-fold", "vllm")).dump());
  CHECK(load_report_input(at).error().text() ==
        "two results of k-fold hold vllm; keep one of them");
  write(at + "/c.json", "{}");
  CHECK(load_report_input(at).error().text().find("is no result of validate") != std::string::npos);
  CHECK_FALSE(load_report_input(folder("no_results")).has_value());
}
