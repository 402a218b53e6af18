#pragma once
// Runs a program and collects what it wrote: end-to-end tests.
#include <string>
#include <vector>

namespace eph::test {

struct Finished {
  int code = -1;  // exit code; 128 + signal when a signal ended it
  std::string out, err;
  long peak_kib = 0;   // largest resident memory
  double seconds = 0;  // wall clock
};

// stdin is empty; `environment` ("NAME=value") is added to this process's own.
[[nodiscard]] Finished run_program(const std::string& program,
                                   const std::vector<std::string>& words,
                                   const std::vector<std::string>& environment = {});

// Whole file, "" when it cannot be read.
[[nodiscard]] std::string slurp(const std::string& path);
void spill(const std::string& path, std::string_view content);

}  // namespace eph::test
