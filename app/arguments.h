#pragma once
// The command line as data: what a command takes, and what the user gave.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace eph::app {

struct OptionSpec {
  std::string name;      // without dashes
  std::string argument;  // what help calls the value; empty: a switch
  std::string help;
  bool repeatable = false;
};

struct OptionGroup {
  std::string title;
  std::vector<OptionSpec> options;
};

struct CommandSpec {
  std::string name;     // "workload describe"
  std::string summary;  // one line
  std::string usage;    // what follows the name in the usage line
  std::string details;  // paragraphs for --help; may be empty
  std::vector<std::string> examples;
  std::vector<OptionGroup> groups;
  std::size_t max_positionals = 0;
};

// What the user gave, in the order given.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const;
  // The option's one value, or `fallback` when it was not given.
  [[nodiscard]] std::string text(std::string_view name, std::string fallback = {}) const;
  [[nodiscard]] const std::vector<std::string>& all(std::string_view name) const;
  // A whole number of min..max; the fallback when it was not given.
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name, std::int64_t min,
                                             std::int64_t max, std::int64_t fallback) const;
  // Everything given, in the order of the names.
  [[nodiscard]] const std::map<std::string, std::vector<std::string>, std::less<>>& values() const {
    return values_;
  }
  [[nodiscard]] const std::vector<std::string>& positionals() const { return positionals_; }

  void add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
  }
  void add_positional(std::string value) { positionals_.push_back(std::move(value)); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positionals_;
};

// Errors: unknown options (did-you-mean), missing values, options given twice, too many words.
// --help and -h are understood everywhere and stop the check of the rest: has("help").
[[nodiscard]] Result<Arguments> parse_arguments(const CommandSpec& spec,
                                                const std::vector<std::string>& words);
[[nodiscard]] std::string help_text(const CommandSpec& spec);

}  // namespace eph::app
