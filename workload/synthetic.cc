#include "workload/synthetic.h"

#include <fmt/format.h>

#include <cmath>

#include "core/distributions.h"
#include "core/rng.h"
#include "core/text.h"

namespace eph::workload {
namespace {

constexpr double kLongest = 9e9;  // s, what an instant can hold

class Synthetic : public ArrivalSource {
 public:
  explicit Synthetic(const SyntheticConfig& config) : config_(config) {}

  Result<std::size_t> pull(std::span<Arrival> out) override {
    std::size_t filled = 0;
    while (filled < out.size() && !ended_) {
      if (give(out[filled])) {
        ++filled;
      } else {
        ended_ = true;
      }
    }
    if (filled == 0 && failure_) return *failure_;
    return filled;
  }
  [[nodiscard]] SourceCounts counts() const override { return {.rows = index_}; }

 private:
  Stream stream(Purpose purpose) const {
    return Stream({.seed = config_.seed, .run = config_.run, .purpose = purpose, .entity = index_});
  }

  bool give(Arrival& out) {
    if (config_.requests > 0 && index_ == static_cast<std::uint64_t>(config_.requests))
      return false;
    expected_ += gap();
    const std::optional<double> at_s = config_.rate.time_of(expected_);
    if (!at_s || (config_.duration_s > 0 && *at_s >= config_.duration_s)) return false;
    if (*at_s > kLongest) {
      failure_ = usage_error(
          fmt::format("request {} would arrive at {} s, after 9e9 s", index_, number(*at_s)),
          "give a higher rate or fewer requests");
      return false;
    }
    out = Arrival{};
    out.at = SimTime::from_seconds(*at_s);
    Stream lengths = stream(Purpose::lengths);
    out.prompt_tokens = draw(config_.lengths.prompt, lengths);
    out.output_tokens = draw(config_.lengths.output, lengths);
    out.max_output_tokens = out.output_tokens;
    ++index_;
    return true;
  }

  double gap() {
    if (config_.process == ArrivalProcess::constant) return index_ == 0 ? 0 : 1;
    Stream draws = stream(Purpose::arrivals);
    if (config_.process == ArrivalProcess::poisson) return draw_exponential(draws, 1);
    const double variance = config_.cv * config_.cv;
    return draw_gamma(draws, 1 / variance, variance);
  }

  SyntheticConfig config_;
  double expected_ = 0;  // requests expected up to the last one given
  std::uint64_t index_ = 0;
  bool ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_synthetic(const SyntheticConfig& config) {
  if (config.process == ArrivalProcess::gamma && !(config.cv > 0 && std::isfinite(config.cv))) {
    return usage_error(fmt::format("CV of the gaps is {}, must be above 0", number(config.cv)),
                       "1 is Poisson, larger is burstier; use constant arrivals for 0");
  }
  if (config.requests < 0) {
    return usage_error(
        fmt::format("number of requests is {}, must not be negative", config.requests),
        "0 means until the duration ends");
  }
  if (!(config.duration_s >= 0 && config.duration_s <= kLongest)) {
    return usage_error(fmt::format("duration is {} s, must be 0 to 9e9", number(config.duration_s)),
                       "0 means until all requests are sent");
  }
  if (config.rate.end_s() == 0)
    return usage_error("synthetic arrivals without a rate", "give a rate or a rate profile");
  if (config.requests == 0 && config.duration_s == 0 && !std::isfinite(config.rate.end_s())) {
    return usage_error("synthetic arrivals without an end",
                       "give a number of requests or a duration");
  }
  if (Result<void> ok = check(config.lengths.prompt); !ok) return ok.error();
  if (Result<void> ok = check(config.lengths.output); !ok) return ok.error();
  return std::unique_ptr<ArrivalSource>(std::make_unique<Synthetic>(config));
}

}  // namespace eph::workload
