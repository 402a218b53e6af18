#include "planner/forecast.h"

#include <algorithm>
#include <cmath>

namespace eph::planner {
namespace {

constexpr std::size_t kPieces = 256;
constexpr std::size_t kLeastRequests = 64;  // of a piece
constexpr double kOverload = 1e6;           // seconds
constexpr double kFewest = 1e-3, kMost = 1e7;

models::BatchShape decodes(double seqs, double context_each) {
  models::BatchShape shape;
  shape.decode_seqs = shape.sampled_seqs =
      static_cast<std::int32_t>(std::clamp(std::round(seqs), 1.0, 1e6));
  shape.decode_context_tokens = static_cast<std::int64_t>(shape.decode_seqs * context_each);
  return shape;
}

std::int64_t whole_tokens(double tokens) {
  return std::max<std::int64_t>(1, std::llround(std::min(tokens, 1e8)));
}

}  // namespace

LoadPieces cut_load(const scenario::RequestList& requests) {
  LoadPieces out;
  const auto& all = requests.arrivals;
  const std::size_t each = std::max(kLeastRequests, all.size() / kPieces);
  out.requests_each = static_cast<double>(each);
  for (std::size_t begin = 0; begin < all.size();) {
    const std::size_t end = all.size() - begin < 2 * each ? all.size() : begin + each;
    LoadPieces::Piece piece;
    for (std::size_t i = begin; i < end; ++i) {
      piece.prompt += all[i].prompt_tokens;
      piece.output += all[i].output_tokens;
    }
    const auto count = static_cast<double>(end - begin);
    const SimTime until = end < all.size() ? all[end].at : all.back().at;
    piece.rate = count / std::max(1e-3, (until - all[begin].at).seconds());
    piece.prompt /= count;
    piece.output /= count;
    out.pieces.push_back(piece);
    begin = end;
  }
  return out;
}

Forecast::Forecast(const scenario::Assembly& assembly, const LoadPieces& load,
                   const std::vector<sim::Slo>& slos)
    : assembly_(assembly), load_(load), slos_(slos), worth_(slos.size(), 1.0) {
  for (const sim::Slo& slo : slos_)
    needed_.push_back(replicas_for(slo, load_.pieces.size(), slo.limit.seconds()));
}

// The fixed point, from below.
double Forecast::step_s(const Piece& piece, double replicas) const {
  const sim::EngineOptions& engine = assembly_.config.replica.engine;
  const models::StepModel& step = *assembly_.step;
  const double rate = piece.rate / replicas;
  const double context = piece.prompt + piece.output / 2;
  const double room = std::min(
      static_cast<double>(engine.max_num_seqs),
      static_cast<double>(assembly_.config.replica.kv.usable_tokens()) / std::max(1.0, context));
  const bool apart = engine.kind == models::EngineKind::sglang && !engine.mixed_chunk;
  double prompts_share = 0;  // of the time, where prompts have steps of their own
  if (apart) {
    models::BatchShape prompt;
    prompt.add_chunk(whole_tokens(piece.prompt), 0, true);
    prompts_share = rate * step.seconds(prompt);
    if (prompts_share > 0.99) return kOverload;
  }
  constexpr int kRounds = 40;
  double s = 0;
  for (int i = 0; i < kRounds; ++i) {
    const double batch = rate * piece.output * s;
    if (batch > room) return kOverload;
    models::BatchShape shape = decodes(batch, context);
    const double tokens = rate * piece.prompt * s;
    if (tokens > static_cast<double>(engine.max_num_batched_tokens)) return kOverload;
    if (!apart && tokens >= 1) shape.add_chunk(whole_tokens(tokens), 0, true);
    const double next = step.seconds(shape) / (1 - prompts_share);
    if (next <= s * 1.002) break;
    s = next;
  }
  return s;
}

double Forecast::latency_s(const Piece& piece, sim::Latency latency, double replicas) const {
  const double s = step_s(piece, replicas);
  if (latency == sim::Latency::tpot || latency == sim::Latency::itl) return s;
  const models::FrontEnd& f = assembly_.config.replica.front_end;
  models::BatchShape prompt;
  prompt.add_chunk(whole_tokens(piece.prompt), 0, true);
  // A step is running and the next one is composed already; then its own.
  const double ttft = f.client_in_s + f.jitter_mean_s + f.request_s +
                      f.prompt_token_s * piece.prompt + f.client_out_s + 1.5 * s +
                      assembly_.step->seconds(prompt);
  return latency == sim::Latency::ttft ? ttft : ttft + piece.output * s;
}

// The pieces whose mean latency stands for the objective's figure over the first `pieces`.
std::vector<LoadPieces::Piece> Forecast::typical(const sim::Slo& slo, std::size_t pieces) const {
  std::vector<Piece> sorted(load_.pieces.begin(),
                            load_.pieces.begin() + static_cast<std::ptrdiff_t>(pieces));
  // A prompt token computes about as much as an output token, but in a large batch.
  const auto work = [](const Piece& p) { return p.rate * (p.output + 0.1 * p.prompt); };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Piece& a, const Piece& b) { return work(a) < work(b); });
  std::vector<Piece> out;
  const auto last = static_cast<double>(sorted.size() - 1);
  constexpr int kOfMean = 8;
  if (slo.mean) {
    for (int i = 0; i < kOfMean; ++i)
      out.push_back(sorted[static_cast<std::size_t>(last * (i + 0.5) / kOfMean)]);
  } else {
    out.push_back(sorted[static_cast<std::size_t>(std::lround(last * slo.quantile))]);
  }
  return out;
}

// With how many replicas of the fluid the objective's figure is `seconds`; kMost: it is never so
// low.
double Forecast::replicas_for(const sim::Slo& slo, std::size_t pieces, double seconds) const {
  const std::vector<Piece> over = typical(slo, pieces);
  double low = std::log(kFewest), high = std::log(kMost);
  constexpr double kCloseEnough = 1e-3;
  while (high - low > kCloseEnough) {
    const double middle = (low + high) / 2;
    double sum = 0;
    for (const Piece& piece : over) sum += latency_s(piece, slo.latency, std::exp(middle));
    (sum / static_cast<double>(over.size()) <= seconds ? high : low) = middle;
  }
  return std::exp(high);
}

int Forecast::smallest() const {
  double most = 1;
  for (std::size_t i = 0; i < slos_.size(); ++i) most = std::max(most, needed_[i] / worth_[i]);
  return static_cast<int>(std::min(1e9, std::ceil(most)));
}

void Forecast::learn(int replicas, bool passed, std::uint64_t arrived,
                     const std::vector<double>& measured_s) {
  if (!passed && smallest() > replicas) return;
  const auto seen = static_cast<std::size_t>(static_cast<double>(arrived) / load_.requests_each);
  const std::size_t pieces = std::clamp<std::size_t>(seen, 1, load_.pieces.size());
  constexpr double kMostWorth = 20;
  for (std::size_t i = 0; i < std::min(measured_s.size(), slos_.size()); ++i) {
    if (!(measured_s[i] > 0)) continue;
    worth_[i] = std::clamp(replicas_for(slos_[i], pieces, measured_s[i]) / replicas, 1 / kMostWorth,
                           kMostWorth);
  }
}

}  // namespace eph::planner
