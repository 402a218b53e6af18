#pragma once
// Which rows a refit must not see and which of them are then predicted, for each validation scheme.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibration/dataset.h"
#include "core/result.h"

namespace eph::calibration {

enum class Scheme : std::uint8_t {
  k_fold,                        // curves dealt at random, each row held out exactly once
  random,                        // a share of the curves at random, several times over
  leave_one_model_out,           // all rows of a model, whatever table they come from
  leave_one_tp_out,              // all rows of a model at one tensor parallelism; its others stay
  leave_one_engine_version_out,  // all rows of an engine version
  leave_one_instance_out,        // all rows of one cloud machine type, its replicates included
  nothing_calibrated,  // fits of leave_one_model_out; only time per output token is counted
};
[[nodiscard]] std::string_view name(Scheme scheme);  // "leave-one-model-out"
[[nodiscard]] std::optional<Scheme> parse_scheme(std::string_view text);
[[nodiscard]] std::vector<std::string> scheme_names();

struct FoldOptions {
  Scheme scheme = Scheme::k_fold;
  int folds = 5;          // of k_fold
  double held_out = 0.3;  // of random: share of the rows
  int repeats = 3;        // of random
  std::uint64_t seed = 1;

  [[nodiscard]] Result<void> validate() const;
};

struct Fold {
  std::string name;        // what is held out: "2 of 5", a model, "<model> tp 4", a version, ...
  std::vector<bool> skip;  // by row: the fit must not see it
  std::vector<std::size_t> held;  // rows to predict, all of them in skip, ascending
};

struct FoldPlan {
  std::vector<Fold> folds;
  std::vector<std::string> notes;  // what the scheme could not do, and why
};

// A row leaves the fit together with what would give its result away: its curve (k_fold and
// random), repetitions of its point on identical machines (DataRow::machine), and rows that carry
// the very same measured figures. May give no folds; the notes then say why. Error: more folds than
// curves.
[[nodiscard]] Result<FoldPlan> make_folds(const std::vector<DataRow>& rows,
                                          const FoldOptions& options);

// Whether the scheme counts this figure.
[[nodiscard]] bool counts(Scheme scheme, Figure figure);

}  // namespace eph::calibration
