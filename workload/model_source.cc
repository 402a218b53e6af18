#include "workload/model_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "core/text.h"
#include "workload/burst_process.h"
#include "workload/sharing.h"

namespace eph::workload {
namespace {

class ModelTraffic : public ArrivalSource {
 public:
  ModelTraffic(const WorkloadModel& model, const ModelTrafficOptions& options)
      : model_(model),
        options_(options),
        factor_(options.mode == RateMode::superpose ? options.rate_scale : 1),
        speed_(options.mode == RateMode::compress ? options.rate_scale : 1),
        bursts_(model.rate.window_s, scaled_bursts(model, factor_)) {
    for (const std::vector<double>& shares : model_.lengths.segments) {
      std::vector<double> upto;
      double sum = 0;
      for (const double share : shares) upto.push_back(sum += share);
      upto.back() = 1;
      cumulative_.push_back(std::move(upto));
    }
    if (model_.sharing) sharing_.emplace(*model_.sharing);
  }

  Result<std::size_t> pull(std::span<Arrival> out) override {
    hashes_.clear();
    std::size_t filled = 0;
    while (filled < out.size() && !ended_) {
      if (next_ < times_.size()) {
        ended_ = !give(times_[next_++], out[filled]);
        if (!ended_) ++filled;
      } else {
        draw_window();
      }
    }
    return filled;
  }

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(hashes_).subspan(arrival.hash_offset, arrival.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return model_.sharing ? model_.sharing->block_tokens : 0;
  }
  [[nodiscard]] SourceCounts counts() const override { return {.rows = index_}; }

 private:
  static std::vector<BurstLevel> scaled_bursts(const WorkloadModel& model, double copies) {
    std::vector<BurstLevel> levels = model.bursts;
    for (BurstLevel& level : levels)
      level.concentration = superposed_concentration(level.concentration, copies);
    return levels;
  }

  // Fills times_ with the next window of the profile, in the model's time.
  void draw_window() {
    times_.clear();
    next_ = 0;
    const std::size_t windows = model_.rate.requests_per_s.size();
    const std::uint64_t pass = window_ / windows;
    const auto of_pass = static_cast<std::size_t>(window_ % windows);
    pass_start_s_ = static_cast<double>(pass) * model_.duration_s;
    const double from_s = static_cast<double>(of_pass) * model_.rate.window_s;
    if (over((pass_start_s_ + from_s) / speed_)) {
      ended_ = true;
      return;
    }
    Stream stream({.seed = options_.seed,
                   .run = options_.run,
                   .purpose = Purpose::arrivals,
                   .entity = window_++});
    bursts_.draw_window(model_.rate.requests_per_s[of_pass] * model_.rate.window_s * factor_,
                        stream, times_);
    for (double& t : times_) t += from_s;
    // The last window of a pass may be cut short.
    while (!times_.empty() && times_.back() >= model_.duration_s) times_.pop_back();
  }

  [[nodiscard]] bool over(double at_s) const {
    if (options_.duration_s > 0) return at_s >= options_.duration_s;
    return options_.requests == 0 && at_s >= model_.duration_s / speed_;
  }

  bool give(double of_pass_s, Arrival& out) {
    if (options_.requests > 0 && index_ == static_cast<std::uint64_t>(options_.requests))
      return false;
    const double at_s = (pass_start_s_ + of_pass_s) / speed_;
    if (over(at_s)) return false;
    Stream stream({.seed = options_.seed,
                   .run = options_.run,
                   .purpose = Purpose::lengths,
                   .entity = index_++});
    const auto segment = std::min(static_cast<std::size_t>(of_pass_s / model_.lengths.segment_s),
                                  cumulative_.size() - 1);
    const std::vector<double>& upto = cumulative_[segment];
    const auto bin = static_cast<std::size_t>(
        std::upper_bound(upto.begin(), upto.end() - 1, stream.unit()) - upto.begin());
    out = Arrival{};
    out.at = SimTime::from_seconds(at_s);
    out.prompt_tokens = model_.lengths.bins[bin].prompt.draw(stream.unit());
    out.output_tokens = model_.lengths.bins[bin].output.draw(stream.unit());
    out.max_output_tokens = out.output_tokens;
    if (sharing_) {
      out.hash_offset = hashes_.size();
      sharing_->draw(at_s, bin, out.prompt_tokens, stream, hashes_);
      out.hash_count = static_cast<std::uint32_t>(hashes_.size() - out.hash_offset);
    }
    return true;
  }

  WorkloadModel model_;
  ModelTrafficOptions options_;
  double factor_;
  double speed_;
  BurstProcess bursts_;
  std::vector<std::vector<double>> cumulative_;  // shares of the prompt bins, by segment
  std::optional<SharingSource> sharing_;
  std::vector<double> times_;  // of the current window, from the start of the pass
  std::size_t next_ = 0;
  std::uint64_t window_ = 0;  // to draw next, over all passes
  double pass_start_s_ = 0;
  std::uint64_t index_ = 0;
  bool ended_ = false;
  std::vector<std::uint64_t> hashes_;  // of the last pull
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_model_traffic(const WorkloadModel& model,
                                                          const ModelTrafficOptions& options) {
  constexpr double kMost = 1e6;
  constexpr double kLongest = 9e9;  // s, what an instant can hold
  if (!(options.rate_scale > 0 && options.rate_scale <= kMost)) {
    return usage_error(fmt::format("rate factor is {}, must be above 0 and at most 1000000",
                                   number(options.rate_scale)),
                       "1 keeps the rate, 20 means twenty times the requests");
  }
  if (!(options.duration_s >= 0 && options.duration_s <= kLongest)) {
    return usage_error(
        fmt::format("duration is {} s, must be 0 to 9e9", number(options.duration_s)),
        "0 means one pass over the model's own duration");
  }
  if (options.requests < 0) {
    return usage_error(
        fmt::format("number of requests is {}, must not be negative", options.requests),
        "0 means by duration");
  }
  const double passes = static_cast<double>(options.requests) /
                        (static_cast<double>(model.requests) * options.rate_scale);
  if (options.duration_s == 0 && passes * model.duration_s > kLongest / 2) {
    return usage_error(fmt::format("{} requests at rate factor {} take longer than 4.5e9 s",
                                   options.requests, number(options.rate_scale)),
                       "give a higher rate or fewer requests");
  }
  return std::unique_ptr<ArrivalSource>(std::make_unique<ModelTraffic>(model, options));
}

}  // namespace eph::workload
