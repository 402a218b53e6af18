#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>

#include "tests/hygiene/rules.h"

namespace eph::hygiene {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// One identifier of a line with what stands around it.
struct Word {
  std::string_view name;
  std::string_view qualifier;  // "chrono" in std::chrono::system_clock; "" when unqualified
  bool member = false;         // after . or ->
  bool called = false;         // followed by (
};

std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  std::string_view previous;
  for (std::size_t i = 0; i < line.size();) {
    if (!is_word(line[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < line.size() && is_word(line[end])) ++end;
    const std::string_view before = line.substr(0, i);
    const std::string_view after =
        line.substr(std::min(line.find_first_not_of(' ', end), line.size()));
    Word word{.name = line.substr(i, end - i), .qualifier = {}, .member = false, .called = false};
    if (before.ends_with("::")) word.qualifier = previous;
    word.member = before.ends_with('.') || before.ends_with("->");
    word.called = after.starts_with('(');
    words.push_back(word);
    previous = word.name;
    i = end;
  }
  return words;
}

bool in_library(const SourceFile& file) {
  static constexpr std::array<std::string_view, 7> kLibraries = {
      "core", "models", "workload", "sim", "scenario", "calibration", "planner"};
  return std::any_of(kLibraries.begin(), kLibraries.end(),
                     [&](auto name) { return file.under(name); });
}
bool outside_app(const SourceFile& file) { return !file.under("app"); }
bool everywhere(const SourceFile&) { return true; }
bool in_simulated_world(const SourceFile& file) {
  return file.under("core") || file.under("models") || file.under("workload") || file.under("sim");
}

struct Ban {
  std::function<bool(const Word&)> matches;
  bool (*applies)(const SourceFile&);
  std::string_view instead;
};

auto one_of(std::vector<std::string_view> names, bool only_calls = false) {
  return [names = std::move(names), only_calls](const Word& word) {
    return !word.member && (!only_calls || word.called) &&
           std::find(names.begin(), names.end(), word.name) != names.end();
  };
}

const std::vector<Ban>& bans() {
  static const std::vector<Ban> kBans = {
      {one_of({"rand", "srand", "rand_r", "drand48", "random_shuffle"}, true), everywhere,
       "draw from a Stream (core/rng.h)"},
      {one_of({"mt19937", "mt19937_64", "minstd_rand", "default_random_engine", "random_device"}),
       everywhere, "draw from a Stream (core/rng.h)"},
      {[](const Word& word) {
         return word.qualifier == "std" && word.name.ends_with("_distribution");
       },
       everywhere, "use core/distributions.h: the standard's algorithms differ between libraries"},
      {one_of({"printf", "fprintf", "puts", "fputs", "putchar", "vprintf", "perror"}, true),
       in_library, "return the value; only app prints"},
      {one_of({"sprintf", "snprintf", "vsnprintf"}, true), everywhere, "use fmt::format"},
      {[](const Word& word) {
         return word.qualifier == "std" &&
                (word.name == "cout" || word.name == "cerr" || word.name == "clog");
       },
       in_library, "return the value; only app prints"},
      {[](const Word& word) {
         return word.qualifier == "fmt" && (word.name == "print" || word.name == "println");
       },
       in_library, "return the value; only app prints"},
      {one_of({"iostream"}), everywhere, "include fmt/format.h; app writes with fmt::print"},
      {[](const Word& word) { return word.qualifier == "std" && word.name == "endl"; }, everywhere,
       "write '\\n': endl flushes"},
      {one_of({"exit", "_Exit", "quick_exit", "abort", "terminate"}, true), in_library,
       "return an Error, or EPH_ASSERT for our own bugs; only main ends the program"},
      {[](const Word& word) {
         return word.name == "views" && (word.qualifier == "std" || word.qualifier == "ranges");
       },
       everywhere, "write a loop: clang-tidy 14 does not understand libstdc++ 12's views"},
      {one_of({"system_clock", "gettimeofday", "localtime", "gmtime"}), outside_app,
       "pass the date in from app: results know no wall clock"},
      {one_of({"steady_clock", "high_resolution_clock"}), in_simulated_world,
       "use SimTime: simulated results know no wall clock"},
      {one_of({"atoi", "atof", "atol", "strtod", "strtol", "stoi", "stod", "stoll", "stol", "stof"},
              true),
       everywhere, "use parse_int or parse_double (core/text.h): strict, and free of the locale"},
  };
  return kBans;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

bool holds_word(std::string_view line, std::string_view wanted) {
  for (std::size_t at = line.find(wanted); at != std::string_view::npos;
       at = line.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    const bool starts = at == 0 || !is_word(line[at - 1]);
    const bool ends = end == line.size() || !is_word(line[end]);
    if (starts && ends) return true;
  }
  return false;
}

// Published files keep the form in which they were published.
bool is_ours(const SourceFile& file) { return !file.under("data") && file.path != "LICENSE"; }

}  // namespace

Findings check_banned_calls(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp()) continue;
    const std::string code = code_only(file.text);
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const Word& word : words_of(lines[i])) {
        for (const Ban& ban : bans()) {
          if (!ban.matches(word) || !ban.applies(file)) continue;
          findings.push_back({file.path, i + 1, fmt::format("{}: {}", word.name, ban.instead)});
        }
      }
    }
  }
  return findings;
}

Findings check_static_state(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!in_library(file)) continue;
    if (!file.is_cpp()) continue;
    const std::string code = code_only(file.text);
    const auto lines = lines_of(code);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view line = lines[i];
      const bool storage = holds_word(line, "static") || holds_word(line, "thread_local");
      const bool fixed = holds_word(line, "const") || holds_word(line, "constexpr") ||
                         holds_word(line, "static_assert");
      // A variable ends in ; = or { ahead of any parenthesis; a function has its parameters first.
      const std::size_t end = line.find_first_of(";={(");
      const bool variable = end != std::string_view::npos && line[end] != '(';
      if (storage && !fixed && variable) {
        findings.push_back(
            {file.path, i + 1,
             "state that outlives a run; make it a member: runs go on side by side"});
      }
    }
  }
  return findings;
}

Findings check_unfinished(const Tree& tree) {
  // Split so that this table does not find itself.
  static const std::vector<std::string> kWords = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X",
      "HA"
      "CK",
      "W"
      "IP",
      "TB"
      "D"};
  static const std::vector<std::string> kPhrases = {
      "for "
      "now",
      "not "
      "implemented",
      "not yet "
      "implemented",
      "place"
      "holder",
      "st"
      "ub"};
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!is_ours(file)) continue;
    const auto lines = file.lines();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::string lower(lines[i]);
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      for (const std::string& word : kWords) {
        if (holds_word(lines[i], word))
          findings.push_back({file.path, i + 1, "unfinished work: " + word});
      }
      for (const std::string& phrase : kPhrases) {
        if (holds_word(lower, phrase))
          findings.push_back({file.path, i + 1, "unfinished work: " + phrase});
      }
    }
  }
  return findings;
}

Findings check_machine_paths(const Tree& tree) {
  static constexpr std::array<std::string_view, 4> kRoots = {"/work/", "/tmp/", "/root/", "/home/"};
  Findings findings;
  for (const SourceFile& file : tree) {
    if (file.under("tests")) continue;
    const auto lines = file.lines();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (std::string_view root : kRoots) {
        const std::size_t at = lines[i].find(root);
        const bool absolute = at != std::string_view::npos &&
                              (at == 0 || (!is_word(lines[i][at - 1]) && lines[i][at - 1] != '.'));
        if (absolute)
          findings.push_back({file.path, i + 1, fmt::format("{} is a place on one machine", root)});
      }
    }
  }
  return findings;
}

Findings check_blanks(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!is_ours(file)) continue;
    const auto lines = file.lines();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string_view line = lines[i];
      if (line.find('\t') != std::string_view::npos)
        findings.push_back({file.path, i + 1, "a tab"});
      if (line.ends_with('\r')) findings.push_back({file.path, i + 1, "a carriage return"});
      if (line.ends_with(' '))
        findings.push_back({file.path, i + 1, "blanks at the end of the line"});
    }
    if (!file.text.empty() && !file.text.ends_with('\n')) {
      findings.push_back({file.path, lines.size(), "no newline at the end of the file"});
    }
  }
  return findings;
}

}  // namespace eph::hygiene
