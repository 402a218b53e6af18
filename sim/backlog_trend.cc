#include "sim/backlog_trend.h"

#include <cmath>

namespace eph::sim {

void BacklogTrend::advance(SimTime now) {
  integral_ += static_cast<Wide>((now - last_).ns) * static_cast<Wide>(sent_ - ended_);
  last_ = now;
}

void BacklogTrend::on_sent(SimTime now) {
  advance(now);
  if (sent_ % stride_ == 0) {
    if (points_.size() == kMaxPoints) {
      for (std::size_t i = 0; i < kMaxPoints / 2; ++i) points_[i] = points_[2 * i];
      points_.resize(kMaxPoints / 2);
      stride_ *= 2;
    }
    if (sent_ % stride_ == 0) points_.push_back(here());
  }
  last_sent_ = here();
  ++sent_;
}

void BacklogTrend::on_ended(SimTime now) {
  advance(now);
  ++ended_;
}

void BacklogTrend::restart_mean(SimTime now) {
  advance(now);
  mean_from_ = now;
  mean_integral_ = integral_;
}

double BacklogTrend::mean_in_system(SimTime now) const {
  const Wide integral =
      integral_ + static_cast<Wide>((now - last_).ns) * static_cast<Wide>(sent_ - ended_);
  const std::int64_t span = (now - mean_from_).ns;
  return span > 0 ? static_cast<double>(integral - mean_integral_) / static_cast<double>(span)
                  : 0.0;
}

double BacklogTrend::growth_per_s() const {
  if (points_.empty()) return 0;
  const Point& half = points_[points_.size() / 2];
  const double span = (last_sent_.at - half.at).seconds();
  const auto grown = static_cast<double>(last_sent_.sent - last_sent_.ended) -
                     static_cast<double>(half.sent - half.ended);
  return span > 0 ? grown / span : 0.0;
}

bool BacklogTrend::saturated() const {
  const std::size_t n = points_.size();
  if (n < 16) return false;
  const Point& half = points_[n / 2];
  const Point& three_quarters = points_[n / 2 + (n - n / 2) / 2];
  const auto mean = [](const Point& a, const Point& b) {
    const std::int64_t span = (b.at - a.at).ns;
    return span > 0 ? static_cast<double>(b.integral - a.integral) / static_cast<double>(span)
                    : 0.0;
  };
  const auto quarter = static_cast<double>(last_sent_.sent - three_quarters.sent);
  const double growth = mean(three_quarters, last_sent_) - mean(half, three_quarters);
  if (growth <= 0.03 * quarter || growth <= std::sqrt(quarter)) return false;
  const auto sent = static_cast<double>(last_sent_.sent - half.sent);
  const auto ended = static_cast<double>(last_sent_.ended - half.ended);
  return ended < 0.97 * sent;
}

}  // namespace eph::sim
