// ephemeris schema: what a scenario file may say.
#include "app/commands.h"
#include "app/console.h"
#include "scenario/parse.h"

namespace eph::app {

const CommandSpec& schema_spec() {
  static const CommandSpec spec{
      "schema",
      "print the JSON Schema of scenario files, or their documentation",
      "[--markdown]",
      "",
      {"ephemeris schema > scenario.schema.json", "ephemeris schema --markdown > docs/SCENARIO.md"},
      {{"output", {{"markdown", "", "print docs/SCENARIO.md instead"}}}},
      0};
  return spec;
}

int run_schema(const Arguments& arguments) {
  if (arguments.has("markdown")) return finish(scenario::scenario_markdown());
  return finish(scenario::scenario_schema().dump() + "\n");
}

}  // namespace eph::app
