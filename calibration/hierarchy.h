#pragma once
// The joint Gaussian prior of everything a fit estimates: engine-wide coefficients, how models,
// deployments and hosts differ from them, and smooth residuals (docs/MODEL.md,
// "Calibration"). Linear around a state, so that the posterior is linear algebra in the
// observations.
#include <Eigen/Core>
#include <string>
#include <vector>

#include "calibration/hyperparameters.h"
#include "calibration/linearisation.h"
#include "models/profile.h"

namespace eph::calibration {

// What a row shares with others, and where it lies for the residuals (octaves).
struct RowTraits {
  std::string model, deployment, host;  // equal text: the same
  models::Parallelism layout;
  std::string weights;
  double decode_seqs = 0, context = 0, prompt_step = 0, tensor = 0;
  double concurrency = 0, prompt = 0, output = 0;
  bool first_token = false;  // its mean TTFT has an undocumented part
};
[[nodiscard]] RowTraits traits_of(const DataRow& row);

class Hierarchy {
 public:
  Hierarchy(models::EngineKind engine, std::string_view family,
            const std::vector<RowTraits>& traits, const std::vector<Observation>& observations,
            const HyperParameters& hyper);

  // Prior covariance of the observations' log values around the start.
  [[nodiscard]] Eigen::MatrixXd covariance(const Eigen::MatrixXd& slopes) const;

  // Posterior means in terms of the dual weights `a` (covariance * a = mean of the observations).
  // Shifts of all coefficients for what shares model / deployment with `traits`; levels beyond the
  // last asked for stay at their prior mean.
  enum class Level { engine, model, deployment };
  [[nodiscard]] std::vector<double> shifts(const Eigen::MatrixXd& slopes, const Eigen::VectorXd& a,
                                           const RowTraits& traits, Level level) const;
  [[nodiscard]] double log_host(const Eigen::MatrixXd& slopes, const Eigen::VectorXd& a,
                                const std::string& host) const;
  // Residual surfaces at `tensor` ranks; of the model if `with_model`, else of all models.
  [[nodiscard]] models::StepResidual residual(const Eigen::MatrixXd& slopes,
                                              const Eigen::VectorXd& a, const RowTraits& traits,
                                              double tensor_ranks, bool with_model) const;
  [[nodiscard]] models::FirstTokenResidual first_token(const Eigen::VectorXd& a) const;
  // Posterior covariance of the engine-wide coefficients in `order`, row-major, in their units.
  [[nodiscard]] std::vector<double> engine_covariance(
      const Eigen::MatrixXd& slopes, const Eigen::MatrixXd& inverse_noisy,
      const std::vector<models::Coefficient>& order) const;

  [[nodiscard]] const std::vector<models::Coefficient>& free() const { return free_; }
  [[nodiscard]] const HyperParameters& hyper() const { return hyper_; }

 private:
  [[nodiscard]] bool has_first(std::size_t observation) const;
  [[nodiscard]] double decode_kernel(const RowTraits& t, double seqs, double context,
                                     double tensor) const;
  [[nodiscard]] double prefill_kernel(const RowTraits& t, double prompt, double tensor) const;
  [[nodiscard]] double first_kernel(const RowTraits& a, const RowTraits& b) const;

  const std::vector<RowTraits>& traits_;
  const std::vector<Observation>& observations_;
  HyperParameters hyper_;
  std::vector<models::Coefficient> free_;
  std::vector<double> prior_sd_;  // by free coefficient, in its unit
  std::vector<bool> per_model_;   // by free coefficient: may a model differ
};

}  // namespace eph::calibration
