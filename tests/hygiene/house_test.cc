// The house rules on the project's own files. What breaks one is listed with its place and the
// remedy.
#include <catch2/catch.hpp>

#include "tests/hygiene/rules.h"

namespace eph::hygiene {
namespace {

const Tree& project() {
  static const Tree kTree = load_tree(EPH_SOURCE_DIR);
  return kTree;
}

void require_none(const Findings& findings) {
  for (const Finding& finding : findings) UNSCOPED_INFO(finding.text());
  REQUIRE(findings.empty());
}

TEST_CASE("the project's files are found") {
  REQUIRE(find(project(), "CMakeLists.txt") != nullptr);
  REQUIRE(find(project(), "core/time.h") != nullptr);
  REQUIRE(find(project(), "tests/hygiene/house_test.cc") != nullptr);
  for (const SourceFile& file : project()) REQUIRE_FALSE(file.under("build"));
}

TEST_CASE("a folder includes itself and lower floors only") {
  require_none(check_floors(project()));
}
TEST_CASE("libraries are included by their adapters only") {
  require_none(check_libraries(project()));
}
TEST_CASE("no source is dead") { require_none(check_dead_files(project())); }
TEST_CASE("every header has its include guard") { require_none(check_pragma_once(project())); }
TEST_CASE("no file is longer than 500 lines") { require_none(check_length(project())); }
TEST_CASE("scripts run and stop at errors") { require_none(check_scripts(project())); }
TEST_CASE("no banned call is made") { require_none(check_banned_calls(project())); }
TEST_CASE("libraries keep no state between runs") { require_none(check_static_state(project())); }
TEST_CASE("no unfinished work is left behind") { require_none(check_unfinished(project())); }
TEST_CASE("no file names a place on one machine") { require_none(check_machine_paths(project())); }
TEST_CASE("blanks are in order") { require_none(check_blanks(project())); }
TEST_CASE("links in documents resolve") { require_none(check_links(project())); }
TEST_CASE("every data file names its source") { require_none(check_data_sources(project())); }
TEST_CASE("invariants are listed, asserted and tested") {
  require_none(check_invariants(project()));
}

}  // namespace
}  // namespace eph::hygiene
