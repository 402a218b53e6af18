#include "calibration/linearisation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "calibration/parallel.h"
#include "calibration/relevance.h"

namespace eph::calibration {
namespace {

// Wide enough to average over schedules that jump, narrow enough for a slope.
constexpr double kCoefficientStep = 0.08;  // of the value plus its prior deviation
constexpr double kResidualStep = 0.05, kHostStep = 0.08;

// Observations of a row lie together: [first, last) of each row that has any.
struct RowSpan {
  std::size_t row = 0, first = 0, last = 0;
};

std::vector<RowSpan> spans_of(const std::vector<Observation>& observations) {
  std::vector<RowSpan> out;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (out.empty() || out.back().row != observations[i].row)
      out.push_back({observations[i].row, i, i});
    out.back().last = i + 1;
  }
  return out;
}

void log_figures(const RowPredictor& predictor, const std::vector<Observation>& observations,
                 const RowSpan& span, const RowState& state, Stage stage,
                 std::vector<double>& out) {
  const auto replayed = predictor.predict(span.row, state, stage);
  for (std::size_t i = span.first; i < span.last; ++i) {
    const std::optional<double> value =
        replayed ? replayed->figures[observations[i].figure] : std::optional<double>();
    const bool usable = value && *value > 0;
    out[i] = usable ? std::log(*value) : std::numeric_limits<double>::quiet_NaN();
  }
}

bool matters(std::size_t direction, const std::vector<models::Coefficient>& moved,
             const models::StepContext& context) {
  if (direction >= models::kCoefficientCount) return true;
  const auto c = static_cast<models::Coefficient>(direction);
  return std::find(moved.begin(), moved.end(), c) != moved.end() && is_relevant(c, context);
}

// Moves a state along a direction; returns how far it could (bounds).
double move(RowState& state, std::size_t direction, double sign) {
  if (direction == kDecodeDirection) {
    for (double& knot : state.residual.decode) knot += sign * kResidualStep;
    return sign * kResidualStep;
  }
  if (direction == kPrefillDirection) {
    for (double& knot : state.residual.prefill) knot += sign * kResidualStep;
    return sign * kResidualStep;
  }
  if (direction == kHostDirection) {
    state.host_speed *= std::exp(sign * kHostStep);
    return sign * kHostStep;
  }
  const models::CoefficientInfo& info =
      models::coefficient_info(static_cast<models::Coefficient>(direction));
  double& value = state.values[direction];
  const double from = value;
  value = std::clamp(from + sign * kCoefficientStep * (std::abs(from) + info.prior_sd), info.lower,
                     info.upper);
  return value - from;
}

}  // namespace

Predictions predict_observations(const RowPredictor& predictor,
                                 const std::vector<Observation>& observations,
                                 const std::vector<RowState>& states, Stage stage, int threads) {
  const std::vector<RowSpan> spans = spans_of(observations);
  Predictions out;
  out.log_predicted.resize(observations.size());
  out.simulations = spans.size();
  parallel_for(spans.size(), threads, [&](std::size_t s) {
    log_figures(predictor, observations, spans[s], states[spans[s].row], stage, out.log_predicted);
  });
  return out;
}

Linearisation linearise(const RowPredictor& predictor, const std::vector<DataRow>& rows,
                        const std::vector<Observation>& observations,
                        const std::vector<RowState>& states,
                        const std::vector<models::Coefficient>& moved, int threads) {
  const std::vector<RowSpan> spans = spans_of(observations);
  Linearisation out;
  out.slopes = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(observations.size()),
                                     static_cast<Eigen::Index>(kDirections));
  std::vector<std::pair<std::size_t, std::size_t>> jobs;  // span, direction
  for (std::size_t s = 0; s < spans.size(); ++s) {
    for (std::size_t d = 0; d < kDirections; ++d) {
      if (matters(d, moved, rows[spans[s].row].plan.deployment.context)) jobs.emplace_back(s, d);
    }
  }
  out.simulations = 2 * jobs.size();
  // Each job writes its own cells.
  parallel_for(jobs.size(), threads, [&](std::size_t j) {
    const auto [s, direction] = jobs[j];
    const RowSpan& span = spans[s];
    std::vector<double> up(observations.size()), down(observations.size());
    RowState high = states[span.row], low = states[span.row];
    const double width = move(high, direction, 1) - move(low, direction, -1);
    log_figures(predictor, observations, span, high, Stage::shortened, up);
    log_figures(predictor, observations, span, low, Stage::shortened, down);
    for (std::size_t i = span.first; i < span.last; ++i) {
      const double slope = (up[i] - down[i]) / width;
      out.slopes(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(direction)) =
          std::isfinite(slope) ? slope : 0.0;
    }
  });
  return out;
}

}  // namespace eph::calibration
