#pragma once
// The project's own files as the house rules see them: text in memory, so that a rule can be tried
// on a made-up tree as well as on the real one.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eph::hygiene {

struct SourceFile {
  std::string path;  // from the root, with '/'
  std::string text;
  bool executable = false;

  [[nodiscard]] bool is_cpp() const;                        // .h or .cc
  [[nodiscard]] bool is_header() const;                     // .h
  [[nodiscard]] bool under(std::string_view folder) const;  // "tests" holds "tests/unit/a.cc"
  [[nodiscard]] std::string folder() const;                 // "tests/unit"; "" at the root
  [[nodiscard]] std::vector<std::string_view> lines() const;
};

using Tree = std::vector<SourceFile>;

[[nodiscard]] const SourceFile* find(const Tree& tree, std::string_view path);

// The files git tracks or would track, in byte order of their paths. Without git (an unpacked
// archive) every file but hidden folders, build and out. Binary files have no text.
[[nodiscard]] Tree load_tree(const std::string& root);

// folder + "/" + relative without "." and ".."; nullopt when it leaves the tree.
[[nodiscard]] std::optional<std::string> resolve(const std::string& folder,
                                                 std::string_view relative);

// C++ source with comments and the contents of literals blanked; lines stay where they are.
[[nodiscard]] std::string code_only(std::string_view source);

struct Include {
  std::size_t line = 0;
  bool quoted = false;
  std::string target;
};
[[nodiscard]] std::vector<Include> includes_of(const SourceFile& file);

// "path:line: what"; line 0 is left out.
struct Finding {
  std::string path;
  std::size_t line = 0;
  std::string what;
  [[nodiscard]] std::string text() const;
};
using Findings = std::vector<Finding>;

}  // namespace eph::hygiene
