#include <fmt/format.h>

#include <cmath>

#include "scenario/engine_options.h"
#include "scenario/fields.h"
#include "scenario/parse.h"

namespace eph::scenario {

namespace {

void add_bounds(const Field& field, Json& out) {
  if (std::isfinite(field.min)) {
    out.set(field.above_min ? "exclusiveMinimum" : "minimum", field.min);
  }
  if (std::isfinite(field.max)) out.set("maximum", field.max);
}

Json field_schema(const Field& field) {
  Json out = Json::object();
  out.set("description", field.help);
  switch (field.kind) {
    case FieldKind::text:
      out.set("type", "string");
      out.set("minLength", 1);
      break;
    case FieldKind::choice: {
      Json names = Json::array();
      for (std::string_view name : field.choices) names.push(Json::string(std::string(name)));
      out.set("enum", std::move(names));
      break;
    }
    case FieldKind::integer:
      out.set("type", "integer");
      add_bounds(field, out);
      break;
    case FieldKind::number:
      out.set("type", "number");
      add_bounds(field, out);
      break;
    case FieldKind::boolean:
      out.set("type", "boolean");
      break;
    case FieldKind::duration:
      out.set("type", "string");
      out.set("pattern", "^[0-9.eE+-]+ ?(ns|us|ms|s|min|h|d)$");
      break;
    case FieldKind::spread:
      out.set("type", "string");
      out.set("pattern",
              "^[0-9.eE+-]+ ?(ns|us|ms|s|min|h|d)( ?/ ?[0-9.eE+-]+ ?(ns|us|ms|s|min|h|d))?$");
      break;
    case FieldKind::texts:
    case FieldKind::slos: {
      Json item = Json::object();
      item.set("type", "string");
      Json items = Json::object();
      items.set("type", "array").set("items", item);
      Json either = Json::array();
      either.push(item).push(std::move(items));
      out.set("oneOf", std::move(either));
      break;
    }
  }
  return out;
}

Json section_schema(std::string_view section, std::string_view description) {
  Json properties = Json::object();
  for (const Field& field : fields()) {
    if (field.section == section) properties.set(std::string(field.key), field_schema(field));
  }
  Json out = Json::object();
  if (!description.empty()) out.set("description", description);
  out.set("type", "object").set("additionalProperties", false);
  out.set("properties", std::move(properties));
  return out;
}

// All engines together: which of them knows an option is checked by the program.
Json engine_options_schema() {
  Json properties = Json::object();
  for (const EngineOption& option : engine_options()) {
    const std::string name(option.field.key);
    if (option.put == nullptr || properties.find(name) != nullptr) continue;
    Json one = field_schema(option.field);
    one.set("description",
            fmt::format("{}: {}", models::display(option.engine), option.field.help));
    properties.set(name, std::move(one));
  }
  Json out = Json::object();
  out.set("description", "options of the engine by its own names");
  out.set("type", "object").set("additionalProperties", false);
  out.set("properties", std::move(properties));
  return out;
}

void add_property(Json& object, const std::string& key, Json value) {
  Json properties = *object.find("properties");
  properties.set(key, std::move(value));
  object.set("properties", std::move(properties));
}

std::string type_text(const Field& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "text";
    case FieldKind::choice: {
      std::string out;
      for (std::string_view name : field.choices) {
        out += fmt::format("{}`\"{}\"`", out.empty() ? "" : ", ", name);
      }
      return out;
    }
    case FieldKind::integer:
      return fmt::format("whole number, from {}", field.min);
    case FieldKind::number:
      return fmt::format("number {} {}", field.above_min ? "above" : "from", field.min);
    case FieldKind::boolean:
      return "true or false";
    case FieldKind::duration:
      return "time with a unit, `\"600 s\"`";
    case FieldKind::spread:
      return "median, or median and 95th percentile, `\"30 s / 60 s\"`";
    case FieldKind::texts:
    case FieldKind::slos:
      return "text, or an array of texts";
  }
  EPH_ASSERT(false, "field kind {}", static_cast<int>(field.kind));
}

void add_table(std::string_view section, std::string& out) {
  out += "| key | value | without it | meaning | flag |\n|---|---|---|---|---|\n";
  for (const Field& field : fields()) {
    if (field.section != section) continue;
    const std::string flag = field.flag.empty() ? "" : fmt::format("`--{}`", field.flag);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.key, type_text(field),
                       field.fallback, field.help, flag);
  }
}

std::string bounds_text(const Field& field) {
  if (field.kind != FieldKind::integer && field.kind != FieldKind::number) return type_text(field);
  const std::string kind = field.kind == FieldKind::integer ? "whole number" : "number";
  const std::string low = fmt::format("{} {}", field.above_min ? "above" : "from", field.min);
  return field.kind == FieldKind::number && field.max <= 1
             ? fmt::format("{} {}, at most 1", kind, low)
             : fmt::format("{} {}", kind, low);
}

void add_engine(models::EngineKind engine, std::string& out) {
  out += fmt::format("\n### {}\n\n| name | value | meaning | same as |\n|---|---|---|---|\n",
                     models::display(engine));
  std::string refused;
  for (const EngineOption& option : engine_options()) {
    if (option.engine != engine) continue;
    const Field* same = find_field(option.stands_for);
    if (option.put != nullptr) {
      out += fmt::format("| `{}` | {} | {} | {} |\n", option.field.key, bounds_text(option.field),
                         option.field.help, same == nullptr ? "" : fmt::format("`{}`", same->key));
      for (const auto& [value, reason] : option.refused_values)
        refused += fmt::format("| `{}={}` | {} |\n", option.field.key, value, reason);
      continue;
    }
    refused += fmt::format("| `{}` | {}{} |\n", option.field.key, option.refusal,
                           same == nullptr ? "" : fmt::format(": `{}`", same->key));
  }
  out += fmt::format("\nRefused:\n\n| name | why |\n|---|---|\n{}", refused);
}

constexpr std::string_view kEngineIntroduction =
    "\n## `deployment/engine_options`\n\n"
    "Options of the engine by its own names, `{\"max_num_batched_tokens\": 4096}`; on the command "
    "line `--set NAME=VALUE`,\nwhich may be repeated. Of several engines (`plan`, `sweep`) those "
    "that know an option take it, and a plan notes for\nwhich it does not apply; "
    "`--set ENGINE:NAME=VALUE` is for one alone, as is `--preset ENGINE:NAME`. What stands for a\n"
    "field of the deployment sets that field: both may be given only with the same value, and a "
    "flag replaces what a\nfile's option says. An option that is taken acts: what can do nothing "
    "beside the other settings, or contradicts them,\nis refused with both places, what the "
    "simulation does not know with the reason, another engine's option with its name.\n";

constexpr std::string_view kIntroduction =
    "<!-- Written by `ephemeris schema --markdown`; a test compares the two. -->\n"
    "# Scenario files\n"
    "\n"
    "A scenario file says what is simulated or planned: a deployment, a workload and objectives. "
    "It is\n"
    "JSON, with `//` and `/* */` comments. Unknown and duplicate keys are errors, and all faults "
    "of a file\n"
    "are reported at once with their line. Times are strings with a unit (`\"500 ms\"`, `\"2 "
    "h\"`), counts\n"
    "are bare numbers. Relative paths count from the folder of the file. Flags of the command line "
    "replace\n"
    "what the file says; a file may leave out what flags will give.\n"
    "\n"
    "`data/schema/scenario.schema.json` (`ephemeris schema`) is the same as a JSON Schema, for "
    "editors.\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"version\": 1,\n"
    "  \"deployment\": {\"model\": \"meta-llama/Llama-3.1-8B-Instruct\", \"engine\": \"vllm\", "
    "\"gpu\": \"h100-sxm\"},\n"
    "  \"workload\": {\"model\": \"azure-conv-2023\", \"to\": \"10 min\"},\n"
    "  \"slos\": [\"p95_ttft=500ms\", \"p95_tpot=30ms\"]\n"
    "}\n"
    "```\n";

}  // namespace

Json scenario_schema() {
  Json synthetic = section_schema("workload/synthetic", "made-up requests");
  Json workload = section_schema(
      "workload", "where requests come from: exactly one of trace, model and synthetic");
  add_property(workload, "synthetic", std::move(synthetic));
  Json root = section_schema("", "");
  Json version = Json::object();
  version.set("description", "version of this format").set("const", 1);
  Json any = Json::object();
  any.set("type", "string");
  Json deployment =
      section_schema("deployment", "one engine serving one model on identical replicas");
  add_property(deployment, "engine_options", engine_options_schema());
  add_property(root, "deployment", std::move(deployment));
  add_property(root, "fleet",
               section_schema("fleet", "how replicas come, go and break, and who is let in"));
  add_property(root, "disaggregation",
               section_schema("disaggregation", "prefill workers; the deployment then decodes"));
  Json pool =
      section_schema("deployment", "a further pool: the deployment, with what is different");
  for (const Field& field : fields())
    if (field.section == "pools") add_property(pool, std::string(field.key), field_schema(field));
  add_property(pool, "engine_options", engine_options_schema());
  Json pools = Json::object();
  pools.set("description", "further pools behind the same gateway").set("type", "array");
  pools.set("items", std::move(pool));
  add_property(root, "pools", std::move(pools));
  add_property(root, "workload", std::move(workload));
  add_property(root, "version", std::move(version));
  add_property(root, "$schema", std::move(any));
  Json required = Json::array();
  required.push(Json::string("version"));
  Json out = Json::object();
  out.set("$schema", "https://json-schema.org/draft/2020-12/schema");
  out.set("title", "Ephemeris scenario");
  for (const auto& [key, value] : root.members()) out.set(key, value);
  out.set("required", std::move(required));
  return out;
}

std::string scenario_markdown() {
  std::string out(kIntroduction);
  out +=
      "\n## The file itself\n\n`version` (always 1) is required; `$schema` is allowed for "
      "editors.\n\n";
  add_table("", out);
  out += "\n## `deployment`\n\n";
  add_table("deployment", out);
  out += kEngineIntroduction;
  for (const models::EngineKind engine :
       {models::EngineKind::vllm, models::EngineKind::sglang, models::EngineKind::trtllm,
        models::EngineKind::llamacpp}) {
    add_engine(engine, out);
  }
  out +=
      "\n## `fleet`\n\nHow replicas come, go and break, and who is let in; "
      "docs/MODEL.md, \"Fleets\", says what each does.\n\n";
  add_table("fleet", out);
  out +=
      "\n## `disaggregation`\n\nSeparate workers for prompts; the deployment's replicas then "
      "decode. "
      "Results, outages and stragglers call the two pools `prefill` and `decode`. There can be no "
      "further pools beside them.\n\n";
  add_table("disaggregation", out);
  out +=
      "\n## `pools`\n\nAn array of further pools behind the same gateway. Each has the keys of "
      "`deployment`, which it takes over as far as it does not say otherwise, engine options one "
      "by one, and these. What "
      "belongs to an engine (`engine_options`, `engine_version`, `preset`, `chunk_tokens`, "
      "`chunked_prefill`, `schedule_policy`) is not taken over by a pool of another one, which the "
      "output says; `\"engine_options\": {}` says it in the file. Flags of the command line change "
      "the first pool "
      "alone. The "
      "`fleet` section holds for all pools, but its autoscaler and what it takes for the "
      "first one (`main`) alone, as do outages and stragglers that name no pool. A request goes to "
      "the first pool that takes such ones "
      "and is not above its limit; if all are, to the last "
      "that takes them; if none does, to the last pool. Pools and `disaggregation` exclude each "
      "other: prefill workers are a pool of their own.\n\n";
  add_table("pools", out);
  out +=
      "\n## `workload`\n\nExactly one of `trace`, `model` and `synthetic` says where requests come "
      "from. "
      "The other keys change what a trace or a model gives; they do not apply to synthetic "
      "arrivals. "
      "On the command line `--window FROM:TO` sets `from` and `to`.\n\n";
  add_table("workload", out);
  out += "\n## `workload/synthetic`\n\nOne of `requests` and `duration` is needed.\n\n";
  add_table("workload/synthetic", out);
  return out;
}

}  // namespace eph::scenario
