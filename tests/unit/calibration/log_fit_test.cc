// Fits on request logs that the simulator itself has written, so that the truth is known; and on
// the measured logs where they are at hand.
#include "calibration/log_fit.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "calibration/log_validation.h"
#include "core/rng.h"
#include "core/text.h"
#include "models/step_profile.h"
#include "tests/unit/calibration/calibration_support.h"

using namespace eph;
using namespace eph::calibration;

namespace {

constexpr int kRequests = 200;

// Arrivals every 0.12 s on average, prompts of 100 to 1500 tokens, outputs of 100 to 500.
std::string written_requests(const std::vector<sim::RequestRecord>* records) {
  Stream draws({.seed = 7, .purpose = Purpose::test});
  std::string out;
  double at = 1000;
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    at += 0.24 * draws.unit();
    const auto prompt = 100 + static_cast<std::int64_t>(1400 * draws.unit());
    const auto output = 100 + static_cast<std::int64_t>(400 * draws.unit());
    const double first = records ? 1000 + (*records)[i].first_token.seconds() : at + 1;
    const double last = records ? 1000 + (*records)[i].finish.seconds() : at + 2;
    out += fmt::format(
        "{{\"request_id\": \"{}\", \"input_toks\": {}, \"output_toks\": {}, \"arrival_time\": "
        "{:.6f}, "
        "\"first_token_ts\": {:.6f}, \"last_token_ts\": {:.6f}}}\n",
        i, prompt, output, at, first, last);
  }
  return out;
}

LogFacts facts() {
  LogFacts f;
  f.gpu = "rtx-4090";
  f.model = "meta-llama/Llama-3.1-8B";
  f.engine_version = "0.19.0";
  f.max_num_seqs = 48;
  f.max_num_batched_tokens = 2048;
  f.kv_blocks = 4000;
  return f;
}

models::CompactProfile truth() {
  models::CompactProfile p;
  p.gpu = "rtx-4090";
  p.model = "meta-llama/Llama-3.1-8B";
  p.values = {1.5, 15, 80, 4, 140, 1.2, 8, 30, 3};
  return p;
}

// A log folder whose times are those of a run with `truth`, and no meta.json.
std::string simulated_log() {
  const std::string folder = std::string(EPH_TEST_OUT) + "/simulated_log";
  std::filesystem::create_directories(folder);
  write_temporary("simulated_log/requests.jsonl", written_requests(nullptr));
  const auto plan = load_request_log(folder, facts());
  INFO((plan ? std::string() : plan.error().text()));
  REQUIRE(plan.has_value());
  const auto setup = set_up(*plan, shipped_catalog(), {});
  REQUIRE(setup.has_value());
  const models::CompactStepModel model(truth());
  auto records = simulate_log(*plan, *setup, model, {}, 1);
  REQUIRE(records.has_value());
  // Records count from the first arrival.
  const double first = plan->requests.front().arrival_s - 1000;
  for (auto& r : *records) {
    r.first_token = r.first_token + Duration::from_seconds(first);
    r.finish = r.finish + Duration::from_seconds(first);
  }
  write_temporary("simulated_log/requests.jsonl", written_requests(&*records));
  return folder;
}

std::string measured_logs() {
  const char* given = std::getenv("EPHEMERIS_SHARED_DATA");
  return (given != nullptr ? std::string(given) : std::string(EPH_SOURCE_DIR "/../shared/data")) +
         "/request_logs";
}

double error_of(const ValidateReport& report, const std::string& what) {
  for (const ComparedFigure& f : report.compared) {
    if (f.what == what) return std::abs(f.error_percent());
  }
  FAIL("no figure " << what);
  return 0;
}

}  // namespace

TEST_CASE("the first half of a simulated log predicts the second within 1.5 percent") {
  ValidateOptions options;
  options.runs = simulated_log();
  options.log_facts = facts();
  options.second_half = true;
  const auto report = validate(options, shipped_catalog());
  INFO((report ? std::string() : report.error().text()));
  REQUIRE(report.has_value());
  CHECK(report->predicted == kRequests);
  for (const char* what :
       {"TTFT p50", "TTFT p95", "TPOT mean", "TPOT p50", "TPOT p95", "makespan"}) {
    CAPTURE(what);
    CHECK(error_of(*report, what) < 1.5);
  }
}

TEST_CASE("a fit says how far it knows what it has fitted") {
  const auto log = load_request_log(simulated_log(), facts());
  REQUIRE(log.has_value());
  const auto setup = set_up(*log, shipped_catalog(), {});
  REQUIRE(setup.has_value());
  const auto fit = fit_log(*log, *setup, whole_log(*log));
  REQUIRE(fit.has_value());
  CHECK(fit->duration_error < 0.005);
  CHECK(fit->profile.batch_max == 48);  // max_num_seqs binds
  const auto prior = compact_prior(setup->deployment.context);
  const models::CompactValues real = truth().values;
  for (std::size_t i = 0; i < models::kCompactTerms; ++i) {
    const double sd = std::sqrt(fit->profile.log_covariance[i * models::kCompactTerms + i]);
    CAPTURE(i, fit->profile.values[i], real[i], sd);
    CHECK(sd > 0);
    CHECK(sd <= prior.log_sd[i] * 1.001);  // data never widen a prior when they scatter as assumed
    CHECK(std::abs(std::log(fit->profile.values[i] / real[i])) < 3 * sd);
  }
  // The matrix work of a prompt token is what a log with prompts tells best.
  CHECK(fit->profile.values[2] == Approx(80).epsilon(0.03));
}

TEST_CASE("the first half leaves out later requests and everything after half of the completions") {
  RequestLog log;
  for (int i = 0; i < 6; ++i) {
    LoggedRequest r;
    r.arrival_s = i;
    r.last_token_s = 20 - i;  // the last to arrive ends first
    log.requests.push_back(r);
  }
  const LogTraining t = first_half(log);
  CHECK(t.requests == 3);
  CHECK(t.until_s == 17);  // ends at 15, 16, 17, ...
}

TEST_CASE("a log with too few events is refused") {
  std::filesystem::create_directories(std::string(EPH_TEST_OUT) + "/short_log");
  write_temporary(
      "short_log/requests.jsonl",
      "{\"input_toks\": 9, \"output_toks\": 5, \"arrival_time\": 1, \"first_token_ts\": 1.1, "
      "\"last_token_ts\": 1.3}\n");
  const auto log = load_request_log(std::string(EPH_TEST_OUT) + "/short_log", facts());
  REQUIRE(log.has_value());
  const auto setup = set_up(*log, shipped_catalog(), {});
  REQUIRE(setup.has_value());
  const auto fit = fit_log(*log, *setup, whole_log(*log));
  REQUIRE_FALSE(fit.has_value());
  CHECK(fit.error().text().find("too few") != std::string::npos);
}

TEST_CASE("the second half of the measured logs is predicted from the first") {
  if (!std::filesystem::exists(measured_logs())) {
    WARN("skipped: the folder of public measurements is absent (EPHEMERIS_SHARED_DATA)");
    return;
  }
  for (const char* name : {"rtx4090_llama31_8b", "rtxpro6000_llama31_8b"}) {
    ValidateOptions options;
    options.runs = measured_logs() + "/" + name;
    options.second_half = true;
    const auto report = validate(options, shipped_catalog());
    REQUIRE(report.has_value());
    CAPTURE(name);
    CHECK(error_of(*report, "TTFT p95") < 2.0);
    CHECK(error_of(*report, "TPOT p95") < 4.0);
    CHECK(error_of(*report, "TTFT p50") < 3.0);
    CHECK(error_of(*report, "TPOT p50") < 3.0);
  }
}

TEST_CASE("layer profiles predict the measured logs within the errors that are published") {
  if (!std::filesystem::exists(measured_logs())) {
    WARN("skipped: the folder of public measurements is absent (EPHEMERIS_SHARED_DATA)");
    return;
  }
  // docs/VALIDATION.md, "Request logs".
  const struct {
    const char *name, *what;
    double percent;
  } published[] = {
      {"rtx4090_llama31_8b", "TPOT p50", 3.5},    {"rtx4090_llama31_8b", "TPOT p95", 2.5},
      {"rtx4090_llama31_8b", "TTFT p50", 3.5},    {"rtx4090_llama31_8b", "TTFT p95", 13.5},
      {"rtxpro6000_llama31_8b", "TPOT p50", 1},   {"rtxpro6000_llama31_8b", "TPOT p95", 1},
      {"rtxpro6000_llama31_8b", "TTFT p50", 8.5}, {"rtxpro6000_llama31_8b", "TTFT p95", 3}};
  for (const auto& p : published) {
    ValidateOptions options;
    options.runs = measured_logs() + "/" + p.name;
    const auto report = validate(options, shipped_catalog());
    REQUIRE(report.has_value());
    CAPTURE(p.name, p.what);
    CHECK(error_of(*report, p.what) < p.percent);
  }
}
