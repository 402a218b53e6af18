#pragma once
// The house rules that a program can check. Each takes a tree and returns what breaks the rule; an
// empty result means the rule holds.
#include "tests/hygiene/tree.h"

namespace eph::hygiene {

// Structure (rules_structure.cc).
// A folder includes itself and the folders of its DEPS line, and every dependency stands on a lower
// floor; project headers are included by their path from the root.
[[nodiscard]] Findings check_floors(const Tree& tree);
// A third-party library is included only where its adapter lives.
[[nodiscard]] Findings check_libraries(const Tree& tree);
// Every .cc is listed in the CMakeLists.txt above it, every header is included by somebody.
[[nodiscard]] Findings check_dead_files(const Tree& tree);
// #pragma once opens every header.
[[nodiscard]] Findings check_pragma_once(const Tree& tree);
// No source, build file or script is longer than 500 lines.
[[nodiscard]] Findings check_length(const Tree& tree);
// Scripts are executable, begin with an interpreter line and stop at the first error.
[[nodiscard]] Findings check_scripts(const Tree& tree);

// Words (rules_words.cc).
// Calls that break determinism or the rule that libraries never print or exit; each finding names
// the replacement.
[[nodiscard]] Findings check_banned_calls(const Tree& tree);
// No variable of static or thread storage that can change, in libraries.
[[nodiscard]] Findings check_static_state(const Tree& tree);
// No words that mark unfinished work.
[[nodiscard]] Findings check_unfinished(const Tree& tree);
// No path of one particular machine, outside tests.
[[nodiscard]] Findings check_machine_paths(const Tree& tree);
// No tabs, trailing blanks, carriage returns; a newline at the end.
[[nodiscard]] Findings check_blanks(const Tree& tree);

// Documents (rules_documents.cc).
// Relative links in *.md lead to a file or folder, and their anchors to a heading.
[[nodiscard]] Findings check_links(const Tree& tree);
// Every file in data/, or its folder, is named in data/SOURCES.md.
[[nodiscard]] Findings check_data_sources(const Tree& tree);
// Every INV-n that is cited exists in docs/INVARIANTS.md, and every one there is cited by the
// sources and by a test.
[[nodiscard]] Findings check_invariants(const Tree& tree);

}  // namespace eph::hygiene
