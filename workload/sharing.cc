#include "workload/sharing.h"

#include <algorithm>
#include <cmath>

namespace eph::workload {

void SharingObserver::add(double at_s, std::span<const std::uint64_t> hashes) {
  Seen seen;
  seen.blocks = static_cast<std::uint32_t>(hashes.size());
  double last_use_s = at_s;
  for (const std::uint64_t hash : hashes) {
    const auto known = last_use_s_.find(hash);
    if (known == last_use_s_.end()) break;
    ++seen.reused;
    last_use_s = known->second;
  }
  seen.age_s = at_s - last_use_s;
  for (const std::uint64_t hash : hashes) last_use_s_[hash] = at_s;
  requests_.push_back(seen);
  blocks_ += seen.blocks;
  reused_ += seen.reused;
}

// Largest number of leading blocks that nine in ten of the longer requests found in use.
std::int32_t SharingObserver::root_blocks() const {
  constexpr double kNearlyAll = 0.9;
  constexpr std::uint32_t kMost = 64;
  for (std::uint32_t r = 1; r <= kMost; ++r) {
    std::size_t longer = 0;
    std::size_t reusing = 0;
    for (const Seen& seen : requests_) {
      if (seen.blocks <= r) continue;
      ++longer;
      reusing += seen.reused >= r ? 1 : 0;
    }
    if (longer == 0 || static_cast<double>(reusing) < kNearlyAll * static_cast<double>(longer))
      return static_cast<std::int32_t>(r) - 1;
  }
  return static_cast<std::int32_t>(kMost);
}

std::optional<SharingModel> SharingObserver::fit(const std::vector<std::size_t>& bin_of,
                                                 std::size_t bins,
                                                 std::int32_t block_tokens) const {
  constexpr std::size_t kPartKnots = 16;
  constexpr std::size_t kAgeKnots = 32;
  if (blocks_ == 0) return std::nullopt;
  SharingModel model;
  model.block_tokens = block_tokens;
  model.root_blocks = root_blocks();
  model.reused_share = static_cast<double>(reused_) / static_cast<double>(blocks_);
  std::vector<std::vector<double>> parts(bins);
  std::vector<double> requests(bins, 0);
  std::vector<double> ages;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const Seen& seen = requests_[i];
    requests[bin_of[i]] += 1;
    if (seen.reused <= static_cast<std::uint32_t>(model.root_blocks)) continue;
    parts[bin_of[i]].push_back(static_cast<double>(seen.reused) / seen.blocks);
    ages.push_back(seen.age_s);
  }
  for (std::size_t b = 0; b < bins; ++b) {
    std::sort(parts[b].begin(), parts[b].end());
    const auto n = static_cast<double>(parts[b].size());
    model.continued.push_back(requests[b] > 0 ? n / requests[b] : 0);
    if (parts[b].empty()) parts[b].push_back(0);
    model.shared_part.push_back(fit_curve(parts[b], kPartKnots, 0.01, 0));
  }
  std::sort(ages.begin(), ages.end());
  if (ages.empty()) ages.push_back(0);
  model.age_s = fit_curve(ages, kAgeKnots, 0.5, 0.02);
  return model;
}

const SharingSource::Past* SharingSource::parent(double wanted_at_s, std::size_t shared) const {
  constexpr std::size_t kNear = 512;  // requests looked at on either side of the wanted age
  constexpr std::size_t kClose = 2;   // a continuation adds little to what it continues
  const auto from = std::lower_bound(past_.begin(), past_.end(), wanted_at_s,
                                     [](const Past& p, double t) { return p.at_s < t; });
  const auto middle = static_cast<std::size_t>(from - past_.begin());
  const Past* longer = nullptr;
  const auto look = [&](std::size_t i) {
    const std::size_t blocks = past_[i].hashes.size();
    if (blocks >= shared && longer == nullptr) longer = &past_[i];
    return blocks >= shared && blocks <= shared + kClose;
  };
  for (std::size_t step = 0; step < past_.size(); ++step) {
    if (step >= kNear && longer != nullptr) break;
    if (middle + step < past_.size() && look(middle + step)) return &past_[middle + step];
    if (middle >= step + 1 && look(middle - step - 1)) return &past_[middle - step - 1];
  }
  return longer;
}

void SharingSource::draw(double at_s, std::size_t bin, std::int32_t prompt_tokens, Stream& stream,
                         std::vector<std::uint64_t>& hashes) {
  const auto blocks = static_cast<std::size_t>(
      (std::int64_t{prompt_tokens} + model_.block_tokens - 1) / model_.block_tokens);
  const auto roots = static_cast<std::size_t>(model_.root_blocks);
  const bool continues = stream.unit() < model_.continued[bin];
  const double part = model_.shared_part[bin].at(stream.unit());
  const double age_s = model_.age_s.at(stream.unit());
  std::size_t shared = std::min(blocks, roots);
  const Past* from = nullptr;
  if (continues) {
    const double wanted = std::round(part * static_cast<double>(blocks));
    const auto drawn = std::clamp(static_cast<std::size_t>(wanted), shared, blocks);
    from = parent(at_s - age_s, drawn);
    if (from != nullptr) shared = drawn;
  }
  std::vector<std::uint64_t> own;
  own.reserve(blocks);
  if (from != nullptr) {
    own.assign(from->hashes.begin(), from->hashes.begin() + static_cast<std::ptrdiff_t>(shared));
  } else {
    for (std::size_t i = 0; i < shared; ++i) own.push_back(i);
  }
  while (own.size() < blocks) own.push_back(roots + next_name_++);
  hashes.insert(hashes.end(), own.begin(), own.end());
  while (!past_.empty() && (past_.size() >= kMemory || past_.front().at_s < at_s - horizon_s_))
    past_.pop_front();
  past_.push_back({at_s, std::move(own)});
}

}  // namespace eph::workload
