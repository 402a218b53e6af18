// Which points of a sweep cannot be, before anything is simulated.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/sweep_points.h"
#include "jobs/parallel.h"
#include "scenario/fleet.h"
#include "sim/simulation.h"

namespace eph::app {
namespace {

// Points that differ in their requests alone can be, or cannot, together.
std::string what_serves(const Sweep& sweep, const Point& point) {
  std::string out;
  for (std::size_t a = 0; a < sweep.axes.size(); ++a)
    if (!sweep.axes[a].section.starts_with("workload"))
      out += fmt::format("{}={};", sweep.axes[a].flag, point.values[a]);
  return out;
}

}  // namespace

std::string reason_of(Error error) {
  error.remedy.clear();
  std::string out = error.text();
  for (std::size_t at = 0; (at = out.find('\n', at)) != std::string::npos;)
    out.replace(at, 1, "; ");
  return out;
}

std::optional<Error> SweepRuns::check_point(const Point& point) const {
  if (!assembly(point)) return assembly(point).error();
  const auto config = scenario::run_config(catalog_, point.scenario, *assembly(point), 0);
  if (!config) return config.error();
  if (const auto ok = sim::check(config->config); !ok) return ok.error();
  return std::nullopt;
}

Result<void> SweepRuns::check_points(int threads) {
  std::map<std::string, std::size_t> numbers;
  std::vector<const Point*> servers;  // one point of each that serve alike
  std::vector<std::size_t> which(sweep_.points.size());
  for (std::size_t p = 0; p < sweep_.points.size(); ++p) {
    const Point& point = sweep_.points[p];
    if (point.fault) continue;
    const auto [at, fresh] = numbers.emplace(what_serves(sweep_, point), servers.size());
    if (fresh) servers.push_back(&point);
    which[p] = at->second;
  }
  std::vector<std::optional<Error>> found(servers.size());
  jobs::run_in_parallel(servers.size(), threads, [&](std::size_t i) {
    found[i] = check_point(*servers[i]);
    return true;
  });
  bool wrong = true;  // all of them, and none for want of memory
  for (std::size_t p = 0; p < sweep_.points.size(); ++p) {
    const Point& point = sweep_.points[p];
    problems_.push_back(point.fault ? point.fault : found[which[p]]);
    if (problems_[p] && problems_[p]->kind == ErrorKind::io) return *problems_[p];
    wrong = wrong && problems_[p] && problems_[p]->kind == ErrorKind::usage;
  }
  if (wrong) return *problems_.front();
  return {};
}

}  // namespace eph::app
