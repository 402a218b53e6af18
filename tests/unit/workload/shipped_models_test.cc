// The shipped workload models against the traces they were fitted on. The traces' figures stand
// here, counted with another program, so that the comparison needs no raw data; means over runs
// of the generated traffic are compared, since one hour of bursty traffic varies by itself.
#include <array>
#include <cmath>

#include "core/stats.h"
#include "tests/unit/workload/support.h"
#include "workload/model_source.h"
#include "workload/trace_stats.h"

namespace eph::workload {
namespace {

struct Figures {
  const char* name;
  const char* trace;  // below the folder of measured data
  double requests, duration_s;
  std::array<double, 4> prompt, output;  // p50, p90, p95, p99
  double prompt_mean, output_mean, correlation;
  std::array<double, 4> dispersion;  // windows of 0.1, 1, 10, 60 s
  std::array<double, 11> per_300_s;  // requests in the first eleven 300 s
  double busiest_output_mean;        // output tokens a request, sixth 300 s
};

constexpr Figures kConversation{"azure-conv-2023",
                                "traces/AzureLLMInferenceTrace_conv.csv",
                                19366,
                                3501.7219,
                                {1020, 2734.5, 4083, 4142},
                                {129, 424, 451, 601},
                                1154.697,
                                211.126,
                                -0.1124,
                                {1.0591, 1.3851, 3.8570, 16.128},
                                {1445, 1422, 1557, 1561, 1884, 2239, 2229, 1839, 1701, 1424, 1297},
                                143};
constexpr Figures kCode{"azure-code-2023",
                        "traces/AzureLLMInferenceTrace_code.csv",
                        8819,
                        3435.9481,
                        {1469, 5187.6, 7303.3, 7436},
                        {13, 55, 90, 251.5},
                        2047.848,
                        27.883,
                        0.0012,
                        {2.5379, 13.186, 71.641, 163.96},
                        {781, 701, 1116, 1030, 1199, 913, 881, 870, 577, 32, 363},
                        27};
// Times spread over their 3 s steps, which is what the dispersion is counted on.
constexpr Figures kMooncake{"mooncake-conversation",
                            "traces/mooncake_conversation_trace.jsonl.gz",
                            12031,
                            3539.75,
                            {6909, 27367, 39550.5, 85400.4},
                            {350, 597, 698, 1118.5},
                            12035.061,
                            342.619,
                            0.0719,
                            {1.0043, 1.0723, 1.4826, 2.8544},
                            {918, 832, 978, 930, 1007, 1054, 1039, 1093, 1089, 1103, 1104},
                            345};

std::string model_path(const Figures& f) {
  return std::string(EPH_SOURCE_DIR) + "/data/workloads/" + f.name + ".json";
}

TraceOptions trace_options(const Figures& f) {
  TraceOptions options;
  if (std::string(f.name) == kMooncake.name) options.dequantise = Duration::from_seconds(3);
  return options;
}

// Means over `runs` of what describe() says, and of the counts per 300 s.
struct Averages {
  double requests = 0, prompt_mean = 0, output_mean = 0, correlation = 0, reused = 0;
  double busiest_output_mean = 0;
  std::array<double, 4> prompt{}, output{}, dispersion{};
  std::array<double, 11> per_300_s{};
};

class Tally : public ArrivalSource {  // counts what passes
 public:
  Tally(SourcePtr inner, Averages& sums, double weight)
      : inner_(std::move(inner)), sums_(sums), weight_(weight) {}
  ~Tally() override { sums_.busiest_output_mean += weight_ * tokens_ / std::max(1.0, n_); }
  Result<std::size_t> pull(std::span<Arrival> out) override {
    const auto n = inner_->pull(out);
    for (const Arrival& a : out.first(*n)) {
      const auto bin = static_cast<std::size_t>(a.at.seconds() / 300);
      if (bin < sums_.per_300_s.size()) sums_.per_300_s[bin] += weight_;
      if (bin == 5) {
        n_ += 1;
        tokens_ += a.output_tokens;
      }
    }
    return n;
  }
  std::span<const std::uint64_t> block_hashes(const Arrival& a) const override {
    return inner_->block_hashes(a);
  }
  std::int32_t hash_block_tokens() const override { return inner_->hash_block_tokens(); }

 private:
  SourcePtr inner_;
  Averages& sums_;
  double weight_;
  double n_ = 0, tokens_ = 0;
};

Averages averages(const Figures& f, int runs) {
  const auto model = load_workload_model(model_path(f));
  REQUIRE(model);
  Averages sums;
  const double w = 1.0 / runs;
  for (int run = 0; run < runs; ++run) {
    ModelTrafficOptions options;
    options.run = static_cast<std::uint64_t>(run);
    auto traffic = make_model_traffic(*model, options);
    REQUIRE(traffic);
    Tally tally(std::move(traffic).value(), sums, w);
    const auto d = describe(tally);
    REQUIRE(d);
    sums.requests += w * static_cast<double>(d->requests);
    sums.prompt_mean += w * d->prompt.mean;
    sums.output_mean += w * d->output.mean;
    sums.correlation += w * *d->prompt_output_correlation;
    if (d->blocks) sums.reused += w * d->blocks->reused_share();
    const std::array prompt{d->prompt.p50, d->prompt.p90, d->prompt.p95, d->prompt.p99};
    const std::array output{d->output.p50, d->output.p90, d->output.p95, d->output.p99};
    for (std::size_t i = 0; i < 4; ++i) {
      sums.prompt[i] += w * prompt[i];
      sums.output[i] += w * output[i];
      sums.dispersion[i] += w * d->dispersion[i].variance_to_mean.value_or(0);
    }
  }
  return sums;
}

void compare(const Figures& f, const Averages& a) {
  CHECK(a.requests == Approx(f.requests).epsilon(0.01));
  CHECK(a.prompt_mean == Approx(f.prompt_mean).epsilon(0.02));
  CHECK(a.output_mean == Approx(f.output_mean).epsilon(0.02));
  CHECK(a.correlation == Approx(f.correlation).margin(0.03));
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(f.name, i);
    CHECK(a.prompt[i] == Approx(f.prompt[i]).epsilon(0.03));
    CHECK(a.output[i] == Approx(f.output[i]).epsilon(0.03));
    CHECK(a.dispersion[i] == Approx(f.dispersion[i]).epsilon(0.10));
  }
  for (std::size_t i = 0; i < f.per_300_s.size(); ++i) {
    CAPTURE(f.name, i);
    CHECK(a.per_300_s[i] == Approx(f.per_300_s[i]).epsilon(0.05).margin(10));
  }
  CHECK(a.busiest_output_mean == Approx(f.busiest_output_mean).epsilon(0.06));
}

}  // namespace

TEST_CASE("traffic of the shipped conversation model is like the Azure trace") {
  compare(kConversation, averages(kConversation, 20));
}

TEST_CASE("traffic of the shipped code model is like the Azure trace") {
  compare(kCode, averages(kCode, 40));
}

TEST_CASE("traffic of the shipped Mooncake model is like the trace, reuse of blocks included") {
  const Averages a = averages(kMooncake, 10);
  compare(kMooncake, a);
  CHECK(a.reused == Approx(0.3664).margin(0.015));  // 105710 of 288500 blocks
}

TEST_CASE("the shipped models name their source and are small") {
  for (const Figures& f : {kConversation, kCode, kMooncake}) {
    const auto text = read_file(model_path(f));
    REQUIRE(text);
    CHECK(text->size() < 100 * 1024);
    const auto model = load_workload_model(model_path(f));
    REQUIRE(model);
    CHECK(model->name == f.name);
    CHECK((model->source.find("CC-BY-4.0") != std::string::npos ||
           model->source.find("Apache-2.0") != std::string::npos));
  }
}

TEST_CASE("fitting the traces gives the shipped models, byte for byte") {
  for (const Figures& f : {kConversation, kCode, kMooncake}) {
    const auto path = shared_file(f.trace);
    if (!path) return;
    const auto shipped = read_file(model_path(f));
    REQUIRE(shipped);
    const auto model = load_workload_model(model_path(f));
    REQUIRE(model);
    auto source = open_trace(*path, trace_options(f));
    REQUIRE(source);
    FitOptions options;
    options.name = model->name;
    options.source = model->source;
    const auto again = fit_workload(**source, options);
    REQUIRE(again);
    CHECK(to_json(*again).dump() + "\n" == *shipped);
  }
}

TEST_CASE("the figures of the traces hold for the traces") {
  for (const Figures& f : {kConversation, kCode, kMooncake}) {
    const auto path = shared_file(f.trace);
    if (!path) return;
    auto source = open_trace(*path, trace_options(f));
    REQUIRE(source);
    const auto d = describe(**source);
    REQUIRE(d);
    CHECK(static_cast<double>(d->requests) == f.requests);
    CHECK(d->duration_s == Approx(f.duration_s));
    const std::array prompt{d->prompt.p50, d->prompt.p90, d->prompt.p95, d->prompt.p99};
    const std::array output{d->output.p50, d->output.p90, d->output.p95, d->output.p99};
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(prompt[i] == Approx(f.prompt[i]).epsilon(1e-4));
      CHECK(output[i] == Approx(f.output[i]).epsilon(1e-3));
      CHECK(*d->dispersion[i].variance_to_mean == Approx(f.dispersion[i]).epsilon(1e-3));
    }
    CHECK(d->prompt.mean == Approx(f.prompt_mean).epsilon(1e-5));
    CHECK(*d->prompt_output_correlation == Approx(f.correlation).margin(1e-4));
  }
}

}  // namespace eph::workload
