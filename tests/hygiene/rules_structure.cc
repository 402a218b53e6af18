#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "tests/hygiene/rules.h"

namespace eph::hygiene {
namespace {

constexpr std::size_t kMaxLines = 500;

// Folders on the same floor may not include each other.
const std::map<std::string, int, std::less<>> kFloors = {
    {"core", 0},     {"jobs", 1},        {"models", 1},  {"workload", 1}, {"sim", 2},
    {"scenario", 3}, {"calibration", 4}, {"planner", 5}, {"app", 6}};
// Folders with sources that are no part of the program.
const std::set<std::string, std::less<>> kOutside = {"tests", "bench"};

std::string top_folder(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

// Words of a CMakeLists.txt, without comments, parentheses and quotes.
std::vector<std::string> cmake_words(const SourceFile& file) {
  std::vector<std::string> words;
  for (std::string_view line : file.lines()) {
    std::string text(line.substr(0, line.find('#')));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '(' || c == ')' || c == '"'; }, ' ');
    std::istringstream stream(text);
    for (std::string word; stream >> word;) words.push_back(word);
  }
  return words;
}

// The DEPS of a folder's eph_module; nullopt when it declares none.
std::optional<std::set<std::string>> module_deps(const Tree& tree, const std::string& folder) {
  const SourceFile* file = find(tree, folder + "/CMakeLists.txt");
  if (file == nullptr) return std::nullopt;
  const auto words = cmake_words(*file);
  const auto module = std::find(words.begin(), words.end(), "eph_module");
  if (module == words.end()) return std::nullopt;
  std::set<std::string> deps;
  auto word = std::find(module, words.end(), "DEPS");
  if (word != words.end()) ++word;
  for (; word != words.end(); ++word) {
    if (std::all_of(word->begin(), word->end(),
                    [](char c) { return c == '_' || (c >= 'A' && c <= 'Z'); }))
      break;
    deps.insert(*word);
  }
  return deps;
}

void check_module(const Tree& tree, const std::string& folder, Findings& findings) {
  const std::string list = folder + "/CMakeLists.txt";
  const auto floor = kFloors.find(folder);
  if (floor == kFloors.end()) {
    findings.push_back(
        {list, 0, "folder " + folder + " stands on no floor; give it one in tests/hygiene"});
    return;
  }
  const auto deps = module_deps(tree, folder);
  if (!deps) {
    findings.push_back({list, 0, "declares no eph_module, so its includes cannot be checked"});
    return;
  }
  for (const std::string& dep : *deps) {
    const auto below = kFloors.find(dep);
    if (below == kFloors.end() || below->second >= floor->second) {
      findings.push_back(
          {list, 0, fmt::format("DEPS names {}, which is not on a lower floor", dep)});
    }
  }
  for (const SourceFile& file : tree) {
    if (!file.is_cpp() || !file.under(folder)) continue;
    for (const Include& include : includes_of(file)) {
      if (!include.quoted) continue;
      const std::string target = top_folder(include.target);
      if (target.empty() || target == folder || deps->count(target) > 0) continue;
      findings.push_back({file.path, include.line,
                          fmt::format("includes {}, but the DEPS line of {} does not name {}",
                                      include.target, folder, target)});
    }
  }
}

struct Confinement {
  std::string_view prefix;  // of the include
  std::string_view where;   // for people
  bool (*allowed)(const SourceFile&);
};

const std::array kConfinements = {
    Confinement{
        "nlohmann/", "core/json_*.cc",
        [](const SourceFile& f) { return f.path.starts_with("core/json_") && !f.is_header(); }},
    Confinement{"zlib.h", "core/line_source.cc and tests",
                [](const SourceFile& f) {
                  return f.path.starts_with("core/byte_source.") || f.under("tests");
                }},
    Confinement{"boost/program_options", "app", [](const SourceFile& f) { return f.under("app"); }},
    Confinement{"boost/graph", "models/topology/topology.cc",
                [](const SourceFile& f) { return f.path == "models/topology/topology.cc"; }},
    Confinement{"Eigen/", "calibration and its tests",
                [](const SourceFile& f) {
                  return f.under("calibration") || f.under("tests/unit/calibration");
                }},
    Confinement{"ceres/", "calibration/*.cc and its tests",
                [](const SourceFile& f) {
                  return (f.under("calibration") && !f.is_header()) ||
                         f.under("tests/unit/calibration");
                }},
    Confinement{"tbb/", "jobs/*.cc",
                [](const SourceFile& f) { return f.under("jobs") && !f.is_header(); }},
    Confinement{"sqlite3.h", "jobs/ledger.cc",
                [](const SourceFile& f) { return f.path == "jobs/ledger.cc"; }},
    Confinement{"mpi.h", "jobs/mpi", [](const SourceFile& f) { return f.under("jobs/mpi"); }},
    Confinement{"catch2/", "tests", [](const SourceFile& f) { return f.under("tests"); }},
};

// Paths that some CMakeLists.txt lists.
std::set<std::string> listed_files(const Tree& tree) {
  static constexpr std::string_view kRoot = "${PROJECT_SOURCE_DIR}/";
  std::set<std::string> listed;
  for (const SourceFile& file : tree) {
    if (file.path != "CMakeLists.txt" && !file.path.ends_with("/CMakeLists.txt")) continue;
    for (const std::string& word : cmake_words(file)) {
      const bool from_root = word.starts_with(kRoot);
      const auto path = from_root ? word.substr(kRoot.size()) : resolve(file.folder(), word);
      if (path) listed.insert(*path);
    }
  }
  return listed;
}

}  // namespace

Findings check_floors(const Tree& tree) {
  Findings findings;
  std::set<std::string> folders;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp()) continue;
    const std::string folder = top_folder(file.path);
    if (kOutside.count(folder) == 0) folders.insert(folder);
    for (const Include& include : includes_of(file)) {
      const bool generated = include.target == "eph_version_data.h";
      if (include.quoted && !generated && find(tree, include.target) == nullptr) {
        findings.push_back(
            {file.path, include.line,
             include.target + " is no path from the root; write it as \"folder/file.h\""});
      }
    }
  }
  for (const std::string& folder : folders) check_module(tree, folder, findings);
  return findings;
}

Findings check_libraries(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp()) continue;
    for (const Include& include : includes_of(file)) {
      for (const Confinement& library : kConfinements) {
        if (!include.target.starts_with(library.prefix) || library.allowed(file)) continue;
        findings.push_back({file.path, include.line,
                            fmt::format("{} is for {} only", include.target, library.where)});
      }
    }
  }
  return findings;
}

Findings check_dead_files(const Tree& tree) {
  Findings findings;
  std::set<std::string> included;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp()) continue;
    for (Include& include : includes_of(file)) included.insert(std::move(include.target));
  }
  const std::set<std::string> listed = listed_files(tree);
  for (const SourceFile& file : tree) {
    if (file.is_header() && included.count(file.path) == 0) {
      findings.push_back({file.path, 0, "no file includes this header; delete it or use it"});
    }
    if (!file.path.ends_with(".cc")) continue;
    if (listed.count(file.path) == 0) {
      findings.push_back(
          {file.path, 0, "no CMakeLists.txt lists this source; list it or delete it"});
    }
  }
  return findings;
}

Findings check_pragma_once(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (file.is_header() && !file.text.starts_with("#pragma once\n")) {
      findings.push_back({file.path, 1, "a header begins with #pragma once"});
    }
  }
  return findings;
}

Findings check_length(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    const bool build_file = file.path.ends_with("CMakeLists.txt") || file.path.ends_with(".cmake");
    if (!file.is_cpp() && !build_file && !file.under("scripts")) continue;
    const std::size_t lines = file.lines().size();
    if (lines > kMaxLines) {
      findings.push_back(
          {file.path, 0,
           fmt::format("{} lines; above {} a file holds more than one thing: split it", lines,
                       kMaxLines)});
    }
  }
  return findings;
}

Findings check_scripts(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!file.under("scripts") && !file.under(".ci")) continue;
    if (file.path.ends_with(".txt")) continue;
    if (file.path.ends_with("/lib.sh")) {
      if (file.executable)
        findings.push_back({file.path, 0, "is sourced, so it must not be executable"});
      continue;
    }
    if (!file.executable) findings.push_back({file.path, 0, "is not executable; chmod +x it"});
    if (!file.text.starts_with("#!/usr/bin/env bash\n")) {
      findings.push_back({file.path, 1, "does not begin with #!/usr/bin/env bash"});
    }
    if (file.text.find("\nset -euo pipefail\n") == std::string::npos) {
      findings.push_back({file.path, 0, "goes on after errors; add set -euo pipefail"});
    }
  }
  return findings;
}

}  // namespace eph::hygiene
