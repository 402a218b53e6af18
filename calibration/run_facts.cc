#include "calibration/run_facts.h"

#include "calibration/deployment.h"
#include "calibration/readers/format.h"
#include "core/text.h"

namespace eph::calibration {
namespace {

class Applier {
 public:
  Applier(const std::string& file, std::int64_t line) : file_(file), line_(line) {}

  // Sets `value` when the file has none; `same` decides whether both mean the same.
  void text(std::string_view flag, const std::string& given, std::string& value,
            bool same(std::string_view, std::string_view)) {
    if (given.empty()) return;
    if (value.empty()) {
      value = given;
    } else if (!same(given, value)) {
      contradiction(flag, given, value);
    }
  }

  template <class T, class U>
  void number(std::string_view flag, const std::optional<T>& given, U& value) {
    if (!given) return;
    if (value == U{}) {
      value = static_cast<U>(*given);
    } else if (value != static_cast<U>(*given)) {
      contradiction(flag, eph::number(static_cast<double>(*given)),
                    eph::number(static_cast<double>(value)));
    }
  }

  // "A=B": B where the file has A.
  void name(std::string_view flag, const std::string& given, std::string& value,
            bool same(std::string_view, std::string_view)) {
    const std::size_t equals = given.find('=');
    if (equals == std::string::npos) {
      text(flag, given, value, same);
    } else if (value == given.substr(0, equals)) {
      value = given.substr(equals + 1);
    } else {
      contradiction(flag, given, value);
    }
  }

  void contradiction(std::string_view flag, std::string_view given, std::string_view value) {
    if (error_) return;
    error_ = row_error(
        file_, line_,
        fmt::format("--{} {} contradicts the file, which says {}", flag, given,
                    value.empty() ? "nothing" : value),
        flag == "gpu" || flag == "model"
            ? fmt::format("leave the flag out, or write --{} \"{}=NAME\" to say what it means",
                          flag, value)
            : "leave the flag out");
  }
  [[nodiscard]] Result<void> result() const {
    return error_ ? Result<void>(*error_) : Result<void>();
  }

 private:
  const std::string& file_;
  std::int64_t line_;
  std::optional<Error> error_;
};

bool equal_text(std::string_view a, std::string_view b) { return to_lower(a) == to_lower(b); }
bool equal_gpu(std::string_view a, std::string_view b) {
  return equal_text(gpu_catalog_name(a), gpu_catalog_name(b));
}

bool equal_dtype(std::string_view a, std::string_view b) {
  const auto first = models::parse_precision(to_lower(a)),
             second = models::parse_precision(to_lower(b));
  return first && second ? first == second : equal_text(a, b);
}

void apply_engine(const RunFacts& facts, Applier& apply, MeasuredRun& run) {
  if (facts.engine.empty()) return;
  const auto engine = engine_of(facts.engine);
  if (run.engine_text.empty() || run.engine_is_client) {
    run.engine_text = facts.engine;
    run.engine = engine;
    run.engine_is_client = false;
  } else if (run.engine != engine && !facts.selects) {
    apply.contradiction("engine", facts.engine, run.engine_text);
  }
}

// A rate makes an open loop of a load that the file does not describe, a cap alone a closed one.
void apply_load(const RunFacts& facts, Applier& apply, MeasuredRun& run) {
  if (!facts.concurrency && !facts.request_rate && !facts.burstiness && !facts.requests) return;
  if (!run.load) {
    if (facts.request_rate)
      apply.contradiction("request-rate", number(*facts.request_rate), name(run.protocol));
    if (facts.burstiness)
      apply.contradiction("burstiness", number(*facts.burstiness), name(run.protocol));
    if (facts.requests)
      apply.contradiction("requests", fmt::format("{}", *facts.requests), name(run.protocol));
    apply.number("concurrency", facts.concurrency, run.concurrency);
    return;
  }
  RunLoad& load = *run.load;
  const bool open_question =
      run.protocol == Protocol::unknown || run.protocol == Protocol::recorded;
  if (run.concurrency_is_guess && facts.concurrency) {
    run.concurrency = *facts.concurrency;
    run.concurrency_is_guess = false;
  } else {
    apply.number("concurrency", facts.concurrency, run.concurrency);
  }
  apply.number("requests", facts.requests, load.requests);
  apply.number("request-rate", facts.request_rate, load.rate);
  if (open_question && facts.request_rate) {
    run.protocol = Protocol::open_loop;
    load.burstiness = 1;  // Poisson, unless --burstiness says otherwise
    if (facts.burstiness) load.burstiness = *facts.burstiness;
  } else {
    if (open_question && facts.concurrency) run.protocol = Protocol::closed_loop;
    apply.number("burstiness", facts.burstiness, load.burstiness);
  }
  if (load.recorded && load.requests == 0) load.requests = std::ssize(*load.recorded);
}

// A log without prompt lengths gets the one that is given.
void apply_lengths(const RunFacts& facts, Applier& apply, MeasuredRun& run) {
  const bool no_prompts = run.isl == 0;
  apply.number("isl", facts.isl, run.isl);
  apply.number("osl", facts.osl, run.osl);
  if (!no_prompts || !facts.isl || !run.load || !run.load->recorded) return;
  auto filled = std::make_shared<std::vector<RecordedRequest>>(*run.load->recorded);
  for (RecordedRequest& request : *filled)
    request.prompt_tokens = static_cast<std::int32_t>(*facts.isl);
  run.load->recorded = std::move(filled);
}

}  // namespace

bool RunFacts::any() const {
  for (const std::string* text : {&engine, &engine_version, &gpu, &model, &dtype, &kv_dtype}) {
    if (!text->empty()) return true;
  }
  return tp || pp || ep || attention_dp || isl || osl || concurrency || requests || request_rate ||
         burstiness || max_num_seqs || max_num_batched_tokens || max_model_len || kv_blocks;
}

Result<void> apply_facts(const RunFacts& facts, const std::string& file, MeasuredRun& run) {
  Applier apply(file, run.line);
  apply_engine(facts, apply, run);
  apply.text("engine-version", facts.engine_version, run.engine_version, equal_text);
  const bool other_gpu =
      facts.selects && !run.gpu.empty() && facts.gpu.find('=') == std::string::npos;
  if (!other_gpu) apply.name("gpu", facts.gpu, run.gpu, equal_gpu);
  apply.name("model", facts.model, run.model, equal_text);
  apply.text("dtype", facts.dtype, run.dtype, equal_dtype);
  apply.text("kv-dtype", facts.kv_dtype, run.settings.kv_dtype, equal_dtype);
  apply.number("tp", facts.tp, run.layout.tensor);
  apply.number("pp", facts.pp, run.layout.pipeline);
  apply.number("ep", facts.ep, run.layout.expert);
  apply.number("attention-dp", facts.attention_dp, run.layout.attention_data);
  apply.number("max-num-seqs", facts.max_num_seqs, run.settings.max_num_seqs);
  apply.number("max-num-batched-tokens", facts.max_num_batched_tokens,
               run.settings.max_num_batched_tokens);
  apply.number("kv-blocks", facts.kv_blocks, run.settings.kv_blocks);
  apply.number("max-model-len", facts.max_model_len, run.max_model_len);
  apply_lengths(facts, apply, run);
  apply_load(facts, apply, run);
  return apply.result();
}

std::vector<std::string> missing_facts(const MeasuredRun& run) {
  std::vector<std::string> out;
  if (run.disaggregated || !run.problem.empty()) return out;  // not simulated anyway
  const auto need = [&out](bool missing, const char* flag) {
    if (missing) out.emplace_back(flag);
  };
  need(run.engine_text.empty(), "--engine ENGINE");
  need(run.gpu.empty(), "--gpu NAME");
  need(run.model.empty(), "--model NAME");
  need(run.layout.tensor == 0, "--tp N");
  need(run.isl == 0, "--isl N");
  need(run.osl == 0, "--osl N");
  const bool ends = run.stage_s > 0 || (run.load && run.load->requests > 0);
  switch (run.protocol) {
    case Protocol::unknown:
      need(run.load.has_value() && run.protocol_text.empty(),
           "--concurrency N or --request-rate R");
      break;
    case Protocol::closed_loop:
      need(run.concurrency == 0, "--concurrency N");
      need(!ends, "--requests N");
      break;
    case Protocol::open_loop:
      need(run.load && run.load->rate == 0, "--request-rate R");
      need(!ends, "--requests N");
      break;
    case Protocol::recorded:
    case Protocol::offline:
      break;
    default:
      need(run.concurrency == 0, "--concurrency N");
      break;
  }
  return out;
}

Result<void> check_complete(const std::string& file, const MeasuredRun& run) {
  const std::vector<std::string> missing = missing_facts(run);
  if (missing.empty()) return {};
  std::string flags;
  for (const std::string& flag : missing) flags += (flags.empty() ? "" : " ") + flag;
  return row_error(
      file, run.line,
      fmt::format("the run does not say all that a simulation needs ({} fact{} missing)",
                  missing.size(), missing.size() == 1 ? " is" : "s are"),
      "add " + flags);
}

}  // namespace eph::calibration
