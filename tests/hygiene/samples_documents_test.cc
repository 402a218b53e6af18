#include <catch2/catch.hpp>

#include "tests/hygiene/samples.h"

namespace eph::hygiene {
namespace {

TEST_CASE("a link to a missing file, heading or place outside is found") {
  const SourceFile model =
      sample("docs/MODEL.md", "# Model\n\n## Step time, eq. 7\n```\n# no heading\n```\n");
  const auto fault = [&](const std::string& target) {
    return check_links({model, sample("docs/A.md", "see\n[text](" + target + ")\n")});
  };
  REQUIRE(fault("MODEL.md").empty());
  REQUIRE(fault("../docs/MODEL.md#step-time-eq-7").empty());
  REQUIRE(fault("../docs").empty());
  REQUIRE(fault("https://example.org/missing").empty());
  REQUIRE(found(fault("MISSING.md"), "docs/A.md", 2, "there is no docs/MISSING.md"));
  REQUIRE(found(fault("MODEL.md#gone"), "docs/A.md", 2, "no heading #gone"));
  REQUIRE(found(fault("MODEL.md#no-heading"), "docs/A.md", 2, "no heading"));
  REQUIRE(found(fault("../../other/B.md"), "docs/A.md", 2, "leads out"));
  REQUIRE(found(fault("#own"), "docs/A.md", 2, "no heading #own"));
}

TEST_CASE("links in code are not followed") {
  REQUIRE(check_links({sample("A.md", "`[a](b)`\n```\n[c](d)\n```\n")}).empty());
}

TEST_CASE("a data file without a source is found") {
  const Tree tree = {
      sample("data/SOURCES.md", "## gpus/\ntext\n## profiles/vllm.json\n"),
      sample("data/gpus/h100.json", ""),
      sample("data/profiles/vllm.json", ""),
      sample("data/profiles/other.json", ""),
      sample("data/prices.csv", ""),
  };
  const Findings findings = check_data_sources(tree);
  REQUIRE(findings.size() == 2);
  REQUIRE(found(findings, "data/profiles/other.json", 0, "where this comes from"));
  REQUIRE(found(findings, "data/prices.csv", 0, "where this comes from"));
  REQUIRE(check_data_sources({sample("data/a.json", "")}).size() == 1);
}

TEST_CASE("an invariant that is unknown, never asserted or never tested is found") {
  const Tree tree = {
      sample("docs/INVARIANTS.md",
             "| INV-1 | a | here | property |\n| INV-2 | b | here | property |\n"
             "| INV-30 | c | here | unit |\n| INV-5 | d | - | - (nothing to test) |\n"),
      sample("sim/a.cc", "// INV-1, INV-2 and INV-4\n"),
      sample("tests/property/a_test.cc", "// INV-1 INV-30\n"),
  };
  const Findings findings = check_invariants(tree);
  REQUIRE(findings.size() == 3);
  REQUIRE(found(findings, "sim/a.cc", 0, "no INV-4"));
  REQUIRE(found(findings, "docs/INVARIANTS.md", 3, "INV-30 is cited by no source"));
  REQUIRE(found(findings, "docs/INVARIANTS.md", 2, "INV-2 is cited by no test"));
}

}  // namespace
}  // namespace eph::hygiene
