#include <catch2/catch.hpp>

#include "tests/hygiene/samples.h"

namespace eph::hygiene {
namespace {

const std::string kCore = "eph_module(NAME core\n  SOURCES\n    a.cc)\n";
const std::string kModels =
    "eph_module(NAME models\n  DEPS core  # the floor below\n  SOURCES\n    m.cc)\n";

TEST_CASE("an include of a folder that DEPS does not name is found") {
  const Tree good = {sample("core/CMakeLists.txt", kCore), sample("core/a.h", ""),
                     sample("models/CMakeLists.txt", kModels),
                     sample("models/m.cc", "#include \"core/a.h\"\n")};
  REQUIRE(check_floors(good).empty());

  Tree upward = good;
  upward.push_back(sample("models/m.h", ""));
  upward.push_back(sample("core/a.cc", "#include <vector>\n#include \"models/m.h\"\n"));
  const Findings findings = check_floors(upward);
  REQUIRE(findings.size() == 1);
  REQUIRE(found(findings, "core/a.cc", 2, "DEPS line of core does not name models"));
}

TEST_CASE("a dependency on the same or a higher floor is found") {
  const Tree sibling = {sample("workload/CMakeLists.txt",
                               "eph_module(NAME workload DEPS core models SOURCES w.cc)\n"),
                        sample("workload/w.cc", "")};
  REQUIRE(check_floors(sibling).size() == 1);
  REQUIRE(found(check_floors(sibling), "workload/CMakeLists.txt", 0, "DEPS names models"));
}

TEST_CASE("a folder without floor or module is found") {
  const Tree tree = {sample("attic/a.cc", ""), sample("sim/b.cc", ""), sample("tests/c.cc", "")};
  const Findings findings = check_floors(tree);
  REQUIRE(findings.size() == 2);
  REQUIRE(found(findings, "attic/CMakeLists.txt", 0, "stands on no floor"));
  REQUIRE(found(findings, "sim/CMakeLists.txt", 0, "declares no eph_module"));
}

TEST_CASE("a project include that is no path from the root is found") {
  const Tree tree = {sample("tests/a.cc", "#include \"b.h\"\n"), sample("tests/b.h", "")};
  REQUIRE(found(check_floors(tree), "tests/a.cc", 1, "no path from the root"));
}

TEST_CASE("a library outside its adapter is found") {
  struct Case {
    std::string library, inside, outside;
  };
  const Case sample_case = GENERATE(values<Case>({
      {"nlohmann/json.hpp", "core/json_doc.cc", "core/json_doc.h"},
      {"nlohmann/json.hpp", "core/json_dump.cc", "app/main.cc"},
      {"zlib.h", "core/byte_source.h", "workload/trace.cc"},
      {"boost/program_options.hpp", "app/main.cc", "planner/search.cc"},
      {"boost/graph/adjacency_list.hpp", "models/topology/topology.cc", "models/memory.cc"},
      {"Eigen/Dense", "calibration/hierarchy.h", "planner/search.cc"},
      {"ceres/ceres.h", "calibration/fit.cc", "models/fitted_model.cc"},
      {"tbb/parallel_for.h", "jobs/parallel.cc", "sim/simulation.cc"},
      {"catch2/catch.hpp", "tests/unit/core/a_test.cc", "core/a.cc"},
  }));
  const std::string text = "#include <" + sample_case.library + ">\n";
  REQUIRE(check_libraries({sample(sample_case.inside, text)}).empty());
  REQUIRE(
      found(check_libraries({sample(sample_case.outside, text)}), sample_case.outside, 1, "only"));
}

TEST_CASE("a source that no CMakeLists.txt lists and a header that nobody includes are found") {
  const Tree tree = {
      sample("core/CMakeLists.txt", kCore),
      sample("core/a.cc", "#include \"core/a.h\"\n"),
      sample("core/a.h", ""),
      sample("core/old.cc", ""),
      sample("core/old.h", ""),
      sample("core/sub/deep.cc", ""),
      sample("stray.cc", ""),
  };
  const Findings findings = check_dead_files(tree);
  REQUIRE(findings.size() == 4);
  REQUIRE(found(findings, "core/old.cc", 0, "lists this source"));
  REQUIRE(found(findings, "core/old.h", 0, "no file includes"));
  REQUIRE(found(findings, "core/sub/deep.cc", 0, "lists this source"));
  REQUIRE(found(findings, "stray.cc", 0, "lists this source"));
}

TEST_CASE("a source may be listed from elsewhere, by its path") {
  const Tree tree = {
      sample("tests/e2e/CMakeLists.txt",
             "x(../support/a.cc)\ny(\"${PROJECT_SOURCE_DIR}/tests/support/b.cc\")\n"),
      sample("tests/support/a.cc", ""), sample("tests/support/b.cc", "")};
  REQUIRE(check_dead_files(tree).empty());
}

TEST_CASE("a source commented out of its CMakeLists.txt is dead") {
  const Tree tree = {sample("core/CMakeLists.txt", "eph_module(NAME core SOURCES\n  # a.cc\n)\n"),
                     sample("core/a.cc", "")};
  REQUIRE(check_dead_files(tree).size() == 1);
}

TEST_CASE("a header without guard is found") {
  REQUIRE(check_pragma_once({sample("core/a.h", "#pragma once\n")}).empty());
  REQUIRE(found(check_pragma_once({sample("core/a.h", "// text\n#pragma once\n")}), "core/a.h", 1,
                "#pragma once"));
}

TEST_CASE("501 lines are too long, 500 are not, documents may be any length") {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "x\n";
  REQUIRE(check_length({sample("core/a.cc", text)}).empty());
  text += "x\n";
  REQUIRE(found(check_length({sample("core/a.cc", text)}), "core/a.cc", 0, "501 lines"));
  REQUIRE(found(check_length({sample("scripts/test", text)}), "scripts/test", 0, "501 lines"));
  REQUIRE(check_length({sample("docs/MODEL.md", text)}).empty());
}

TEST_CASE("a script that is not executable or goes on after errors is found") {
  const std::string good = "#!/usr/bin/env bash\nset -euo pipefail\n";
  REQUIRE(
      check_scripts({sample("scripts/test", good, true), sample(".ci/run", good, true)}).empty());
  REQUIRE(found(check_scripts({sample("scripts/test", good)}), "scripts/test", 0, "chmod +x"));
  REQUIRE(found(check_scripts({sample(".ci/run", "#!/usr/bin/env bash\n", true)}), ".ci/run", 0,
                "pipefail"));
  REQUIRE(found(check_scripts({sample("scripts/a", "set -euo pipefail\n", true)}), "scripts/a", 1,
                "begin"));
  REQUIRE(
      found(check_scripts({sample("scripts/lib.sh", "", true)}), "scripts/lib.sh", 0, "sourced"));
}

}  // namespace
}  // namespace eph::hygiene
