// The program: finds the command, runs it, and turns what went wrong into an exit code.
#include <fmt/format.h>

#include <array>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/console.h"
#include "core/assert.h"
#include "core/text.h"
#include "core/version.h"
#include "jobs/join.h"

namespace eph::app {
namespace {

const std::array<Command, 13>& commands() {
  static const std::array<Command, 13> all{{{plan_spec, run_plan, true},
                                            {simulate_spec, run_simulate},
                                            {explain_spec, run_explain},
                                            {sweep_spec, run_sweep, true},
                                            {describe_spec, run_describe},
                                            {fit_spec, run_fit},
                                            {import_spec, run_import},
                                            {calibrate_spec, run_calibrate},
                                            {validate_spec, run_validate},
                                            {startup_spec, run_startup},
                                            {autoscale_spec, run_autoscale},
                                            {catalog_spec, run_catalog},
                                            {schema_spec, run_schema}}};
  return all;
}

std::string program_help() {
  std::string out =
      "ephemeris COMMAND [OPTIONS]\n\n"
      "Simulates LLM inference on GPUs and plans how many of them a workload needs.\n\ncommands:\n";
  for (const Command& command : commands()) {
    out += fmt::format("  {:<20}{}\n", command.spec().name, command.spec().summary);
  }
  out +=
      "\n  ephemeris COMMAND --help   says what a command takes, with an example\n"
      "  ephemeris --version        version and commit\n\n"
      "exit codes: 0 done, 1 no candidate is feasible or a check failed, 2 wrong usage, "
      "configuration or\n"
      "data, 3 a file cannot be read or written, 70 an error of the program itself\n";
  return out;
}

std::string version_text() {
  return fmt::format("ephemeris {} (commit {}, {} build)\n", version(), commit(), build_type());
}

// "workload" takes a second word; all others are one word.
const Command* find_command(const std::vector<std::string>& words, std::size_t& used) {
  for (const Command& command : commands()) {
    const std::string& name = command.spec().name;
    const auto parts = split(name, ' ');
    if (parts.size() > words.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < parts.size(); ++i) same = same && parts[i] == words[i];
    if (same) {
      used = parts.size();
      return &command;
    }
  }
  return nullptr;
}

int unknown_command(const std::vector<std::string>& words) {
  std::vector<std::string> names, seconds;
  for (const Command& command : commands()) {
    const auto parts = split(command.spec().name, ' ');
    if (names.empty() || names.back() != parts[0]) names.emplace_back(parts[0]);
    if (parts[0] == words[0]) seconds.emplace_back(parts.size() > 1 ? parts[1] : "");
  }
  if (!seconds.empty()) {  // "workload" without or with a wrong second word
    if (words.size() == 1 || words[1] == "--help" || words[1] == "-h") {
      std::string lines;
      for (const Command& command : commands()) {
        if (split(command.spec().name, ' ')[0] == words[0])
          lines += help_text(command.spec()) + '\n';
      }
      if (words.size() > 1) return finish(lines);
      return fail(
          usage_error(fmt::format("{} needs a second word", words[0]), suggest("", seconds)));
    }
    return fail(usage_error(fmt::format("{} {} is not a command", words[0], words[1]),
                            suggest(words[1], seconds)));
  }
  const bool option = words[0].starts_with('-');
  return fail(usage_error(fmt::format("{} is not {}", words[0], option ? "an option" : "a command"),
                          option ? "see ephemeris --help" : suggest(words[0], names)));
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    write_note(program_help());
    return kUsage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") return finish(program_help());
  if (words[0] == "--version") return finish(version_text());
  std::size_t used = 0;
  const Command* command = find_command(words, used);
  if (command == nullptr) return unknown_command(words);
  const std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(used),
                                      words.end());
  const Result<Arguments> arguments = parse_arguments(command->spec(), rest);
  // Of processes that mpirun started together the first one speaks.
  const jobs::Launch launch = jobs::launch_of_environment();
  if (launch.rank > 0 && (!arguments || arguments->has("help") || !command->many_processes))
    return kOk;
  if (!arguments) return fail(arguments.error());
  if (arguments->has("help")) return finish(help_text(command->spec()));
  if (launch.size > 1 && !command->many_processes) {
    return fail(usage_error(fmt::format("{} runs as one process, and {} were started together",
                                        command->spec().name, launch.size),
                            "start it without mpirun; plan and sweep run on many"));
  }
  return command->run(*arguments);
}

int internal_error(std::string_view what) {
  write_note(
      fmt::format("ephemeris: internal error: {}\nThis is a fault of the program; please report it "
                  "with the command line and \"{}\".",
                  what, trim(version_text())));
  return kInternal;
}

}  // namespace
}  // namespace eph::app

int main(int argc, char** argv) {
  try {
    return eph::app::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::bad_alloc&) {
    return eph::app::internal_error("out of memory");
  } catch (const std::exception& e) {
    return eph::app::internal_error(e.what());
  } catch (...) {
    return eph::app::internal_error("unknown exception");
  }
}
