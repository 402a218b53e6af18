#include "calibration/folds.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "core/rng.h"

namespace eph::calibration {
namespace {

constexpr std::array kSchemes{Scheme::k_fold,
                              Scheme::random,
                              Scheme::leave_one_model_out,
                              Scheme::leave_one_tp_out,
                              Scheme::leave_one_engine_version_out,
                              Scheme::leave_one_instance_out,
                              Scheme::nothing_calibrated};

using Groups = std::vector<std::vector<std::size_t>>;  // rows by group

// All measured figures of a row. Two rows that agree in every digit are one measurement, listed
// twice.
std::string measurement_of(const DataRow& row) {
  std::string out;
  int count = 0;
  for (std::size_t f = 0; f < kFigureCount; ++f) {
    const auto& value = row.plan.measured[static_cast<Figure>(f)];
    if (value) ++count;
    out += value ? fmt::format("{}|", *value) : "|";
  }
  return count >= 2 ? out : std::string();  // one equal figure may be chance
}

// Curves, joined where they share a measurement; in byte order of their first curve.
Groups independent_groups(const std::vector<DataRow>& rows) {
  std::vector<std::size_t> parent(rows.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&](std::size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  std::map<std::string, std::size_t> curve, measurement;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    parent[root(i)] = root(curve.emplace(rows[i].curve, i).first->second);
    const std::string key = measurement_of(rows[i]);
    if (!key.empty()) parent[root(i)] = root(measurement.emplace(key, i).first->second);
  }
  std::map<std::size_t, std::size_t> group_of_root;
  Groups groups;
  for (const auto& [name, first] : curve) {
    if (group_of_root.emplace(root(first), groups.size()).second) groups.emplace_back();
  }
  for (std::size_t i = 0; i < rows.size(); ++i) groups[group_of_root.at(root(i))].push_back(i);
  return groups;
}

void shuffle(Groups& groups, std::uint64_t seed, std::uint64_t run) {
  Stream stream({seed, run, Purpose::bootstrap, 0});
  for (std::size_t i = groups.size(); i > 1; --i) std::swap(groups[i - 1], groups[stream.below(i)]);
}

Fold make_fold(const std::vector<DataRow>& rows, std::string name, std::vector<std::size_t> held) {
  Fold fold;
  fold.name = std::move(name);
  fold.skip.assign(rows.size(), false);
  std::sort(held.begin(), held.end());
  std::set<std::string> measurements;
  for (const std::size_t i : held) {
    fold.skip[i] = true;
    measurements.insert(measurement_of(rows[i]));
  }
  measurements.erase("");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (measurements.count(measurement_of(rows[i])) > 0) fold.skip[i] = true;
  }
  fold.held = std::move(held);
  return fold;
}

// Each group goes to the fold that has the fewest rows so far.
Result<FoldPlan> deal(const std::vector<DataRow>& rows, const FoldOptions& options) {
  Groups groups = independent_groups(rows);
  const auto count = static_cast<std::size_t>(options.folds);
  if (groups.size() < count) {
    return usage_error(fmt::format("{} folds of {} curves", count, groups.size()),
                       "ask for fewer folds");
  }
  shuffle(groups, options.seed, 0);
  std::vector<std::vector<std::size_t>> held(count);
  for (const auto& group : groups) {
    auto& smallest = *std::min_element(
        held.begin(), held.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    smallest.insert(smallest.end(), group.begin(), group.end());
  }
  FoldPlan plan;
  for (std::size_t k = 0; k < count; ++k) {
    plan.folds.push_back(
        make_fold(rows, fmt::format("{} of {}", k + 1, count), std::move(held[k])));
  }
  return plan;
}

FoldPlan draw(const std::vector<DataRow>& rows, const FoldOptions& options) {
  FoldPlan plan;
  const auto wanted =
      static_cast<std::size_t>(options.held_out * static_cast<double>(rows.size()) + 0.5);
  for (int r = 0; r < options.repeats; ++r) {
    Groups groups = independent_groups(rows);
    shuffle(groups, options.seed, static_cast<std::uint64_t>(r));
    std::vector<std::size_t> held;
    for (const auto& group : groups) {
      if (held.size() >= wanted) break;
      held.insert(held.end(), group.begin(), group.end());
    }
    plan.folds.push_back(
        make_fold(rows, fmt::format("{} of {}", r + 1, options.repeats), std::move(held)));
  }
  return plan;
}

// A fold for each key; rows with an empty key are never held out.
FoldPlan leave_out(const std::vector<DataRow>& rows, std::string_view what,
                   const std::function<std::string(const DataRow&)>& key_of) {
  std::map<std::string, std::vector<std::size_t>> by_key;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string key = key_of(rows[i]);
    if (!key.empty()) by_key[key].push_back(i);
  }
  FoldPlan plan;
  for (auto& [key, held] : by_key) {
    Fold fold = make_fold(rows, key, std::move(held));
    bool fits = false;
    // Offline batches say nothing of served runs, nor these of them.
    const auto offline = [&](std::size_t i) { return rows[i].plan.protocol == Protocol::offline; };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool kin = std::any_of(fold.held.begin(), fold.held.end(),
                                   [&](std::size_t h) { return offline(h) == offline(i); });
      fits = fits || (kin && rows[i].fitted && !fold.skip[i]);
    }
    if (fits) {
      plan.folds.push_back(std::move(fold));
    } else {
      plan.notes.push_back(
          fmt::format("{} {}: skipped, no other row is left for a fit", what, key));
    }
  }
  if (by_key.empty()) plan.notes.push_back(fmt::format("no row names its {}", what));
  return plan;
}

FoldPlan leave_tp_out(const std::vector<DataRow>& rows) {
  std::map<std::string, std::set<int>> tps;
  for (const DataRow& row : rows) tps[row.model].insert(row.tensor_parallel);
  FoldPlan plan = leave_out(rows, "tensor parallelism", [&](const DataRow& row) {
    return tps[row.model].size() > 1 ? fmt::format("{} tp {}", row.model, row.tensor_parallel) : "";
  });
  for (const auto& [model, set] : tps) {
    if (set.size() > 1) continue;
    plan.notes.push_back(
        fmt::format("{}: skipped, measured at tensor parallelism {} alone", model, *set.begin()));
  }
  return plan;
}

}  // namespace

std::string_view name(Scheme scheme) {
  switch (scheme) {
    case Scheme::k_fold:
      return "k-fold";
    case Scheme::random:
      return "random";
    case Scheme::leave_one_model_out:
      return "leave-one-model-out";
    case Scheme::leave_one_tp_out:
      return "leave-one-tp-out";
    case Scheme::leave_one_engine_version_out:
      return "leave-one-engine-version-out";
    case Scheme::leave_one_instance_out:
      return "leave-one-instance-out";
    case Scheme::nothing_calibrated:
      break;
  }
  return "nothing-calibrated";
}

std::optional<Scheme> parse_scheme(std::string_view text) {
  for (const Scheme scheme : kSchemes) {
    if (text == name(scheme)) return scheme;
  }
  return std::nullopt;
}

std::vector<std::string> scheme_names() {
  std::vector<std::string> out;
  for (const Scheme scheme : kSchemes) out.emplace_back(name(scheme));
  return out;
}

Result<void> FoldOptions::validate() const {
  if (folds < 2) return usage_error(fmt::format("{} folds", folds), "ask for 2 or more");
  if (repeats < 1) return usage_error(fmt::format("{} repeats", repeats), "ask for 1 or more");
  if (!(held_out > 0 && held_out <= 0.8)) {
    return usage_error(fmt::format("held-out share {} is not in 0..0.8", held_out));
  }
  return {};
}

Result<FoldPlan> make_folds(const std::vector<DataRow>& rows, const FoldOptions& options) {
  if (auto ok = options.validate(); !ok) return ok.error();
  const auto model = [](const DataRow& row) { return row.model; };
  switch (options.scheme) {
    case Scheme::k_fold:
      return deal(rows, options);
    case Scheme::random:
      return draw(rows, options);
    case Scheme::leave_one_model_out:
    case Scheme::nothing_calibrated:
      return leave_out(rows, "model", model);
    case Scheme::leave_one_tp_out:
      return leave_tp_out(rows);
    case Scheme::leave_one_engine_version_out:
      return leave_out(rows, "engine version", [](const DataRow& row) {
        return row.engine_version.empty() ? "not recorded" : row.engine_version;
      });
    case Scheme::leave_one_instance_out:
      break;
  }
  return leave_out(rows, "machine type", [](const DataRow& row) { return row.machine; });
}

bool counts(Scheme scheme, Figure figure) {
  return scheme != Scheme::nothing_calibrated || figure == Figure::mean_tpot ||
         figure == Figure::itl_p50;
}

}  // namespace eph::calibration
