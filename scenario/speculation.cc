#include "scenario/speculation.h"

#include <fmt/format.h>

#include "core/text.h"

namespace eph::scenario {

namespace {

using models::EngineKind;

enum class Method { ngram, eagle, mtp };

struct Names {
  std::string_view method, tokens;
};

Names names_of(EngineKind engine) {
  switch (engine) {
    case EngineKind::sglang:
      return {"speculative_algorithm", "speculative_num_steps"};
    case EngineKind::trtllm:
      return {"decoding_type", "max_draft_len"};
    default:
      return {"speculative_method", "num_speculative_tokens"};
  }
}

Method method_of(const std::string& text) {
  const std::string lower = to_lower(text);
  if (lower == "ngram") return Method::ngram;
  return lower == "mtp" || lower == "nextn" ? Method::mtp : Method::eagle;
}

// "0.8,0.6,0.4", or one for all positions. There is no default: how much is accepted depends on the
// model, the draft model and the prompts.
Result<std::vector<double>> acceptance_of(const EngineTuning& t, std::int32_t positions) {
  if (!t.draft_acceptance) {
    return usage_error("speculative decoding without the share of drafts that is accepted",
                       "give speculative_acceptance=P1,P2,..., for each position of the draft the "
                       "probability that its token is accepted after those before it; engines "
                       "report it (vllm:spec_decode_num_accepted_tokens_per_pos)");
  }
  std::vector<double> out;
  for (const std::string_view part : split(*t.draft_acceptance, ',')) {
    const auto value = parse_double(trim(part));
    if (!value || *value < 0 || *value > 1) {
      return usage_error(fmt::format("\"{}\" in speculative_acceptance is no probability", part),
                         "give numbers from 0 to 1, separated by commas");
    }
    out.push_back(*value);
  }
  if (out.size() == 1) out.resize(static_cast<std::size_t>(positions), out.front());
  if (out.size() != static_cast<std::size_t>(positions)) {
    return usage_error(
        fmt::format("speculative_acceptance has {} values for {} positions", out.size(), positions),
        "give one for each position of the draft, or one for all");
  }
  return out;
}

struct Numbers {
  std::int32_t positions = 0, drafts = 0, width = 1;
};

// server_args.py: with one token a position the number to verify follows; the three belong
// together.
Result<Numbers> sglang_numbers(const EngineTuning& t) {
  if (!t.draft_positions) {
    return usage_error("speculative decoding without speculative_num_steps",
                       "SGLang's own choice depends on model and version: give "
                       "speculative_num_steps, speculative_eagle_topk and "
                       "speculative_num_draft_tokens");
  }
  Numbers out;
  out.positions = static_cast<std::int32_t>(*t.draft_positions);
  out.width = static_cast<std::int32_t>(t.draft_width.value_or(1));
  const std::int64_t chain = *t.draft_positions + 1;
  const std::int64_t verified = t.verified_tokens.value_or(chain);
  if (out.width == 1 && verified != chain) {
    return usage_error(fmt::format("speculative_num_draft_tokens={} with one token a step: SGLang "
                                   "verifies speculative_num_steps + 1 = {}",
                                   verified, chain),
                       "leave it out, or give speculative_eagle_topk");
  }
  if (out.width > 1 && !t.verified_tokens) {
    return usage_error("speculative_eagle_topk above 1 without speculative_num_draft_tokens",
                       "say how many tokens of the tree are verified");
  }
  if (verified < chain)
    return usage_error(
        fmt::format("speculative_num_draft_tokens={} cannot hold a path of {}", verified, chain),
        "give more than speculative_num_steps");
  out.drafts = static_cast<std::int32_t>(verified) - 1;
  return out;
}

Result<Numbers> numbers_of(EngineKind engine, const EngineTuning& t, Method method) {
  if (engine == EngineKind::sglang) return sglang_numbers(t);
  const bool layers = engine == EngineKind::trtllm && method == Method::mtp;
  const std::optional<std::int64_t> given = layers ? t.draft_layers : t.draft_positions;
  const std::optional<std::int64_t> other = layers ? t.draft_positions : t.draft_layers;
  const std::string_view name =
      layers ? std::string_view("num_nextn_predict_layers") : names_of(engine).tokens;
  if (other)
    return usage_error(fmt::format("{} has no effect with this method",
                                   layers ? "max_draft_len" : "num_nextn_predict_layers"),
                       fmt::format("give {}", name));
  if (!given)
    return usage_error(fmt::format("speculative decoding without {}", name),
                       "say how many tokens are drafted");
  const auto n = static_cast<std::int32_t>(*given);
  return Numbers{n, n, 1};
}

Result<void> check_order(EngineKind engine, const DeploymentSpec& spec, bool synchronous) {
  if (!synchronous || !spec.async_scheduling.value_or(false)) return {};
  return usage_error(fmt::format("{} schedules synchronously with this speculative decoding",
                                 models::display(engine)),
                     "leave asynchronous (overlap) scheduling off");
}

}  // namespace

Result<std::optional<Speculation>> speculation_of(EngineKind engine, const DeploymentSpec& spec,
                                                  const models::LlmSpec& llm) {
  const EngineTuning& t = spec.tuning;
  if (!t.draft_method) {
    if (t.draft_positions || t.verified_tokens || t.draft_width || t.draft_layers ||
        t.draft_acceptance) {
      return usage_error(
          fmt::format("options of speculative decoding without {}", names_of(engine).method),
          "say how drafts are made, or leave them out");
    }
    return std::optional<Speculation>{};
  }
  const Method method = method_of(*t.draft_method);
  if (method == Method::mtp && llm.mtp_layers == 0) {
    return usage_error(fmt::format("{} has no layers for multi-token prediction", llm.name),
                       "draft with EAGLE or n-grams");
  }
  const Result<Numbers> numbers = numbers_of(engine, t, method);
  if (!numbers) return numbers.error();
  Result<std::vector<double>> acceptance = acceptance_of(t, numbers->positions);
  if (!acceptance) return acceptance.error();
  Speculation out;
  out.options.drafts = numbers->drafts;
  out.options.acceptance = std::move(*acceptance);
  if (method != Method::ngram) out.drafting = {numbers->positions, numbers->width};
  // vLLM: use_eagle holds for EAGLE and MTP.
  if (engine == EngineKind::vllm && out.drafting) {
    out.options.draft_slots = numbers->drafts;
    out.options.drops_last_hit = true;
  }
  if (engine == EngineKind::sglang) out.options.draft_slots = numbers->positions * numbers->width;
  out.synchronous = engine == EngineKind::sglang || method == Method::ngram;
  if (const Result<void> ok = check_order(engine, spec, out.synchronous); !ok) return ok.error();
  return std::optional<Speculation>{std::move(out)};
}

}  // namespace eph::scenario
