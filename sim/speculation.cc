#include "sim/speculation.h"

#include <fmt/format.h>

#include <algorithm>

namespace eph::sim {
namespace {

constexpr int kPositionBits = 24;  // of a stream's entity: output tokens of one request

}  // namespace

Result<void> check(const SpeculationOptions& o) {
  if (!o.on()) return {};
  if (o.acceptance.empty() || o.acceptance.size() > static_cast<std::size_t>(o.drafts))
    return usage_error(fmt::format("{} acceptance probabilities for {} draft tokens",
                                   o.acceptance.size(), o.drafts),
                       "give one for each position of the draft");
  for (const double p : o.acceptance)
    if (!(p >= 0 && p <= 1))
      return usage_error(fmt::format("an acceptance probability is {}", p), "it must be 0 to 1");
  if (o.draft_slots < 0)
    return usage_error(fmt::format("draft_slots is {}", o.draft_slots), "give 0 or more");
  return {};
}

Acceptance::Acceptance(const SpeculationOptions& options, const StreamKey& key)
    : key_{key.seed, key.run, Purpose::speculation, 0} {
  double all = 1;
  for (const double p : options.acceptance) survival_.push_back(all *= p);
}

std::int32_t Acceptance::accepted(RequestId request, std::int32_t position,
                                  std::int32_t drafts) const {
  StreamKey key = key_;
  key.entity = index(request) << kPositionBits | static_cast<std::uint64_t>(position);
  const double u = Stream(key).unit();
  const auto most = std::min<std::int32_t>(drafts, static_cast<std::int32_t>(survival_.size()));
  std::int32_t n = 0;
  while (n < most && u < survival_[static_cast<std::size_t>(n)]) ++n;
  return n;
}

}  // namespace eph::sim
