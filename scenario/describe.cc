#include <fmt/format.h>

#include <filesystem>

#include "core/text.h"
#include "scenario/assemble.h"

namespace eph::scenario {

namespace {

std::string lengths(const SyntheticSpec& spec) {
  std::string out =
      fmt::format("{} prompt and {} output tokens", spec.prompt_tokens, spec.output_tokens);
  if (spec.length_spread > 0) out += fmt::format(" +- {} %", number(100 * spec.length_spread));
  return out;
}

std::string synthetic_text(const SyntheticSpec& spec) {
  std::string out;
  if (spec.arrivals == "closed") {
    out = fmt::format("closed loop of {} {}", spec.concurrency,
                      spec.turns > 1 ? "conversations at once" : "requests in flight");
  } else {
    out = fmt::format("{} arrivals at {} {}/s", spec.arrivals, number(spec.rate),
                      spec.turns > 1 ? "conversations" : "requests");
    if (spec.arrivals == "gamma") out += fmt::format(" (CV {})", number(spec.cv));
  }
  out += fmt::format(", {}", lengths(spec));
  if (spec.turns > 1) {
    out += fmt::format(", {} turns with {} new tokens after {} s", spec.turns,
                       spec.user_tokens.value_or(spec.prompt_tokens), number(spec.think_time_s));
  }
  if (spec.shared_tokens > 0) {
    out +=
        fmt::format(", behind {} of {} shared tokens",
                    spec.groups == 1 ? "a prompt" : fmt::format("one of {} prompts", spec.groups),
                    spec.shared_tokens);
  }
  return out + (spec.requests > 0 ? fmt::format(", {} requests", spec.requests)
                                  : fmt::format(", {} s", number(spec.duration_s)));
}

std::string source_text(const WorkloadSpec& spec) {
  if (spec.synthetic) return synthetic_text(*spec.synthetic);
  std::string out =
      spec.trace.empty()
          ? fmt::format("workload model {}", spec.model)
          : fmt::format("trace {}", std::filesystem::path(spec.trace).filename().string());
  if (spec.from_s || spec.to_s) {
    out += fmt::format(", from {} s to {}", number(spec.from_s.value_or(0)),
                       spec.to_s ? fmt::format("{} s", number(*spec.to_s)) : "the end");
  }
  if (spec.repeat > 1) out += fmt::format(", {} times in a row", spec.repeat);
  if (spec.rate_scale != 1) {
    out += fmt::format(", rate x {} ({})", number(spec.rate_scale),
                       spec.rate_mode == "compress" ? "compressed" : "superposed");
  }
  if (spec.cap_prompt > 0) out += fmt::format(", prompts up to {} tokens", spec.cap_prompt);
  if (spec.cap_output > 0) out += fmt::format(", outputs up to {} tokens", spec.cap_output);
  if (spec.max_requests > 0) out += fmt::format(", the first {} requests", spec.max_requests);
  return out;
}

}  // namespace

std::string describe(const WorkloadSpec& spec) {
  std::string out = source_text(spec);
  if (spec.max_output_tokens > 0)
    out += fmt::format(", sent with a limit of {} output tokens", spec.max_output_tokens);
  if (spec.client_timeout_s) {
    out += fmt::format(", clients give up after {} s{}", number(*spec.client_timeout_s),
                       spec.timeout_on == sim::TimeoutOn::ttft ? " without a token" : "");
  }
  return out;
}

}  // namespace eph::scenario
