#pragma once
// Runs the program under test on the project's own data.
#include <string>
#include <vector>

#include "tests/support/program.h"

namespace eph::test {

inline Finished ephemeris(const std::vector<std::string>& words) {
  return run_program(EPH_PROGRAM, words, {"EPHEMERIS_DATA=" EPH_SOURCE_DIR "/data"});
}

inline std::string out_path(const std::string& name) {
  return std::string(EPH_TEST_OUT) + "/" + name;
}

inline std::string spill_out(const std::string& name, std::string_view text) {
  spill(out_path(name), text);
  return out_path(name);
}

// A linear profile, so that expected times can be computed by hand: a step takes 10 ms, and 0.1 ms
// more for each prompt token.
inline std::string linear_profile() {
  return spill_out("linear.json",
                   R"({"version": 1, "form": "linear", "t0_ms": 10, "us_per_prefill_token": 100,
                       "us_per_decode_sequence": 0, "ns_per_kv_token": 0})");
}

// A small deployment on that profile.
inline std::vector<std::string> on_linear(std::vector<std::string> more) {
  std::vector<std::string> words{"simulate",  "--model",         "meta-llama/Llama-3.1-8B-Instruct",
                                 "--profile", linear_profile(),  "--kv-blocks",
                                 "2000",      "--max-model-len", "8192"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace eph::test
