#include "core/csv.h"

#include <catch2/catch.hpp>

namespace {

using Fields = std::vector<std::string>;

std::string table_file(const std::string& name, std::string_view content) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  REQUIRE(eph::write_file(path, content));
  return path;
}

Fields fields_of(std::string_view line) {
  Fields fields;
  REQUIRE(eph::split_csv(line, fields));
  return fields;
}

}  // namespace

TEST_CASE("a CSV line splits at commas outside quotes") {
  CHECK(fields_of("a,b,c") == Fields{"a", "b", "c"});
  CHECK(fields_of("") == Fields{""});
  CHECK(fields_of(",") == Fields{"", ""});
  CHECK(fields_of("a,,") == Fields{"a", "", ""});
  CHECK(fields_of("\"a,b\",c") == Fields{"a,b", "c"});
  CHECK(fields_of("\"say \"\"hi\"\"\",\"\"") == Fields{"say \"hi\"", ""});
}

TEST_CASE("an open quote is told apart from an empty field") {
  Fields fields;
  CHECK_FALSE(eph::split_csv("a,\"b", fields));
  CHECK_FALSE(eph::split_csv("\"a\"\"", fields));
}

TEST_CASE("a CSV field reads back as it was written") {
  const std::string text = GENERATE(as<std::string>{}, "plain", "", "a,b", "\"", "a\"b\"", " edge ",
                                    "two words", "\"\",\"\"");
  const std::string line = eph::csv_field(text) + "," + eph::csv_field("end");
  CHECK(fields_of(line) == Fields{text, "end"});
}

TEST_CASE("only fields that need it are quoted") {
  CHECK(eph::csv_field("two words") == "two words");
  CHECK(eph::csv_field("a,b") == "\"a,b\"");
  CHECK(eph::csv_field("a\"b") == "\"a\"\"b\"");
}

TEST_CASE("a table gives cells by column name with the lines they stood in") {
  const auto table = eph::CsvTable::load(
      table_file("table.csv", "\xef\xbb\xbfname, rate,tokens\r\n\r\nx,1.5,10\r\ny,,\r\n"));
  REQUIRE(table);
  CHECK(table->header() == Fields{"name", "rate", "tokens"});
  REQUIRE(table->rows() == 2);
  CHECK(table->line(0) == 3);
  CHECK(table->line(1) == 4);
  CHECK(table->column("tokens") == 2U);
  CHECK_FALSE(table->column("absent"));
  CHECK(table->text(0, "name") == "x");
  CHECK(table->text(0, "absent").empty());
  CHECK(table->row(0) == Fields{"x", "1.5", "10"});
  CHECK(table->number(0, "rate").value() == 1.5);
  CHECK(table->integer(0, "tokens").value() == 10);
  CHECK_FALSE(table->number(1, "rate").value().has_value());
  CHECK_FALSE(table->integer(1, "tokens").value().has_value());
  CHECK_FALSE(table->number(0, "absent").value().has_value());
}

TEST_CASE("a cell that is no number is named with file, line and column") {
  const std::string path = table_file("cells.csv", "rate,tokens\n1,2\nfast,2.5\n");
  const auto table = eph::CsvTable::load(path);
  REQUIRE(table);
  const auto rate = table->number(1, "rate");
  REQUIRE_FALSE(rate);
  CHECK(rate.error().text() ==
        path + ":3: rate: \"fast\" is not a number; write a plain number or leave the cell empty");
  CHECK(rate.error().kind == eph::ErrorKind::usage);
  const auto tokens = table->integer(1, "tokens");
  REQUIRE_FALSE(tokens);
  CHECK(tokens.error().text() == path +
                                     ":3: tokens: \"2.5\" is not a whole number; write a plain "
                                     "number or leave the cell empty");
}

TEST_CASE("a malformed table is refused with its line") {
  struct Case {
    const char* content;
    const char* fault;
  };
  const auto [content, fault] = GENERATE(
      Case{"a,b\n1,2\n1,2,3\n",
           ":3: 3 fields where the header has 2; quote fields that hold a comma"},
      Case{"a,b\n1,\"2\n", ":2: a quote is left open; close it; a field may not span lines"},
      Case{"", ":1: no header row; name the columns in the first line"},
      Case{"a,b,a\n", ":1: column \"a\" appears twice; rename one of them"});
  const std::string path = table_file("malformed.csv", content);
  const auto table = eph::CsvTable::load(path);
  REQUIRE_FALSE(table);
  CHECK(table.error().text() == path + fault);
  CHECK(table.error().kind == eph::ErrorKind::usage);
}

TEST_CASE("a missing table is an I/O error") {
  const auto table = eph::CsvTable::load("no/such/table.csv");
  REQUIRE_FALSE(table);
  CHECK(table.error().kind == eph::ErrorKind::io);
}
