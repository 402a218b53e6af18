// ephemeris validate --report: the accuracy report, from results of single schemes.
#include <fmt/format.h>

#include "app/commands.h"
#include "app/console.h"
#include "app/validate_cross.h"
#include "app/validation_report.h"
#include "core/line_source.h"

namespace eph::app {

OptionGroup report_options() {
  return {"report",
          {{"report", "FILE", "Markdown report to write from earlier results"},
           {"from", "FOLDER", "JSON results of validate: of --cross, and of --runs"},
           {"template", "FILE",
            "text with {{directives}} where tables go [FILE with .in before .md]"}}};
}

int run_report(const Arguments& arguments) {
  const std::string path = arguments.text("report");
  if (!arguments.has("from")) {
    return fail(usage_error("no results are given", "add --from FOLDER with JSON of validate"));
  }
  std::string source = arguments.text("template");
  if (source.empty()) {
    if (!path.ends_with(".md")) {
      return fail(usage_error(fmt::format("--report {}: no template is known", path),
                              "add --template FILE, or call the report something.md"));
    }
    source = path.substr(0, path.size() - 3) + ".in.md";
  }
  const auto text = read_file(source);
  if (!text) return fail(text.error());
  const auto input = load_report_input(arguments.text("from"));
  if (!input) return fail(input.error());
  const auto report = render_report(*text, source, *input);
  if (!report) return fail(report.error());
  if (const auto written = write_file(path, *report); !written) return fail(written.error());
  return finish(fmt::format("{}: {} cross-validations, {} tables of runs\n", path,
                            input->cross.size(), input->runs.size()));
}

}  // namespace eph::app
