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
  out.name = out.scheme = scheme;
  out.settings = scheme == "k-fold" ? "5 folds, seed 1" : "";
  out.gpu = "h100-sxm";
  out.command = "ephemeris validate --cross " + scheme;
  out.commit = "abc";
  out.rows = 7;
  out.folds = {{engine, "1 of 5", 30, 7, 900}};
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

// A held-out row that is predicted 10 % too high in every figure.
calibration::HeldOutRow held_out(const std::string& engine, const std::string& protocol,
                                 const std::vector<Figure>& figures) {
  calibration::HeldOutRow row;
  row.fold = "a fold";
  row.facts.engine = row.score.engine = engine;
  row.facts.model = row.score.model = "m";
  row.facts.protocol = row.score.protocol = protocol;
  row.score.scored = figures;
  for (const Figure f : figures) {
    row.score.measured[f] = 10;
    row.score.predicted[f] = 11;
  }
  return row;
}

// Rows of all engines, protocols, loads and sizes that the shipped tables have.
std::vector<calibration::HeldOutRow> one_of_each() {
  std::vector<calibration::HeldOutRow> rows;
  for (const char* engine : {"vllm", "sglang", "trtllm"}) {
    rows.push_back(held_out(engine, "burst", {Figure::mean_ttft, Figure::mean_tpot}));
  }
  for (const char* protocol : {"synchronous", "constant", "throughput"}) {
    for (const double parameters : {1e8, 8e9}) {
      rows.push_back(held_out("vllm", protocol,
                              {Figure::ttft_p50, Figure::ttft_p95, Figure::ttft_p99,
                               Figure::itl_p50, Figure::e2e_p50, Figure::achieved_rps}));
      rows.back().facts.host = "cloud box";
      rows.back().facts.parameters = parameters;
    }
  }
  return rows;
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
      "# T\n\n{{table k-fold engine mean_tpot_ms}}\n\n{{notes k-fold}}\n\ntext {{not alone}}\n| a "
      "| {{=k-fold; engine; vllm; mean_tpot_ms}} | {{= k-fold;engine;sglang; "
      "mean_tpot_ms}} |\n",
      "t.md", input);
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  CHECK(
      *report ==
      "# T\n\n"
      "| engine | figure | n | MAPE % | median % | p90 % | bias % | in 90 % interval | half-width "
      "% |\n|---|---|---|---|---|---|---|---|---|\n"
      "| vllm | mean_tpot_ms | 7 | 3.2 | 2.5 | 6.0 | -1.0 | 83.3 of 6 | 12.0 |\n"
      "| sglang | mean_tpot_ms | 7 | 3.2 | 2.5 | 6.0 | -1.0 | 83.3 of 6 | 12.0 |\n"
      "\n- vLLM: a | b\n- vLLM: a | b\n\ntext {{not alone}}\n"
      "| a | 3.2 / 2.5 / 6.0 (7) | 3.2 / 2.5 / 6.0 (7) |\n");
}

TEST_CASE("every directive makes a table") {
  ReportInput input;
  input.cross = {document("leave-one-model-out", "vllm")};
  input.runs["serving"] =
      *parse_json(R"({"errors": [{"engine": "vllm", "protocol": "burst", "model": "",
                      "figure": "mean_tpot_ms", "n": 3, "mape_percent": 4, "median_percent": 5,
                      "p90_percent": 6, "bias_percent": -7}]})",
                  "r.json");
  input.texts["presets"] = "| tuned | 5.0 |\n";
  const auto report = render_report(
      "{{schemes}}\n{{headline}}\n{{coverage}}\n{{worst leave-one-model-out}}\n{{runs serving}}\n"
      "{{picture leave-one-model-out}}\n{{text presets}}\n",
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
  CHECK(has("](pictures/leave-one-model-out.svg)\n"));
  CHECK(has("| tuned | 5.0 |\n"));
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
  CHECK(error("{{text presets}}") ==
        "t.md:2: there is no presets.md in the folder of --from; scripts/validation-report writes "
        "it");
  CHECK(error("{{table k-fold modle}}") == "t.md:2: k-fold has no table \"modle\"");
  CHECK(error("| {{=k-fold; engine; trtllm; mean_tpot_ms}} |") ==
        "t.md:2: k-fold has no line trtllm of mean_tpot_ms in a table \"engine\"");
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

TEST_CASE("the report's own template asks for nothing that its script does not make") {
  ReportInput input;
  calibration::CrossReport report;
  report.rows = one_of_each();
  report.tables = calibration::cross_tables(report.rows);
  report.worst = calibration::worst_rows(report.rows, 20);
  for (const std::string& scheme : calibration::scheme_names()) {
    calibration::CrossOptions options;
    options.folds.scheme = *calibration::parse_scheme(scheme);
    input.cross.push_back(make_document(report, options, "command"));
  }
  calibration::CrossOptions options;
  options.folds.scheme = calibration::Scheme::leave_one_instance_out;
  options.host_from_run = true;
  input.cross.push_back(make_document(report, options, "command"));
  CHECK(input.cross.back().name == "leave-one-instance-out+host");
  const Json none = *parse_json(R"({"errors": []})", "r.json");
  input.runs = {{"serving_runs", none}, {"guidellm_sweeps", none}};
  input.texts["presets"] = "table\n";
  const auto text = read_file(EPH_SOURCE_DIR "/docs/VALIDATION.in.md");
  REQUIRE(text.has_value());
  const auto made = render_report(*text, "VALIDATION.in.md", input);
  INFO((made ? std::string() : made.error().text()));
  REQUIRE(made.has_value());
  CHECK(made->find("{{") == std::string::npos);
  CHECK(made->find("10.0 / 10.0 / 10.0 (1)") != std::string::npos);
}
