#include <catch2/catch.hpp>

#include "calibration/validate.h"
#include "core/csv.h"
#include "core/line_source.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// A profile with start values, as a file.
std::string start_profile() {
  models::EngineProfile profile;
  profile.engine = models::EngineKind::vllm;
  profile.gpu = "h100-sxm";
  profile.command = "by hand";
  profile.commit = "none";
  return write_temporary("start_profile.json", models::to_json(profile).dump());
}

}  // namespace

TEST_CASE("validate writes every row back with predictions and a status") {
  const std::string rows =
      serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 256, 32, 4, 2, "closed_loop_unknown_ramp") +
      serving_row("vllm", "no-such-model", "bf16", 256, 32, 4, 2, "burst") +
      serving_row("sglang", "Qwen/Qwen3-32B", "bf16", 256, 32, 4, 2, "burst");
  ValidateOptions options;
  options.runs = write_temporary("runs.csv", kServingHeader + rows);
  options.out = std::string(EPH_TEST_OUT) + "/predicted.csv";
  options.profiles = {start_profile()};
  options.threads = 2;
  const auto report = validate(options, shipped_catalog());
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  CHECK(report->rows == 3);
  CHECK(report->predicted == 1);
  CHECK(report->not_predicted == 2);

  const auto in = CsvTable::load(options.runs);
  const auto out = CsvTable::load(options.out);
  REQUIRE(in.has_value());
  REQUIRE(out.has_value());
  REQUIRE(out->rows() == 3);
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t c = 0; c < in->header().size(); ++c)
      CHECK(out->row(row)[c] == in->row(row)[c]);
  }
  CHECK(out->header().back() == "status");
  CHECK(out->text(0, "status") == "ok");
  CHECK(out->number(0, "pred_mean_tpot_ms")->value() > 0);
  CHECK(out->number(0, "pred_mean_ttft_ms")->value() > 0);
  CHECK(out->text(1, "pred_mean_tpot_ms").empty());
  CHECK(std::string(out->text(1, "status")).find("no-such-model") != std::string::npos);
  CHECK(std::string(out->text(2, "status")).find("no profile of sglang") != std::string::npos);
  // One predicted row: TPOT and TTFT by engine, by protocol and by model.
  CHECK(report->errors.size() == 6);
}

TEST_CASE("validate gives the same bytes on one thread and on several") {
  const std::string rows =
      serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 256, 32, 4, 2, "inferencemax") +
      serving_row("vllm", "Qwen/Qwen3-32B", "bf16", 512, 16, 8, 2, "burst");
  ValidateOptions options;
  options.runs = write_temporary("same.csv", kServingHeader + rows);
  options.profiles = {start_profile()};
  std::string first;
  for (const int threads : {1, 3}) {
    options.threads = threads;
    options.out = std::string(EPH_TEST_OUT) + "/same_out.csv";
    REQUIRE(validate(options, shipped_catalog()).has_value());
    const auto text = read_file(options.out);
    REQUIRE(text.has_value());
    if (first.empty()) first = *text;
    CHECK(*text == first);
  }
}

TEST_CASE("a table that already has predictions is refused") {
  ValidateOptions options;
  options.runs = write_temporary("again.csv",
                                 "engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,"
                                 "concurrency,tp,protocol,status\n");
  options.profiles = {start_profile()};
  const auto report = validate(options, shipped_catalog());
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().text().find("\"status\"") != std::string::npos);
}
