#include "app/arguments.h"

#include <fmt/format.h>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "core/text.h"

namespace eph::app {

namespace {

namespace po = boost::program_options;

const OptionSpec* find_option(const CommandSpec& spec, std::string_view name) {
  for (const OptionGroup& group : spec.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

std::vector<std::string> option_names(const CommandSpec& spec) {
  std::vector<std::string> names{"--help"};
  for (const OptionGroup& group : spec.groups) {
    for (const OptionSpec& option : group.options) names.push_back("--" + option.name);
  }
  return names;
}

po::options_description describe(const CommandSpec& spec) {
  po::options_description out;
  out.add_options()("help", "")("words", po::value<std::vector<std::string>>(), "");
  for (const OptionGroup& group : spec.groups) {
    for (const OptionSpec& option : group.options) {
      if (option.argument.empty()) {
        out.add_options()(option.name.c_str(), "");
      } else {
        out.add_options()(option.name.c_str(), po::value<std::vector<std::string>>(), "");
      }
    }
  }
  return out;
}

std::string see_help(const CommandSpec& spec) {
  return fmt::format("see ephemeris {} --help", spec.name);
}

Error unknown_option(const CommandSpec& spec, std::string_view word) {
  const auto name = word.substr(0, word.find('='));
  const auto near = did_you_mean(name, option_names(spec));
  return usage_error(fmt::format("{} is not an option of {}", name, spec.name),
                     near ? fmt::format("did you mean {}?", *near) : see_help(spec));
}

// A word that starts with one dash is a mistyped option; "-" alone is a file name.
bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && !parse_double(word);
}

Result<Arguments> collect(const CommandSpec& spec, const po::parsed_options& parsed) {
  Arguments out;
  for (const po::option& option : parsed.options) {
    if (option.position_key >= 0) {
      for (const std::string& word : option.value) {
        if (looks_like_option(word)) return unknown_option(spec, word);
        out.add_positional(word);
      }
      continue;
    }
    const OptionSpec* known = find_option(spec, option.string_key);
    if (known != nullptr && !known->repeatable && out.has(option.string_key)) {
      return usage_error(fmt::format("--{} is given twice", option.string_key), "give it once");
    }
    if (known != nullptr && !known->argument.empty() &&
        (option.value.empty() || option.value.front().empty())) {
      return usage_error(fmt::format("--{} needs a value", option.string_key),
                         fmt::format("write --{} {}", option.string_key, known->argument));
    }
    out.add(option.string_key, option.value.empty() ? "" : option.value.front());
  }
  if (out.has("help")) return out;
  if (out.positionals().size() > spec.max_positionals) {
    return usage_error(
        fmt::format("\"{}\" is not understood: {} takes {}",
                    out.positionals()[spec.max_positionals], spec.name,
                    spec.max_positionals == 0
                        ? "options only"
                        : fmt::format("{} word{} besides options", spec.max_positionals,
                                      spec.max_positionals == 1 ? "" : "s")),
        see_help(spec));
  }
  return out;
}

// The option that an exception of the library is about, as the user knows it.
Error missing_value(const CommandSpec& spec, const std::string& option_name) {
  std::string_view name = option_name;
  while (name.starts_with('-')) name.remove_prefix(1);
  const OptionSpec* known = find_option(spec, name);
  return usage_error(
      fmt::format("--{} needs a value", name),
      fmt::format("write --{} {}", name, known == nullptr ? "VALUE" : known->argument));
}

void add_wrapped(std::string& out, std::string_view text, std::size_t indent, std::size_t width) {
  std::size_t column = indent;
  bool first = true;
  for (std::string_view word : split(text, ' ')) {
    if (!first && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      first = true;
    }
    if (!first) out += ' ';
    column += word.size() + (first ? 0 : 1);
    out += word;
    first = false;
  }
  out += '\n';
}

}  // namespace

bool Arguments::has(std::string_view name) const { return values_.find(name) != values_.end(); }

std::string Arguments::text(std::string_view name, std::string fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second.front();
}

const std::vector<std::string>& Arguments::all(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

Result<std::int64_t> Arguments::integer(std::string_view name, std::int64_t min, std::int64_t max,
                                        std::int64_t fallback) const {
  if (!has(name)) return fallback;
  const auto value = parse_int(text(name));
  if (!value) {
    return usage_error(fmt::format("--{}: \"{}\" is not a whole number", name, text(name)));
  }
  if (*value < min || *value > max) {
    return usage_error(fmt::format("--{}: {} is out of range", name, *value),
                       fmt::format("use {} to {}", min, max));
  }
  return *value;
}

Result<Arguments> parse_arguments(const CommandSpec& spec, const std::vector<std::string>& words) {
  using namespace po::command_line_style;
  for (const std::string& word : words) {
    if (word == "-h" || word == "--help") {
      Arguments help;
      help.add("help", "");
      return help;
    }
  }
  const po::options_description options = describe(spec);
  po::positional_options_description positional;
  positional.add("words", -1);
  try {
    // No abbreviations (they would change meaning when options are added) and no one-letter
    // options.
    const auto style = allow_long | long_allow_adjacent | long_allow_next;
    return collect(
        spec,
        po::command_line_parser(words).options(options).positional(positional).style(style).run());
  } catch (const po::unknown_option& e) {
    return unknown_option(spec, e.get_option_name());
  } catch (const po::invalid_command_line_syntax& e) {
    if (e.kind() == po::invalid_syntax::extra_parameter) {
      return usage_error(fmt::format("{} takes no value", e.get_option_name()),
                         "leave out what follows the \"=\"");
    }
    return missing_value(spec, e.get_option_name());
  } catch (const po::error& e) {
    return usage_error(e.what(), see_help(spec));
  }
}

std::string help_text(const CommandSpec& spec) {
  constexpr std::size_t kIndent = 32, kWidth = 100;
  std::string out = fmt::format("ephemeris {} {}\n\n", spec.name, spec.usage);
  add_wrapped(out, spec.summary, 0, kWidth);
  if (!spec.details.empty()) {
    out += '\n';
    for (std::string_view paragraph : split(spec.details, '\n'))
      add_wrapped(out, paragraph, 0, kWidth);
  }
  for (const OptionGroup& group : spec.groups) {
    out += fmt::format("\n{}:\n", group.title);
    for (const OptionSpec& option : group.options) {
      std::string left = fmt::format("  --{} {}", option.name, option.argument);
      if (left.size() + 1 >= kIndent) {
        left += '\n' + std::string(kIndent, ' ');
      } else {
        left.resize(kIndent, ' ');
      }
      out += left;
      add_wrapped(out, option.help + (option.repeatable ? " (repeatable)" : ""), kIndent, kWidth);
    }
  }
  out += spec.examples.size() > 1 ? "\nexamples:\n" : "\nexample:\n";
  for (const std::string& example : spec.examples) out += "  " + example + "\n";
  return out;
}

}  // namespace eph::app
