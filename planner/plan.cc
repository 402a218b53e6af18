#include "planner/plan.h"

#include <fmt/format.h>
#include <tbb/global_control.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>

#include "models/price_book.h"
#include "planner/count_search.h"
#include "planner/evaluate.h"

namespace eph::planner {
namespace {

// Below this mean number of running requests per replica a request is alone nearly always, so that
// more replicas cannot shorten anything.
constexpr double kAloneRunning = 0.02;

class CandidateSearch {
 public:
  CandidateSearch(const scenario::Assembly& assembly, const scenario::RequestList& requests,
                  const EvaluateOptions& options)
      : assembly_(assembly), requests_(requests), options_(options) {}

  Result<CountAnswer> run(int max_replicas) {
    return smallest_count([this](int count) { return trial(count); },
                          guess_replicas(assembly_, requests_), max_replicas);
  }

  [[nodiscard]] const std::optional<Evaluation>& best() const { return best_; }
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

 private:
  Result<Trial> trial(int count) {
    Result<Evaluation> outcome = evaluate(assembly_, requests_, count, options_);
    if (!outcome) return outcome.error();
    if (outcome->passed) {
      best_ = std::move(*outcome);
      return Trial::pass;
    }
    last_failure_ = fmt::format("{} with {} replicas", outcome->failure, count);
    const bool alone = outcome->summary.mean_running < kAloneRunning * count;
    const bool rejected = outcome->summary.counts.rejected > 0 && outcome->summary.slos_met();
    return alone || rejected ? Trial::fail_forever : Trial::fail;
  }

  const scenario::Assembly& assembly_;
  const scenario::RequestList& requests_;
  const EvaluateOptions& options_;
  std::optional<Evaluation> best_;  // of the smallest count that passed so far: trials only go down
  std::string last_failure_;
};

double output_tokens_per_hour(const scenario::RequestList& requests) {
  double tokens = 0;
  for (const workload::Arrival& arrival : requests.arrivals) tokens += arrival.output_tokens;
  return tokens / std::max(1.0, requests.duration_s()) * 3600.0;
}

double peak_rate(const scenario::RequestList& requests) {
  constexpr double kWindow = 60.0;
  std::size_t first = 0, most = 0;
  for (std::size_t last = 0; last < requests.arrivals.size(); ++last) {
    while ((requests.arrivals[last].at - requests.arrivals[first].at).seconds() > kWindow) ++first;
    most = std::max(most, last - first + 1);
  }
  return static_cast<double>(most) / kWindow;
}

double tightest_headroom(const sim::RunSummary& summary) {
  double headroom = std::numeric_limits<double>::infinity();
  for (const sim::SloOutcome& outcome : summary.slos) {
    if (outcome.measured_s > 0) {
      headroom = std::min(headroom, outcome.slo.limit.seconds() / outcome.measured_s - 1.0);
    }
  }
  return headroom;
}

// TTFT's errors are stated apart; the other latencies are mostly time per output token.
std::optional<double> least_chance(const sim::RunSummary& summary,
                                   const std::optional<scenario::StatedError>& error) {
  if (!error) return std::nullopt;
  double chance = 1;
  for (const sim::SloOutcome& outcome : summary.slos) {
    const bool ttft = outcome.slo.latency == sim::Latency::ttft;
    chance = std::min(chance, scenario::chance_below(outcome.slo.limit.seconds(), outcome.measured_s,
                                                     ttft ? error->ttft_sd : error->tpot_sd));
  }
  return chance;
}

Result<PlanRow> plan_candidate(const models::Catalog& catalog, const scenario::DeploymentSpec& spec,
                               const PlanProblem& problem, const PlanOptions& options,
                               const scenario::RequestList& requests,
                               std::atomic<int>& simulations) {
  PlanRow row;
  row.deployment = spec;
  row.deployment.replicas = 0;
  Result<scenario::Assembly> assembly = scenario::assemble(catalog, spec);
  if (!assembly) {
    if (assembly.error().kind != ErrorKind::infeasible) return assembly.error();
    row.reason = assembly.error().what;
    return row;
  }
  row.warnings = assembly->warnings;
  scenario::set_clients(problem.workload, assembly->config);
  assembly->config.exact_steps = options.exact_steps;
  if (requests.shares_prefixes && !assembly->config.replica.engine.prefix_caching)
    row.warnings.emplace_back(scenario::kPrefixesUnused);
  const EvaluateOptions evaluation{problem.slos, problem.seed, options.max_rejected_share};
  CandidateSearch search(*assembly, requests, evaluation);
  Result<CountAnswer> answer = search.run(options.max_replicas);
  if (!answer) return answer.error();
  simulations += answer->trials;
  row.replicas_refused = answer->largest_refused;
  if (!answer->smallest) {
    row.reason = search.last_failure();
    return row;
  }
  row.feasible = true;
  row.replicas = row.deployment.replicas = *answer->smallest;
  row.gpus = row.replicas * spec.layout.gpus();
  row.at_plan = search.best()->summary;
  row.headroom = tightest_headroom(row.at_plan);
  row.confidence = least_chance(row.at_plan, assembly->error);
  if (row.at_plan.counts.rejected > 0) {
    row.warnings.push_back(fmt::format(
        "{} of {} requests are refused by the engine: longer than its limits or its KV cache",
        row.at_plan.counts.rejected, row.at_plan.counts.arrived));
  }
  return row;
}

// The price of each candidate's GPU, in their order: looked up before anything is simulated. A
// machine without GPU may have none: its plan then counts machines only.
using MaybePrice = std::optional<models::Price>;
Result<std::vector<MaybePrice>> find_prices(const models::Catalog& catalog,
                                            const PlanProblem& problem,
                                            const PlanOptions& options) {
  const std::string path =
      options.price_file.empty() ? catalog.folder() + "/prices/default.json" : options.price_file;
  Result<models::PriceBook> book = models::PriceBook::load(path);
  if (!book) return book.error();
  std::vector<MaybePrice> prices;
  for (const scenario::DeploymentSpec& candidate : problem.candidates) {
    Result<models::GpuSpec> gpu = catalog.gpu(candidate.gpu);
    if (!gpu) return gpu.error();
    Result<models::Price> price = book->find(
        gpu->name, options.provider.empty() ? "generic" : options.provider, options.commitment);
    if (!price && !gpu->is_cpu()) return price.error();
    prices.push_back(price ? MaybePrice(std::move(*price)) : std::nullopt);
  }
  return prices;
}

void price_rows(const std::vector<MaybePrice>& prices, double tokens_per_hour, PlanReport& report) {
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    PlanRow& row = report.rows[i];
    row.priced = prices[i].has_value();
    std::string note = fmt::format("no price of {} is known", row.deployment.gpu);
    if (row.priced) {
      const models::Price& price = *prices[i];
      row.usd_per_hour = price.per_gpu_hour.value * row.gpus;
      row.usd_per_million_output_tokens = row.usd_per_hour / tokens_per_hour * 1e6;
      note =
          fmt::format("{} {:.2f} USD per GPU hour, {}, {}{}", price.gpu, price.per_gpu_hour.value,
                      price.provider, price.commitment, price.assumed ? " (an assumption)" : "");
    }
    if (report.price_note.find(note) == std::string::npos) {
      report.price_note += (report.price_note.empty() ? "" : "; ") + note;
    }
  }
}

// Feasible rows first, the cheapest first, those without a price after them; ties keep the order in
// which the candidates were given.
void sort_rows(std::vector<PlanRow>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const PlanRow& a, const PlanRow& b) {
    if (a.feasible != b.feasible) return a.feasible;
    if (a.priced != b.priced) return a.priced;
    if (a.usd_per_hour != b.usd_per_hour) return a.usd_per_hour < b.usd_per_hour;
    return a.gpus < b.gpus;
  });
}

}  // namespace

Result<PlanReport> plan(const models::Catalog& catalog, const PlanProblem& problem,
                        const PlanOptions& options) {
  if (problem.slos.empty()) {
    return usage_error("a plan needs at least one objective",
                       "add for example --slo p95_ttft=500ms");
  }
  if (problem.candidates.empty()) return usage_error("no candidate deployments are given");
  const Result<std::vector<MaybePrice>> prices = find_prices(catalog, problem, options);
  if (!prices) return prices.error();
  Result<scenario::RequestList> requests =
      scenario::load_requests(catalog, problem.workload, problem.seed, 0);
  if (!requests) return requests.error();
  if (requests->arrivals.empty()) return usage_error("the workload has no requests");

  PlanReport report;
  report.workload = requests->description;
  report.requests = requests->arrivals.size();
  report.mean_rate = static_cast<double>(report.requests) / std::max(1.0, requests->duration_s());
  report.peak_rate = peak_rate(*requests);
  report.warnings = requests->warnings;

  const std::size_t count = problem.candidates.size();
  std::vector<std::optional<Result<PlanRow>>> rows(count);
  std::atomic<int> simulations{0};
  std::mutex progress_mutex;
  std::size_t done = 0;
  const int threads = options.threads > 0 ? options.threads : tbb::info::default_concurrency();
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(threads));
  tbb::task_arena arena(threads);
  arena.execute([&] {
    tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) {
      rows[i].emplace(
          plan_candidate(catalog, problem.candidates[i], problem, options, *requests, simulations));
      if (!options.progress) return;
      const std::lock_guard<std::mutex> lock(progress_mutex);
      ++done;
      options.progress(static_cast<double>(done) / static_cast<double>(count),
                       problem.candidates[i].engine);
    });
  });
  for (std::optional<Result<PlanRow>>& row : rows) {
    if (!*row) return (*row).error();
    report.rows.push_back(std::move(*row).value());
  }
  report.simulations = simulations;
  price_rows(*prices, output_tokens_per_hour(*requests), report);
  sort_rows(report.rows);
  return report;
}

}  // namespace eph::planner
