// Every fault of a trace file: place, fact with the value, remedy.
#include "tests/unit/workload/support.h"

namespace eph::workload {
namespace {

constexpr std::string_view kAzureHead = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
constexpr std::string_view kPlainHead = "arrival_s,prompt_tokens,output_tokens\n";

std::string azure_error(const std::string& rows) {
  return read_text("a.csv", std::string(kAzureHead) + rows).error;
}
std::string plain_error(const std::string& rows) {
  return read_text("p.csv", std::string(kPlainHead) + rows).error;
}
std::string mooncake_error(const std::string& rows) { return read_text("m.jsonl", rows).error; }

}  // namespace

TEST_CASE("a bad token count names line, column, value and remedy") {
  CHECK(azure_error("2023-11-16 18:00:00.0,374,44\n2023-11-16 18:00:01.0,-5,44\n") ==
        "a.csv:3: ContextTokens is -5, must be at least 1; fix or delete the row");
  CHECK(azure_error("2023-11-16 18:00:00.0,374,0\n") ==
        "a.csv:2: GeneratedTokens is 0, must be at least 1; fix or delete the row");
  CHECK(azure_error("2023-11-16 18:00:00.0,12x,44\n") ==
        "a.csv:2: ContextTokens \"12x\" is not a whole number; give a token count of at least 1");
  CHECK(azure_error("2023-11-16 18:00:00.0,4000000000,44\n") ==
        "a.csv:2: ContextTokens is 4000000000, above the limit of 1000000000 tokens; "
        "fix or delete the row");
  CHECK(plain_error("0,1.5,3\n") ==
        "p.csv:2: prompt_tokens \"1.5\" is not a whole number; give a token count of at least 1");
  CHECK(plain_error("0,,3\n") ==
        "p.csv:2: prompt_tokens \"\" is not a whole number; give a token count of at least 1");
}

TEST_CASE("times must be readable and in order") {
  CHECK(azure_error("2023-11-16 18:00:02.5,3,4\n2023-11-16 18:00:01.0,3,4\n") ==
        "a.csv:3: TIMESTAMP 2023-11-16 18:00:01.0 is 1.5 s earlier than the row before; "
        "sort the rows by time");
  CHECK(azure_error("16.11.2023 18:00,3,4\n") ==
        "a.csv:2: TIMESTAMP \"16.11.2023 18:00\" is not a date and time; "
        "write YYYY-MM-DD HH:MM:SS with optional fraction and zone (+00:00)");
  CHECK(plain_error("-1,3,4\n") ==
        "p.csv:2: arrival_s \"-1\" is not a time; "
        "give seconds of at least 0 from the start of the run");
  CHECK(plain_error("2,3,4\n1.75,3,4\n") ==
        "p.csv:3: arrival_s 1.75 is 0.25 s earlier than the row before; sort the rows by time");
}

TEST_CASE("rows before a fault are delivered first") {
  const Pulled all = read_text("p.csv", std::string(kPlainHead) + "0,1,1\n1,1,1\n2,1\n3,1,1\n");
  CHECK(all.arrivals.size() == 2);
  CHECK(all.error ==
        "p.csv:4: row \"2,1\" does not have the 3 fields of the header; fix or delete the row");
}

TEST_CASE("the header decides the format and must be complete") {
  CHECK(read_text("h.csv", "time,in,out\n1,2,3\n").error ==
        "h.csv:1: unknown trace header \"time,in,out\"; supported: Azure LLM "
        "(TIMESTAMP,ContextTokens,GeneratedTokens), BurstGPT (Timestamp,...,Request tokens,"
        "Response tokens,...), Mooncake JSONL ({\"timestamp\": ...}), own CSV "
        "(arrival_s,prompt_tokens,output_tokens[,...])");
  CHECK(read_text("h.csv", "TIMESTAMP,ContextTokens\n1,2\n").error ==
        "h.csv:1: Azure LLM trace without column \"GeneratedTokens\"; "
        "columns found: TIMESTAMP, ContextTokens");
  CHECK(read_text("h.csv", "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n").error ==
        "h.csv:1: unknown column \"NumImages\" (Azure LLM trace); "
        "one of: TIMESTAMP, ContextTokens, GeneratedTokens");
  CHECK(read_text("h.csv", "arrival_s,prompt_tokens,output_tokens,sesion\n").error ==
        "h.csv:1: unknown column \"sesion\" (plain trace); did you mean \"session\"?");
  CHECK(read_text("h.csv", "arrival_s,prompt_tokens,output_tokens,arrival_s\n").error ==
        "h.csv:1: column \"arrival_s\" stands twice; keep one of them");
  CHECK(read_text("h.csv", std::string(kPlainHead)).error ==
        "h.csv:1: the trace has no rows; give at least one request below the header");
  CHECK(read_text("h.csv", "\n\n").error ==
        "h.csv: the trace is empty; give a file with a header and rows");
}

TEST_CASE("optional columns of the own CSV are checked") {
  const auto error = [](const std::string& row) {
    return read_text("o.csv",
                     "arrival_s,prompt_tokens,output_tokens,max_output_tokens,prefix_group,"
                     "prefix_tokens\n" +
                         row + "\n")
        .error;
  };
  CHECK(error("0,100,5,5,g,101") ==
        "o.csv:2: prefix_tokens 101 is above prompt_tokens 100; the shared prefix is a part of the "
        "prompt: give at most prompt_tokens");
  CHECK(error("0,100,5,4,g,10") ==
        "o.csv:2: max_output_tokens 4 is below output_tokens 5; "
        "give at least output_tokens, or leave it empty");
  CHECK(error("0,100,5,5,,10") ==
        "o.csv:2: prefix_tokens 10 without a prefix_group; "
        "name the group that shares the prefix, or leave prefix_tokens empty");
  CHECK(error("0,100,5,5,g,") ==
        "o.csv:2: prefix_group \"g\" without prefix_tokens; "
        "give the number of leading prompt tokens that the group shares (0: none)");
  CHECK(error("0,100,5,5,g,-1") ==
        "o.csv:2: prefix_tokens is -1, must be at least 0; fix or delete the row");
  CHECK(error("0,100,5,5,\"g,1") ==
        "o.csv:2: row \"0,100,5,5,\"g,1\" does not have the 6 fields of the header; "
        "fix or delete the row");
}

TEST_CASE("a Mooncake line must be one whole object with known keys") {
  CHECK(mooncake_error("{\"timestamp\": 0, \"input_length\": 5, \"hash_ids\": [1]}\n") ==
        "m.jsonl:1: row without \"output_length\"; "
        "a row has timestamp, input_length, output_length, hash_ids");
  CHECK(mooncake_error(
            "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 2, \"hash_ids\": [1") ==
        "m.jsonl:1: column 71: expected \",\" or \"]\", found \"\"; "
        "each line must be one JSON object; the file may be cut off");
  CHECK(mooncake_error("{\"chat_id\": 1, \"timestamp\": 0.5}\n") ==
        "m.jsonl:1: unknown key \"chat_id\" of a Mooncake trace; "
        "a row has timestamp, input_length, output_length, hash_ids");
  CHECK(mooncake_error("{\"timestamp\": 0, \"timestamp\": 5}\n") ==
        "m.jsonl:1: key \"timestamp\" stands twice; keep one of them");
  CHECK(
      mooncake_error(
          "{\"timestamp\": 0, \"input_length\": 513, \"output_length\": 2, \"hash_ids\": [1]}\n") ==
      "m.jsonl:1: 1 hash_ids for 513 prompt tokens, expected 2 blocks of 512 tokens; "
      "give one hash a block, the last one for the rest; or set the block size");
  CHECK(
      mooncake_error(
          "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 2, \"hash_ids\": [-1]}\n") ==
      "m.jsonl:1: column 70: expected a hash id, a whole number of at least 0, found \"-1]}\"; "
      "each line must be one JSON object; the file may be cut off");
  CHECK(mooncake_error("{\"timestamp\": \"0\", \"input_length\": 5, \"output_length\": 2}\n") ==
        "m.jsonl:1: timestamp \"\"0\"\" is not a time; give milliseconds of at least 0");
  CHECK(mooncake_error("{\"timestamp\": 3, \"input_length\": 5, \"output_length\": 2}\n"
                       "{\"timestamp\": 2, \"input_length\": 5, \"output_length\": 2}\n") ==
        "m.jsonl:2: timestamp 2 is 0.001 s earlier than the row before; sort the rows by time");
}

TEST_CASE("damaged files are input errors with the line") {
  std::string rows(kPlainHead);
  for (int i = 0; i < 20000; ++i)
    rows += std::to_string(i) + "," + std::to_string(1 + i * 7919 % 9973) + ",3\n";
  const std::string packed = gzip(rows);
  const auto path = test_file("cut.csv.gz", std::string_view(packed).substr(0, packed.size() / 2));
  auto source = open_trace(path);
  REQUIRE(source);
  const Pulled all = pull_all(**source, 512);
  CHECK(all.arrivals.size() > 1000);
  CHECK(without_folder(all.error) ==
        "cut.csv.gz:" + std::to_string(all.arrivals.size() + 2) +
            ": the gzip stream ends early; the file is truncated: fetch it again");

  const Pulled missing = read_trace("/nowhere/t.csv");
  CHECK(missing.error == "/nowhere/t.csv: cannot open: No such file or directory; check the path");

  TraceOptions options;
  options.max_line_bytes = 100;
  const Pulled wide = read_text(
      "wide.csv", std::string(kPlainHead) + "0,1,1\n" + std::string(200, '1') + "\n", options);
  CHECK(wide.arrivals.size() == 1);
  CHECK(wide.error.substr(0, 11) == "wide.csv:3:");
}

TEST_CASE("spreading times is for Mooncake traces and needs a step") {
  const TraceOptions step{.dequantise = Duration::from_seconds(3)};
  CHECK(read_text("p.csv", std::string(kPlainHead) + "0,1,1\n", step).error ==
        "times of p.csv are not quantised (plain trace); spread times only of Mooncake "
        "traces");
  CHECK(read_text("m.jsonl", "{\"timestamp\": 3, \"input_length\": 5, \"output_length\": 2}\n",
                  {.dequantise = Duration::zero()})
            .error ==
        "time step is 0 s, must be above 0; Mooncake's conversation trace has steps of 3 s");
}

}  // namespace eph::workload
