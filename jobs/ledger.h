#pragma once
// Results on disk, so that nothing is simulated twice. The only place that knows SQLite.
//
// One SQLite file with two tables: program(id, name) and result(program, key, about, value).
// Rows belong to the program that made them; those of another build are kept and not used. Any
// number of processes of one machine may use a ledger at once. A row is on disk when put() returns:
// it survives a killed process (not a power cut, which may take the last rows).
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "jobs/memo.h"

namespace eph::jobs {

class Ledger final : public Memo {
 public:
  // Creates the file when there is none. `program` names the build. Errors of kind io: cannot be
  // opened or written, no SQLite database, a database of something else, damaged.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(const std::string& path,
                                                            const std::string& program);
  ~Ledger() override;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Result<std::optional<std::string>> find(const std::string& key) override;
  // Keeps the value that is there: a key has one.
  [[nodiscard]] Result<void> put(const Record& record) override;
  // Those whose key starts with `prefix`, in byte order; `about` is left out.
  [[nodiscard]] Result<std::vector<Record>> with_prefix(const std::string& prefix);
  [[nodiscard]] Result<std::int64_t> count_own();
  [[nodiscard]] Result<std::int64_t> count_of_other_programs();

 private:
  struct Database;
  Ledger(std::string path, std::unique_ptr<Database> database);
  [[nodiscard]] Result<void> prepare(const std::string& program);
  [[nodiscard]] Result<std::int64_t> count(const char* sql);

  std::string path_;
  std::mutex mutex_;
  std::unique_ptr<Database> database_;
  std::int64_t program_ = 0;
};

}  // namespace eph::jobs
