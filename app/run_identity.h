#pragma once
// What determines a simulation's result, as text: keys of the ledger are made of it.
#include <map>
#include <set>
#include <string>

#include "app/arguments.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::app {

// Version, commit and build, and the digest of the program file: sources that were changed after
// the commit, or another compiler, make another program.
[[nodiscard]] Result<std::string> program_identity();

// Two simulations have the same text when they were asked for by the same flags, the same scenario
// file and the same contents of every file they name, on the same data folder. What differs in
// spelling alone ("20" and "20.0") counts as different: that costs a simulation, never a wrong
// answer.
class RunIdentity {
 public:
  // Reads the data folder and the scenario file, if one is given.
  [[nodiscard]] static Result<RunIdentity> of(const models::Catalog& catalog,
                                              const Arguments& arguments);
  // `without`: flags that do not matter to the result, or that the caller adds in its own way.
  [[nodiscard]] Result<std::string> text(const Arguments& arguments,
                                         const std::set<std::string, std::less<>>& without);

 private:
  // "file PATH=DIGEST" when the value is the path of a file, or of a folder of a model.
  [[nodiscard]] Result<std::string> file_line(const std::string& value);

  std::string common_;
  std::map<std::string, std::string> files_;  // lines by value; empty: no file
};

}  // namespace eph::app
