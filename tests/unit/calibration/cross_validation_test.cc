#include "calibration/cross_validation.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "calibration/held_out_csv.h"
#include "core/csv.h"
#include "core/line_source.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

// Ten made-up SGLang rows: five curves of two rows, at TP 2 and 4.
CrossOptions made_up_data(const std::string& name) {
  std::string rows;
  for (int c = 0; c < 5; ++c) {
    const int tp = c < 3 ? 2 : 4;
    for (const int concurrency : {2, 4}) {
      rows += serving_row("sglang", "Qwen/Qwen3-32B", "bf16", 256 + 128 * c, 32, concurrency, tp,
                          "burst", std::to_string(60 + 40 * c), std::to_string(14 + c));
    }
  }
  const std::string folder = std::string(EPH_TEST_OUT) + "/" + name;
  std::filesystem::create_directories(folder + "/h100");
  write_temporary(name + "/h100/serving_runs.csv", kServingHeader + rows);
  CrossOptions options;
  options.data_folder = folder;
  options.engines = {models::EngineKind::sglang};
  options.fit.iterations = 1;
  options.threads = 1;
  return options;
}

CrossReport run(const CrossOptions& options) {
  auto report = cross_validate(options, shipped_catalog());
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  return *report;
}

std::string shared_data() {
  const char* named = std::getenv("EPHEMERIS_SHARED_DATA");
  return named != nullptr ? named : std::string(EPH_SOURCE_DIR) + "/../shared/data";
}

}  // namespace

TEST_CASE("k-fold predicts every row once with a fit that has not seen it") {
  CrossOptions options = made_up_data("kfold");
  std::size_t told = 0, total = 0;
  const auto report = cross_validate(options, shipped_catalog(),
                                     [&](const std::string&, std::size_t done, std::size_t of) {
                                       told = std::max(told, done);
                                       total = of;
                                     });
  REQUIRE(report.has_value());
  CHECK(told == 5);
  CHECK(total == 5);
  CHECK(report->rows.size() == 10);
  std::set<std::int64_t> lines;
  for (const HeldOutRow& row : report->rows) {
    lines.insert(row.facts.line);
    CHECK(row.score.problem.empty());
    CHECK(row.score.predicted[Figure::mean_tpot].has_value());
  }
  CHECK(lines.size() == 10);
  REQUIRE(report->folds.size() == 5);
  for (const FoldResult& fold : report->folds) CHECK(fold.fitted_rows + fold.held_rows == 10);
  CHECK(report->worst.size() == 10);
}

TEST_CASE("a held-out result does not depend on the number of threads") {
  CrossOptions options = made_up_data("threads");
  options.folds.scheme = Scheme::leave_one_tp_out;
  const std::string one = held_out_csv(run(options).rows, "x");
  options.threads = 3;
  CHECK(held_out_csv(run(options).rows, "x") == one);
}

TEST_CASE("the measured values of held-out rows do not enter the fit that predicts them") {
  CrossOptions options = made_up_data("leak_a");
  options.folds.scheme = Scheme::leave_one_tp_out;
  const CrossReport before = run(options);
  // Another world in which TP 4 is ten times as slow: what the fit without TP 4 predicts is the
  // same.
  options = made_up_data("leak_b");
  options.folds.scheme = Scheme::leave_one_tp_out;
  const std::string path = options.data_folder + "/h100/serving_runs.csv";
  const auto table = CsvTable::load(path);
  REQUIRE(table.has_value());
  std::string text = kServingHeader;
  for (std::size_t i = 0; i < table->rows(); ++i) {
    const bool slow = table->text(i, "tp") == "4";
    text += serving_row("sglang", "Qwen/Qwen3-32B", "bf16",
                        static_cast<int>(**table->integer(i, "isl")), 32,
                        static_cast<int>(**table->integer(i, "concurrency")), slow ? 4 : 2, "burst",
                        std::string(table->text(i, "mean_ttft_ms")) + (slow ? "0" : ""),
                        std::string(table->text(i, "mean_tpot_ms")) + (slow ? "0" : ""));
  }
  REQUIRE(write_file(path, text).has_value());
  const CrossReport after = run(options);
  REQUIRE(after.rows.size() == before.rows.size());
  bool other_fold_moved = false;
  for (std::size_t i = 0; i < before.rows.size(); ++i) {
    const auto& a = before.rows[i].score.predicted[Figure::mean_tpot];
    const auto& b = after.rows[i].score.predicted[Figure::mean_tpot];
    if (before.rows[i].facts.tensor_parallel == 4) {
      CHECK(*a == *b);
    } else {
      other_fold_moved = other_fold_moved || *a != *b;
    }
  }
  CHECK(other_fold_moved);  // the fit without TP 2 did see the slow rows
}

TEST_CASE("what is counted can be narrowed without changing what fits see") {
  CrossOptions options = made_up_data("narrow");
  options.folds.scheme = Scheme::leave_one_tp_out;
  const CrossReport all = run(options);
  options.protocols = {"constant"};
  const auto none = cross_validate(options, shipped_catalog());
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().text().find("leave-one-tp-out holds out no row") != std::string::npos);
  options.protocols = {"burst"};
  options.models = {"Qwen/Qwen3-32B"};
  CHECK(held_out_csv(run(options).rows, "x") == held_out_csv(all.rows, "x"));
}

TEST_CASE("a scheme that finds nothing to hold out says why") {
  CrossOptions options = made_up_data("nothing");
  options.folds.scheme = Scheme::leave_one_model_out;
  const auto report = cross_validate(options, shipped_catalog());
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().text() ==
        "leave-one-model-out holds out no row: SGLang: model Qwen/Qwen3-32B: skipped, no other row "
        "is left "
        "for a fit; choose another scheme, engine or rows");
}

TEST_CASE("nothing-calibrated counts no time to first token") {
  CrossOptions options = made_up_data("tpot_only");
  const std::string path = options.data_folder + "/h100/serving_runs.csv";
  auto text = read_file(path);
  REQUIRE(text.has_value());
  REQUIRE(write_file(path, *text + serving_row("sglang", "meta-llama/Llama-3.1-8B-Instruct", "bf16",
                                               256, 32, 4, 2, "burst"))
              .has_value());
  options.folds.scheme = Scheme::nothing_calibrated;
  const CrossReport report = run(options);
  for (const HeldOutRow& row : report.rows) {
    CHECK(row.score.scored == std::vector<Figure>{Figure::mean_tpot});
  }
}

TEST_CASE("the table of held-out rows has intervals and reads back") {
  HeldOutRow row;
  row.facts.model = "a, b";
  row.facts.protocol = "burst";
  row.fold = "1 of 2";
  row.score.scored = {Figure::mean_tpot};
  row.score.measured[Figure::mean_tpot] = 10;
  row.score.predicted[Figure::mean_tpot] = 11;
  row.half_width[Figure::mean_tpot] = std::log(1.1);
  HeldOutRow failed = row;
  failed.score.predicted = {};
  failed.half_width = {};
  failed.score.problem = "too big";
  const std::string path = write_temporary("held.csv", held_out_csv({row, failed}, "k-fold"));
  const auto table = CsvTable::load(path);
  REQUIRE(table.has_value());
  CHECK(table->text(0, "model") == "a, b");
  CHECK(table->text(0, "scheme") == "k-fold");
  CHECK(table->text(0, "mean_tpot_ms") == "10");
  CHECK(table->text(0, "pred_mean_tpot_ms") == "11");
  CHECK(table->text(0, "low_mean_tpot_ms") == "10");     // 11 / 1.1
  CHECK(table->text(0, "high_mean_tpot_ms") == "12.1");  // 11 * 1.1
  CHECK(table->text(1, "pred_mean_tpot_ms").empty());
  CHECK(table->text(1, "status") == "not predicted: too big");
}

TEST_CASE("no curve of the measured tables is on both sides of a fold") {
  const std::string folder = shared_data();
  if (!std::filesystem::exists(folder + "/h100/guidellm_sweeps.csv")) {
    WARN("skipped: no measured data");
    return;
  }
  const auto data = load_dataset(folder, models::EngineKind::vllm, "h100-sxm", shipped_catalog());
  REQUIRE(data.has_value());
  const std::vector<DataRow>& rows = data->rows;
  // A point of a sweep, whatever machine of the type measured it.
  const auto point = [](const DataRow& row) {
    return row.machine + row.model + row.workload + std::to_string(row.tensor_parallel) +
           std::string(name(row.plan.protocol));
  };
  for (const std::string& scheme : scheme_names()) {
    FoldOptions options;
    options.scheme = *parse_scheme(scheme);
    const auto plan = make_folds(rows, options);
    REQUIRE(plan.has_value());
    CAPTURE(scheme);
    CHECK_FALSE(plan->folds.empty());
    for (const Fold& fold : plan->folds) {
      std::map<std::string, std::set<bool>> sides;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i].machine.empty()) sides[point(rows[i])].insert(fold.skip[i]);
      }
      for (const auto& [key, both] : sides) CHECK(both.size() == 1);
    }
  }
}
