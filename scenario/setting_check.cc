#include "scenario/setting_check.h"

#include <fmt/format.h>

#include "scenario/engine_options.h"

namespace eph::scenario {

namespace {

std::string id_of(std::string_view setting) {
  return fmt::format("{}/{}", kEngineOptions, setting);
}

// Finds settings that are taken and could do nothing beside what else is given.
class IdleSettings {
 public:
  IdleSettings(Checker& check, const DeploymentSpec& spec, const DeploymentSpec& resolved)
      : check_(check), spec_(spec), all_(resolved) {}

  void find() {
    const EngineTuning& t = all_.tuning;
    if (!all_.prefix_caching.value_or(true)) find_uncached();
    if (spec_.engine == "llamacpp" && all_.max_num_seqs == 1)
      add("slot_prompt_similarity", "with a single slot", "leave it out, or give more slots");
    if (spec_.engine == "vllm" && !all_.chunked_prefill.value_or(true))
      add("scheduler_reserve_full_isl",
          "without chunked prefill, which admits whole prompts anyway",
          "leave it out, or turn chunked prefill on");
    if (t.new_token_ratio_floor == 1.0)
      add("SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS", "where the share does not decay",
          "leave it out, or give SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR below 1");
  }

 private:
  void find_uncached() {
    add("radix_insert", "without the radix cache", "leave it out, or turn prefix caching on");
    add("slot_prompt_similarity", "without cache_prompt",
        "leave it out, or turn prefix caching on");
    if (all_.schedule_policy == "lpm")
      add("schedule_policy", "without prefix caching", "turn it on, or choose fcfs");
  }
  void add(std::string_view name, std::string_view condition, std::string remedy) {
    for (const EngineSetting& setting : spec_.engine_options)
      if (setting.name == name)
        check_.idle(id_of(name), fmt::format("{} has no effect {}", setting.value, condition),
                    std::move(remedy));
  }

  Checker& check_;
  const DeploymentSpec& spec_;
  const DeploymentSpec& all_;  // with the settings put
};

}  // namespace

void check_settings(Checker& check, const DeploymentSpec& spec) {
  for (const EngineSetting& setting : spec.engine_options) {
    const Result<void> ok = check_setting(spec, setting);
    if (ok) continue;
    const auto& error = ok.error();
    if (is_foreign(spec, setting))
      check.foreign(id_of(setting.name), error.what, error.remedy);
    else
      check.conflict(id_of(setting.name), error.what, error.remedy);
  }
  const ResolvedSettings resolved = resolve_settings(spec);
  for (const Contradiction& c : resolved.contradictions) {
    const EngineSetting& setting = spec.engine_options[c.setting];
    std::string id = c.field, other = "the deployment";
    if (c.other) {
      const EngineSetting& before = spec.engine_options[*c.other];
      id = id_of(before.name);
      other = fmt::format("{} of {}", before.value, check.spell(id));
    } else if (!id.empty()) {
      other = check.spell(id);
    }
    check.conflict(id_of(setting.name), fmt::format("{} contradicts {}", setting.value, other),
                   c.sizes ? "give the size of the KV cache in one way" : "give one value", id);
  }
  IdleSettings(check, spec, resolved.spec).find();
}

}  // namespace eph::scenario
