#include "calibration/folds.h"

#include <catch2/catch.hpp>
#include <set>

using namespace eph::calibration;

namespace {

DataRow row(const std::string& model, int tp, const std::string& version, const std::string& curve,
            double ttft, double tpot) {
  DataRow out;
  out.model = model;
  out.tensor_parallel = tp;
  out.engine_version = version;
  out.curve = curve;
  out.plan.measured[Figure::mean_ttft] = ttft;
  out.plan.measured[Figure::mean_tpot] = tpot;
  return out;
}

// Two models, three (model, tp), two versions, 12 curves of 3 rows.
std::vector<DataRow> small_data() {
  std::vector<DataRow> rows;
  for (int c = 0; c < 12; ++c) {
    for (int k = 0; k < 3; ++k) {
      rows.push_back(row(c < 8 ? "a" : "b", c < 4 ? 1 : 2, c % 2 == 0 ? "1.0" : "2.0",
                         "curve" + std::to_string(c), 100 + c, 10 + k));
    }
  }
  return rows;
}

FoldPlan plan_of(const std::vector<DataRow>& rows, Scheme scheme, int folds = 5) {
  FoldOptions options;
  options.scheme = scheme;
  options.folds = folds;
  auto plan = make_folds(rows, options);
  INFO((plan ? std::string() : plan.error().text()));
  REQUIRE(plan.has_value());
  return *plan;
}

}  // namespace

TEST_CASE("k-fold holds out each row exactly once, by whole curves") {
  const auto rows = small_data();
  const FoldPlan plan = plan_of(rows, Scheme::k_fold);
  REQUIRE(plan.folds.size() == 5);
  std::vector<int> times(rows.size(), 0);
  for (const Fold& fold : plan.folds) {
    std::set<std::string> held_curves;
    for (const std::size_t i : fold.held) {
      ++times[i];
      CHECK(fold.skip[i]);
      held_curves.insert(rows[i].curve);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(fold.skip[i] == (held_curves.count(rows[i].curve) > 0));
    }
    // 12 curves of 3 rows over 5 folds: 2 or 3 curves each.
    CHECK(held_curves.size() >= 2);
    CHECK(held_curves.size() <= 3);
  }
  CHECK(std::count(times.begin(), times.end(), 1) == static_cast<long>(rows.size()));
}

TEST_CASE("folds follow from the seed alone") {
  const auto rows = small_data();
  FoldOptions options;
  const auto first = make_folds(rows, options), again = make_folds(rows, options);
  options.seed = 2;
  const auto other = make_folds(rows, options);
  bool differs = false;
  for (std::size_t k = 0; k < first->folds.size(); ++k) {
    CHECK(first->folds[k].held == again->folds[k].held);
    differs = differs || first->folds[k].held != other->folds[k].held;
  }
  CHECK(differs);
}

TEST_CASE("more folds than curves are refused") {
  FoldOptions options;
  options.folds = 13;
  const auto plan = make_folds(small_data(), options);
  REQUIRE_FALSE(plan.has_value());
  CHECK(plan.error().text() == "13 folds of 12 curves; ask for fewer folds");
}

TEST_CASE("random splits hold out about the share asked for, several times") {
  const auto rows = small_data();
  FoldOptions options;
  options.scheme = Scheme::random;
  options.repeats = 4;
  options.held_out = 0.25;  // 9 of 36 rows: 3 curves
  const auto plan = make_folds(rows, options);
  REQUIRE(plan.has_value());
  REQUIRE(plan->folds.size() == 4);
  std::set<std::vector<std::size_t>> different;
  for (const Fold& fold : plan->folds) {
    CHECK(fold.held.size() == 9);
    different.insert(fold.held);
  }
  CHECK(different.size() > 1);
  options.held_out = 0.9;
  CHECK_FALSE(make_folds(rows, options).has_value());
}

TEST_CASE("leaving a model, a tp or a version out leaves none of its rows in the fit") {
  const auto rows = small_data();
  const auto key = [&](Scheme scheme, const DataRow& r) -> std::string {
    if (scheme == Scheme::leave_one_tp_out)
      return r.model + " tp " + std::to_string(r.tensor_parallel);
    return scheme == Scheme::leave_one_engine_version_out ? r.engine_version : r.model;
  };
  for (const Scheme scheme : {Scheme::leave_one_model_out, Scheme::leave_one_tp_out,
                              Scheme::leave_one_engine_version_out, Scheme::nothing_calibrated}) {
    CAPTURE(name(scheme));
    const FoldPlan plan = plan_of(rows, scheme);
    CHECK(plan.folds.size() == 2);
    for (const Fold& fold : plan.folds) {
      CHECK_FALSE(fold.held.empty());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(fold.skip[i] == (key(scheme, rows[i]) == fold.name));
      }
    }
  }
}

TEST_CASE("a model with one tp is skipped by leave-one-tp-out, and it is said") {
  const FoldPlan plan = plan_of(small_data(), Scheme::leave_one_tp_out);
  CHECK(plan.folds.at(0).name == "a tp 1");
  CHECK(plan.folds.at(1).name == "a tp 2");
  CHECK(plan.notes ==
        std::vector<std::string>{"b: skipped, measured at tensor parallelism 2 alone"});
}

TEST_CASE("what would leave nothing to fit on is skipped, and it is said") {
  std::vector<DataRow> rows(6, row("a", 1, "1.0", "c", 1, 1));
  const FoldPlan plan = plan_of(rows, Scheme::leave_one_model_out);
  CHECK(plan.folds.empty());
  CHECK(plan.notes == std::vector<std::string>{"model a: skipped, no other row is left for a fit"});
  // Nor do rows help that no fit looks at.
  rows.push_back(row("b", 1, "1.0", "d", 2, 2));
  rows.back().fitted = false;
  CHECK(plan_of(rows, Scheme::leave_one_model_out).folds.size() == 1);
}

TEST_CASE("machine types go out with the machines that repeat their rows") {
  std::vector<DataRow> rows;
  for (const char* host : {"c one", "c two", "c two-twin", ""}) {
    for (int k = 0; k < 2; ++k) {
      DataRow r = row("m", 1, "1", "", 1 + static_cast<double>(rows.size()), 5);
      r.host = host;
      r.fitted = r.host != "c two-twin";
      r.machine = r.fitted ? r.host : "c two";
      r.curve = r.machine + "|m";
      rows.push_back(r);
    }
  }
  const FoldPlan plan = plan_of(rows, Scheme::leave_one_instance_out);
  REQUIRE(plan.folds.size() == 2);
  CHECK(plan.folds[0].held == std::vector<std::size_t>{0, 1});
  CHECK(plan.folds[1].held == std::vector<std::size_t>{2, 3, 4, 5});
  // Curves of k-fold include the twin as well.
  for (const Fold& fold : plan_of(rows, Scheme::k_fold, 3).folds)
    CHECK(fold.skip[2] == fold.skip[4]);
}

TEST_CASE(
    "a measurement that is listed twice never stays in the fit that its twin is left out of") {
  auto rows = small_data();
  rows.push_back(
      row("c", 4, "3.0", "other curve", 100, 10));  // as row 0 of model a, in every digit
  for (const Scheme scheme : {Scheme::k_fold, Scheme::leave_one_model_out, Scheme::random}) {
    CAPTURE(name(scheme));
    for (const Fold& fold : plan_of(rows, scheme).folds) CHECK(fold.skip[0] == fold.skip.back());
  }
}

TEST_CASE("scheme names are read back, and nothing-calibrated counts time per output token alone") {
  for (const std::string& text : scheme_names()) CHECK(name(*parse_scheme(text)) == text);
  CHECK_FALSE(parse_scheme("kfold").has_value());
  CHECK(counts(Scheme::nothing_calibrated, Figure::mean_tpot));
  CHECK(counts(Scheme::nothing_calibrated, Figure::itl_p50));
  CHECK_FALSE(counts(Scheme::nothing_calibrated, Figure::mean_ttft));
  CHECK(counts(Scheme::leave_one_model_out, Figure::mean_ttft));
}
