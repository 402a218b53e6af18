#include "workload/rate_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/assert.h"
#include "core/text.h"

namespace eph::workload {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

Error bad(std::string_view what, double value, std::string_view remedy) {
  return usage_error(fmt::format("{} is {}", what, number(value)), std::string(remedy));
}

Result<void> check_rate(double rate) {
  if (rate >= 0 && std::isfinite(rate)) return {};
  return bad("rate in requests/s", rate, "give a number of at least 0");
}

}  // namespace

void RateProfile::add_piece(double duration_s, double rate, double slope) {
  pieces_.push_back({length_s_, rate, slope, total_});
  length_s_ += duration_s;
  total_ += duration_s * (rate + slope * duration_s / 2);
}

Result<RateProfile> RateProfile::constant(double rate) {
  if (!(rate > 0 && std::isfinite(rate)))
    return bad("rate in requests/s", rate, "give a number above 0");
  RateProfile profile;
  profile.pieces_.push_back({0, rate, 0, 0});
  profile.length_s_ = kForever;
  profile.total_ = kForever;
  return profile;
}

Result<RateProfile> RateProfile::steps(double step_s, std::span<const double> rates) {
  if (!(step_s > 0 && std::isfinite(step_s)))
    return bad("step of the rate profile in seconds", step_s, "give a number above 0");
  RateProfile profile;
  for (const double rate : rates) {
    if (Result<void> ok = check_rate(rate); !ok) return ok.error();
    profile.add_piece(step_s, rate, 0);
  }
  if (!(profile.total_ > 0))
    return usage_error("the rate profile has no requests", "give at least one rate above 0");
  return profile;
}

Result<RateProfile> RateProfile::lines(std::span<const std::pair<double, double>> points) {
  if (points.size() < 2)
    return bad("number of points of the rate profile", static_cast<double>(points.size()),
               "give at least two");
  if (points.front().first != 0)
    return bad("first time of the rate profile", points.front().first, "start at 0 s");
  RateProfile profile;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (Result<void> ok = check_rate(points[i].second); !ok) return ok.error();
    if (i == 0) continue;
    const double duration = points[i].first - points[i - 1].first;
    if (!(duration > 0 && std::isfinite(duration)))
      return bad("time of the rate profile", points[i].first, "give times in ascending order");
    const double rise = points[i].second - points[i - 1].second;
    profile.add_piece(duration, points[i - 1].second, rise / duration);
  }
  if (!(profile.total_ > 0))
    return usage_error("the rate profile has no requests", "give at least one rate above 0");
  return profile;
}

RateProfile RateProfile::repeated() const {
  RateProfile copy = *this;
  copy.repeats_ = true;
  return copy;
}

double RateProfile::end_s() const { return repeats_ ? kForever : length_s_; }

const RateProfile::Piece& RateProfile::piece_at(double t_s) const {
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), t_s,
                                      [](double t, const Piece& p) { return t < p.from_s; });
  EPH_DASSERT(after != pieces_.begin(), "time {} s before the rate profile", t_s);
  return *(after - 1);
}

double RateProfile::at(double t_s) const {
  if (t_s < 0 || t_s >= end_s()) return 0;
  const double t = repeats_ && length_s_ < kForever ? std::fmod(t_s, length_s_) : t_s;
  const Piece& piece = piece_at(t);
  return piece.rate + piece.slope * (t - piece.from_s);
}

double RateProfile::expected(double t_s) const {
  if (t_s <= 0) return 0;
  double periods = 0;
  double t = t_s;
  if (length_s_ < kForever) {
    if (!repeats_) t = std::min(t, length_s_);
    periods = repeats_ ? std::floor(t_s / length_s_) : 0;
    t -= periods * length_s_;
  }
  const Piece& piece = piece_at(t);
  const double into = t - piece.from_s;
  const double here = piece.before + into * (piece.rate + piece.slope * into / 2);
  return periods > 0 ? periods * total_ + here : here;
}

std::optional<double> RateProfile::time_of(double requests) const {
  if (requests <= 0) return 0.0;
  double periods = 0;
  double left = requests;
  if (total_ < kForever) {
    if (!repeats_ && requests >= total_) return std::nullopt;
    periods = repeats_ ? std::floor(requests / total_) : 0;
    left -= periods * total_;
  }
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), left,
                                      [](double x, const Piece& p) { return x < p.before; });
  const Piece& piece = *(after - 1);
  // x = r t + s t^2 / 2, solved without cancellation: t = 2 x / (r + sqrt(r^2 + 2 s x)).
  const double x = left - piece.before;
  const double root = std::sqrt(std::max(0.0, piece.rate * piece.rate + 2 * piece.slope * x));
  const double into = x > 0 ? 2 * x / (piece.rate + root) : 0;
  return piece.from_s + into + (periods > 0 ? periods * length_s_ : 0);
}

}  // namespace eph::workload
