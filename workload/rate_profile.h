#pragma once
// Request rate over time: constant, steps or straight lines between points.
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/result.h"

namespace eph::workload {

// rate(t) in requests/s for 0 <= t < end_s(). Rates are >= 0 and their integral is above 0 when the
// profile ends. A profile that ends can be repeated for ever.
class RateProfile {
 public:
  [[nodiscard]] static Result<RateProfile> constant(double rate);  // never ends
  // rates[i] for step_s * i <= t < step_s * (i + 1).
  [[nodiscard]] static Result<RateProfile> steps(double step_s, std::span<const double> rates);
  // Points (time in s, rate), times ascending from 0, at least two.
  [[nodiscard]] static Result<RateProfile> lines(std::span<const std::pair<double, double>> points);

  [[nodiscard]] RateProfile repeated() const;  // same, without end
  [[nodiscard]] double end_s() const;          // infinite when it never ends

  [[nodiscard]] double at(double t_s) const;
  // Requests expected up to t.
  [[nodiscard]] double expected(double t_s) const;
  // First time at which `requests` are expected; nullopt when the profile ends before.
  [[nodiscard]] std::optional<double> time_of(double requests) const;

 private:
  struct Piece {
    double from_s, rate, slope, before;  // before: requests expected up to from_s
  };
  void add_piece(double duration_s, double rate, double slope);
  [[nodiscard]] const Piece& piece_at(double t_s) const;

  std::vector<Piece> pieces_;
  double length_s_ = 0;  // of one period; infinite for a constant rate
  double total_ = 0;     // requests expected in it
  bool repeats_ = false;
};

}  // namespace eph::workload
