#include "planner/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/sha256.h"
#include "planner/candidate.h"

namespace eph::planner {
namespace {

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

Result<Plan> Plan::prepare(const models::Catalog& catalog, const PlanProblem& problem,
                           const PlanOptions& options) {
  if (problem.slos.empty()) {
    return usage_error("a plan needs at least one objective",
                       "add for example --slo p95_ttft=500ms");
  }
  if (problem.candidates.empty()) return usage_error("no candidate deployments are given");
  EPH_ASSERT(problem.abouts.empty() || problem.abouts.size() == problem.candidates.size(),
             "{} candidates have {} names", problem.candidates.size(), problem.abouts.size());
  Result<std::vector<MaybePrice>> prices = find_prices(catalog, problem, options);
  if (!prices) return prices.error();
  Result<scenario::RequestList> requests =
      scenario::load_requests(catalog, problem.workload, problem.seed, 0);
  if (!requests) return requests.error();
  if (requests->arrivals.empty()) return usage_error("the workload has no requests");
  return Plan(catalog, problem, options, std::move(*prices), std::move(*requests));
}

const std::string& Plan::about(std::size_t candidate) const {
  return problem_.abouts.empty() ? nameless_ : problem_.abouts[candidate];
}

jobs::TaskSet Plan::tasks() const {
  jobs::TaskSet out;
  out.count = problem_.candidates.size();
  Sha256 identity;
  for (std::size_t i = 0; i < out.count; ++i) identity.add(about(i) + "\n");
  out.identity = identity.hex();
  out.run = [this](std::size_t i, jobs::Memo& memo) {
    return search_candidate(catalog_, problem_.candidates[i], problem_, options_, requests_, load_,
                            about(i), memo);
  };
  out.prefix = [this](std::size_t i) { return sha256(about(i)) + "/"; };
  return out;
}

Result<PlanReport> Plan::report(const std::vector<std::string>& answers) const {
  PlanReport report;
  report.workload = requests_.description;
  report.requests = requests_.arrivals.size();
  report.mean_rate = static_cast<double>(report.requests) / std::max(1.0, requests_.duration_s());
  report.peak_rate = peak_rate(requests_);
  report.warnings = requests_.warnings;
  report.notes = problem_.notes;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    Result<CandidateAnswer> answer = read_answer(answers[i], problem_.candidates[i], problem_);
    if (!answer) return answer.error();
    report.simulations += answer->simulations;
    report.rows.push_back(std::move(answer->row));
  }
  price_rows(prices_, output_tokens_per_hour(requests_), report);
  sort_rows(report.rows);
  return report;
}

Result<PlanReport> plan(const models::Catalog& catalog, const PlanProblem& problem,
                        const PlanOptions& options) {
  const Result<Plan> prepared = Plan::prepare(catalog, problem, options);
  if (!prepared) return prepared.error();
  jobs::TeamOptions work;
  work.threads = options.threads;
  const auto answers = jobs::Team(nullptr).run(prepared->tasks(), work);
  if (!answers) return answers.error();
  return prepared->report(*answers);
}

}  // namespace eph::planner
