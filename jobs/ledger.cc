#include "jobs/ledger.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

namespace eph::jobs {
namespace {

constexpr int kApplication = 0x45504831;  // "EPH1", in the header of our files
constexpr int kFormat = 1;
constexpr int kBusyMs = 60'000;  // how long another process may hold the file

constexpr const char* kTables =
    "CREATE TABLE program(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE result(program INTEGER NOT NULL REFERENCES program(id), key TEXT NOT NULL,"
    " about TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(program, key)) WITHOUT ROWID;";

Error error_of(const std::string& path, int code, const char* message) {
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      return io_error(path, "is no ledger: it is not a SQLite database", "give another file");
    case SQLITE_CORRUPT:
      return io_error(path, "is damaged",
                      "remove it or give another file; its results are simulated again");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return io_error(path, fmt::format("cannot be opened for writing: {}", message));
    case SQLITE_FULL:
      return io_error(path, "cannot be written: the disk is full",
                      "what was finished before is kept; make room and start again");
    case SQLITE_BUSY:
      return io_error(path,
                      fmt::format("is held by another process for more than {} s", kBusyMs / 1000));
    default:
      return io_error(path, fmt::format("the ledger fails: {}", message));
  }
}

// A prepared statement; bound texts must outlive it.
class Query {
 public:
  Query(sqlite3* db, const char* sql) {
    code_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr);
  }
  ~Query() { sqlite3_finalize(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  Query& bind(std::int64_t value) {
    if (code_ == SQLITE_OK) code_ = sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Query& bind(const std::string& text) {
    // A null destructor is SQLITE_STATIC: the text is not copied.
    if (code_ == SQLITE_OK)
      code_ = sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()),
                                nullptr);
    return *this;
  }
  // Whether there is a row; check code() after a false.
  bool step() {
    if (code_ != SQLITE_OK && code_ != SQLITE_ROW) return false;
    code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
  }
  [[nodiscard]] int code() const {
    return code_ == SQLITE_DONE || code_ == SQLITE_ROW ? SQLITE_OK : code_;
  }
  [[nodiscard]] std::int64_t integer(int column) const {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::string text(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes == nullptr ? std::string() : std::string(bytes, size);
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK, bound_ = 0;
};

}  // namespace

struct Ledger::Database {
  sqlite3* handle = nullptr;
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle); }

  [[nodiscard]] Error error(const std::string& path, int code) const {
    return error_of(path, code, sqlite3_errmsg(handle));
  }
  int run(const char* sql) { return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr); }
  int read(const char* sql, std::int64_t& value) {
    Query query(handle, sql);
    value = query.step() ? query.integer(0) : 0;
    return query.code();
  }
  // Writers and readers side by side. Changing the mode fails at once where another process is
  // about to do the same, whatever the timeout.
  int use_write_ahead_log() {
    int code = SQLITE_BUSY;
    for (int tries = 0; tries < 200 && (code & 0xff) == SQLITE_BUSY; ++tries) {
      if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(25));
      code = run("PRAGMA journal_mode=WAL");
    }
    return code;
  }
};

Ledger::Ledger(std::string path, std::unique_ptr<Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}
Ledger::~Ledger() = default;

Result<std::unique_ptr<Ledger>> Ledger::open(const std::string& path, const std::string& program) {
  auto database = std::make_unique<Database>();
  const int code =
      sqlite3_open_v2(path.c_str(), &database->handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  if (code != SQLITE_OK) return database->error(path, code);
  std::unique_ptr<Ledger> out(new Ledger(path, std::move(database)));
  if (auto ready = out->prepare(program); !ready) return ready.error();
  return out;
}

Result<void> Ledger::prepare(const std::string& program) {
  Database& db = *database_;
  sqlite3_busy_timeout(db.handle, kBusyMs);
  std::int64_t application = 0, format = 0, tables = 0;
  const auto look = [&] {
    int code = db.read("PRAGMA application_id", application);
    if (code == SQLITE_OK) code = db.read("PRAGMA user_version", format);
    if (code == SQLITE_OK) code = db.read("SELECT count(*) FROM sqlite_master", tables);
    return code;
  };
  if (const int code = look(); code != SQLITE_OK) return db.error(path_, code);
  if (application != kApplication) {  // new, or being made by another process, or none of ours
    int code = db.run("BEGIN IMMEDIATE");
    if (code == SQLITE_OK) code = look();
    if (code == SQLITE_OK && application == 0 && tables == 0) {
      code = db.run(kTables);
      const std::string marks =
          fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplication, kFormat);
      if (code == SQLITE_OK) code = db.run(marks.c_str());
    }
    if (code == SQLITE_OK) code = db.run("COMMIT");
    if (code == SQLITE_OK) code = look();
    if (code != SQLITE_OK) return db.error(path_, code);
  }
  if (application != kApplication) {
    return io_error(path_, "is a SQLite database, but no ledger of ephemeris", "give another file");
  }
  if (format != kFormat) {
    return io_error(
        path_,
        fmt::format("is a ledger of format {}; this program knows format {}", format, kFormat),
        "give another file");
  }
  if (const int code = db.use_write_ahead_log(); code != SQLITE_OK) return db.error(path_, code);
  if (const int code = db.run("PRAGMA synchronous=NORMAL"); code != SQLITE_OK)
    return db.error(path_, code);
  Query add(db.handle, "INSERT OR IGNORE INTO program(name) VALUES(?)");
  add.bind(program).step();
  if (add.code() != SQLITE_OK) return db.error(path_, add.code());
  Query own(db.handle, "SELECT id FROM program WHERE name = ?");
  if (!own.bind(program).step()) return db.error(path_, own.code());
  program_ = own.integer(0);
  return {};
}

Result<std::optional<std::string>> Ledger::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  Query query(database_->handle, "SELECT value FROM result WHERE program = ? AND key = ?");
  if (query.bind(program_).bind(key).step()) return std::optional<std::string>(query.text(0));
  if (query.code() != SQLITE_OK) return database_->error(path_, query.code());
  return std::optional<std::string>();
}

Result<void> Ledger::put(const Record& record) {
  const std::lock_guard lock(mutex_);
  Query query(database_->handle,
              "INSERT OR IGNORE INTO result(program, key, about, value) VALUES(?, ?, ?, ?)");
  query.bind(program_).bind(record.key).bind(record.about).bind(record.value).step();
  if (query.code() != SQLITE_OK) return database_->error(path_, query.code());
  return {};
}

Result<std::vector<Record>> Ledger::with_prefix(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  const std::string beyond = prefix + '\x7f';  // keys are printable
  Query query(database_->handle,
              "SELECT key, value FROM result WHERE program = ? AND key >= ? AND key < ?");
  query.bind(program_).bind(prefix).bind(beyond);
  std::vector<Record> out;
  while (query.step()) out.push_back({query.text(0), query.text(1), {}});
  if (query.code() != SQLITE_OK) return database_->error(path_, query.code());
  return out;
}

Result<std::int64_t> Ledger::count(const char* sql) {
  const std::lock_guard lock(mutex_);
  Query query(database_->handle, sql);
  if (query.bind(program_).step()) return query.integer(0);
  return database_->error(path_, query.code());
}

Result<std::int64_t> Ledger::count_own() {
  return count("SELECT count(*) FROM result WHERE program = ?");
}
Result<std::int64_t> Ledger::count_of_other_programs() {
  return count("SELECT count(*) FROM result WHERE program <> ?");
}

}  // namespace eph::jobs
