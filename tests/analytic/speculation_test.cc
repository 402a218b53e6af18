// Speculative decoding against its closed form.
#include <cmath>

#include "tests/support/scenario.h"

using namespace eph;
using namespace eph::test;

// With a_i = p_1 ... p_i the number A of accepted drafts has P(A >= i) = a_i, so E[A] = sum a_i and
// E[A^2] = sum (2 i - 1) a_i. Draws of different steps are independent: the mean of n of them lies
// within 4 standard errors with probability 0.99994, and the seed is fixed.
TEST_CASE("tokens a step are the sum of the products of acceptances") {
  const std::vector<double> p{0.8, 0.6, 0.4};
  double all = 1, mean = 0, square = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    all *= p[i];
    mean += all;
    square += (2 * static_cast<double>(i) + 1) * all;
  }
  CHECK(mean == Approx(0.8 + 0.48 + 0.192));
  const ConstantStepModel step(0.010);
  Scenario s(models::EngineKind::vllm, step, 100'000);
  s.engine().speculation = {.drafts = 3, .acceptance = p};
  for (int i = 0; i < 100; ++i) s.send(i, 10, 1000);
  const Outcome o = run(s);
  const auto n = static_cast<double>(o.summary.counts.verifications);
  CHECK(n > 35'000);
  const double error = std::sqrt((square - mean * mean) / n);
  CHECK(std::abs(o.summary.counts.tokens_per_verification() - (1 + mean)) < 4 * error);
  // A request's decodes take 999 / (1 + mean) steps, the last one not all of it: TPOT to 1 %.
  CHECK(o.summary.tpot.mean_s() == Approx(0.010 / (1 + mean)).epsilon(0.01));
}

TEST_CASE("what is accepted belongs to the request, whatever is batched with it") {
  const ConstantStepModel step(0.010);
  const auto steps_of_first = [&step](int others, int replicas) {
    Scenario s(models::EngineKind::vllm, step, 100'000);
    s.engine().speculation = {.drafts = 2, .acceptance = {0.5, 0.5}};
    s.config.replicas = replicas;
    for (int i = 0; i <= others; ++i) s.send(0, 10, 200);
    const Outcome o = run(s);
    std::vector<std::int32_t> out;
    for (const auto& one : o.sink.steps)
      for (const auto& entry : one.scheduled)
        if (index(entry.id) == 0) out.push_back(entry.out);
    return out;
  };
  const auto alone = steps_of_first(0, 1);
  CHECK(alone.size() > 100);
  CHECK(steps_of_first(7, 1) == alone);
  CHECK(steps_of_first(7, 3) == alone);
}
