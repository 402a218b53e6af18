#include "models/compact_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/reader.h"
#include "core/text.h"
#include "models/op_times.h"

namespace eph::models {
namespace {

constexpr std::array<CompactTermInfo, kCompactTerms> kTerms{{
    {"base_ms", 1e-3},
    {"stream_ms", 1e-3},
    {"us_per_token", 1e-6},
    {"corner", 1},
    {"ns_per_kv_token", 1e-9},
    {"mixed_kv_factor", 1},
    {"ns_per_pair", 1e-9},
    {"us_per_sequence", 1e-6},
    {"prefill_step_ms", 1e-3},
}};

constexpr std::size_t at(CompactTerm term) { return static_cast<std::size_t>(term); }

void read_values(Reader reader, CompactProfile& p) {
  for (std::size_t i = 0; i < kCompactTerms; ++i) {
    // A corner below 1 is no maximum; the others are times and a factor.
    const bool is_corner = i == at(CompactTerm::corner);
    p.values[i] = reader.number(kTerms[i].name, Range{is_corner ? 1.0 : 0.0, 1e9});
  }
  p.expert_stream_ms = reader.number("expert_stream_ms", Range{0, 1e9}, 0.0);
  p.expert_share = reader.number("expert_share", Range{0, 1}, 0.0);
  if (p.values[at(CompactTerm::base)] + p.values[at(CompactTerm::stream)] <= 0) {
    reader.fault("base_ms", "some steps would take no time", "give base_ms or stream_ms above 0");
  }
  reader.finish();
}

void read_uncertainty(Reader reader, CompactProfile& p) {
  const std::vector<double> sd = reader.numbers("log_sd");
  const Json* rows = reader.raw("log_covariance");
  bool square = rows != nullptr && rows->is_array() && rows->items().size() == kCompactTerms &&
                sd.size() == kCompactTerms;
  for (std::size_t i = 0; square && i < kCompactTerms; ++i) {
    const Json& row = rows->items()[i];
    square = row.is_array() && row.items().size() == kCompactTerms;
    for (std::size_t j = 0; square && j < kCompactTerms; ++j) {
      square = row.items()[j].is_number();
      if (square) p.log_covariance.push_back(row.items()[j].as_double());
    }
  }
  if (!square) {
    reader.fault("log_covariance",
                 fmt::format("not {0} deviations and {0} rows of {0} numbers", kCompactTerms),
                 "one for each of the values, in their order");
  }
  reader.finish();
}

}  // namespace

const CompactTermInfo& compact_term_info(CompactTerm term) { return kTerms[at(term)]; }

Json to_json(const CompactProfile& p) {
  Json values = Json::object(), sd = Json::array(), rows = Json::array(),
       uncertainty = Json::object();
  for (std::size_t i = 0; i < kCompactTerms; ++i)
    values.set(std::string(kTerms[i].name), p.values[i]);
  if (p.expert_stream_ms > 0) {
    values.set("expert_stream_ms", p.expert_stream_ms).set("expert_share", p.expert_share);
  }
  Json out = Json::object();
  out.set("version", 1).set("form", "compact").set("engine", name(p.engine));
  out.set("engine_version", p.engine_version).set("gpu", p.gpu).set("model", p.model);
  out.set("tensor_parallel", p.tensor_parallel).set("async_scheduling", p.async_scheduling);
  out.set("values", std::move(values));
  if (p.log_covariance.size() == kCompactTerms * kCompactTerms) {
    for (std::size_t i = 0; i < kCompactTerms; ++i) {
      Json row = Json::array();
      for (std::size_t j = 0; j < kCompactTerms; ++j) {
        row.push(Json::number(p.log_covariance[i * kCompactTerms + j]));
      }
      sd.push(Json::number(std::sqrt(std::max(0.0, p.log_covariance[i * kCompactTerms + i]))));
      rows.push(std::move(row));
    }
    uncertainty.set("log_sd", std::move(sd)).set("log_covariance", std::move(rows));
    out.set("uncertainty", std::move(uncertainty));
  }
  Json fitted = Json::object();
  fitted.set("requests", p.requests).set("events", p.events).set("batch_max", p.batch_max);
  fitted.set("residual_sd", p.residual_sd).set("source", p.source).set("command", p.command);
  return out.set("fitted_on", std::move(fitted));
}

Result<CompactProfile> read_compact_profile(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader root(json, file, faults);
  CompactProfile p;
  root.integer("version", IntRange{1, 1}, 1);
  root.choice("form", {"compact"});
  const std::string engine = root.string("engine");
  const auto kind = parse_engine(engine);
  if (kind) p.engine = *kind;
  if (!kind && root.has("engine")) {
    const std::vector<std::string> known{"vllm", "sglang", "trtllm"};
    root.fault("engine", fmt::format("unknown engine \"{}\"", engine), suggest(engine, known));
  }
  p.engine_version = root.string("engine_version", "");
  p.gpu = root.string("gpu");
  p.model = root.string("model");
  p.tensor_parallel = static_cast<int>(root.integer("tensor_parallel", IntRange{1, 1024}, 1));
  p.async_scheduling = root.boolean("async_scheduling", true);
  read_values(root.object("values"), p);
  if (root.has("uncertainty")) read_uncertainty(root.object("uncertainty"), p);
  if (root.has("fitted_on")) {
    Reader fitted = root.object("fitted_on");
    p.requests = fitted.integer("requests", IntRange{0}, 0);
    p.events = fitted.integer("events", IntRange{0}, 0);
    p.batch_max = fitted.integer("batch_max", IntRange{0}, 0);
    p.residual_sd = fitted.number("residual_sd", Range{0}, 0.0);
    p.source = fitted.string("source", "");
    p.command = fitted.string("command", "");
    fitted.finish();
  }
  root.finish();
  if (!faults.ok()) return faults.combined();
  return p;
}

CompactStepModel::CompactStepModel(const CompactProfile& p) {
  for (std::size_t i = 0; i < kCompactTerms; ++i) si_[i] = p.values[i] * kTerms[i].to_si;
  expert_s_ = p.expert_stream_ms * 1e-3;
  log_unpicked_ = p.expert_share < 1 ? std::log1p(-p.expert_share) : -1e9;
}

double CompactStepModel::stream_s(double tokens) const noexcept {
  return si_[at(CompactTerm::stream)] - expert_s_ * std::expm1(tokens * log_unpicked_);
}

double CompactStepModel::seconds(const BatchShape& s) const noexcept {
  if (s.tokens() <= 0) return 0;
  const auto tokens = static_cast<double>(s.tokens());
  const double mixed = s.prefill_seqs > 0 ? si_[at(CompactTerm::mixed_kv)] : 1;
  return si_[at(CompactTerm::base)] +
         smooth_max(stream_s(tokens), si_[at(CompactTerm::token)] * tokens,
                    si_[at(CompactTerm::corner)]) +
         si_[at(CompactTerm::kv_token)] * mixed * static_cast<double>(s.decode_context_tokens) +
         si_[at(CompactTerm::pair)] * static_cast<double>(s.prefill_pairs) +
         si_[at(CompactTerm::sequence)] * s.seqs() +
         (s.prefill_seqs > 0 ? si_[at(CompactTerm::prefill_step)] : 0);
}

StepBreakdown CompactStepModel::explain(const BatchShape& s) const {
  StepBreakdown b;
  if (s.tokens() <= 0) return b;
  const auto tokens = static_cast<double>(s.tokens());
  const double mixed = s.prefill_seqs > 0 ? si_[at(CompactTerm::mixed_kv)] : 1;
  b.gemm = smooth_max(stream_s(tokens), si_[at(CompactTerm::token)] * tokens,
                      si_[at(CompactTerm::corner)]);
  b.attention_decode =
      si_[at(CompactTerm::kv_token)] * mixed * static_cast<double>(s.decode_context_tokens);
  b.attention_prefill = si_[at(CompactTerm::pair)] * static_cast<double>(s.prefill_pairs);
  b.gpu = b.total = seconds(s);
  b.overhead = b.total - b.gemm - b.attention_decode - b.attention_prefill;
  return b;
}

void CompactStepModel::gradient(const BatchShape& s, std::span<double> row) const {
  std::fill(row.begin(), row.end(), 0.0);
  if (s.tokens() <= 0) return;
  const auto tokens = static_cast<double>(s.tokens());
  const double stream = stream_s(tokens), work = si_[at(CompactTerm::token)] * tokens;
  const double p = si_[at(CompactTerm::corner)];
  const double high = std::max(stream, work), low = std::min(stream, work);
  if (low > 0) {
    // With r = (low / high)^p: m = high (1 + r)^(1/p), dm/dlog high = m / (1 + r), dm/dlog low = m
    // r / (1 + r).
    const double r = std::pow(low / high, p), m = high * std::pow(1 + r, 1 / p);
    const double of_high = m / (1 + r), of_low = m * r / (1 + r);
    // The fitted part of the stream; the experts' part follows from the GPU.
    const double share = si_[at(CompactTerm::stream)] / stream;
    row[at(CompactTerm::stream)] = (stream >= work ? of_high : of_low) * share;
    row[at(CompactTerm::token)] = stream >= work ? of_low : of_high;
    row[at(CompactTerm::corner)] = m * (r * std::log(low / high) / (1 + r) - std::log1p(r) / p);
  }
  const bool chunks = s.prefill_seqs > 0;
  row[at(CompactTerm::base)] = si_[at(CompactTerm::base)];
  row[at(CompactTerm::kv_token)] = si_[at(CompactTerm::kv_token)] *
                                   (chunks ? si_[at(CompactTerm::mixed_kv)] : 1) *
                                   static_cast<double>(s.decode_context_tokens);
  if (chunks) row[at(CompactTerm::mixed_kv)] = row[at(CompactTerm::kv_token)];
  row[at(CompactTerm::pair)] = si_[at(CompactTerm::pair)] * static_cast<double>(s.prefill_pairs);
  row[at(CompactTerm::sequence)] = si_[at(CompactTerm::sequence)] * s.seqs();
  if (chunks) row[at(CompactTerm::prefill_step)] = si_[at(CompactTerm::prefill_step)];
}

}  // namespace eph::models
