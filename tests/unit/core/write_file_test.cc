#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "core/line_source.h"

namespace fs = std::filesystem;

namespace {

// An empty folder of the test's own.
std::string folder_of(const std::string& name) {
  const std::string path = std::string(EPH_TEST_OUT) + "/write_" + name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::size_t entries_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a written file reads back and leaves no temporary file") {
  const std::string folder = folder_of("plain");
  const std::string path = folder + "/out.txt";
  const std::string content(1000000, 'x');
  REQUIRE(eph::write_file(path, content));
  CHECK(eph::read_file(path).value() == content);
  REQUIRE(eph::write_file(path, ""));
  CHECK(eph::read_file(path).value().empty());
  CHECK(entries_in(folder) == 1);
}

TEST_CASE("replacing a file keeps its mode and a link stays a link") {
  const std::string folder = folder_of("mode");
  const std::string path = folder + "/out.txt";
  REQUIRE(eph::write_file(path, "old"));
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  const std::string link = folder + "/link.txt";
  fs::create_symlink("out.txt", link);
  REQUIRE(eph::write_file(link, "new"));
  CHECK(fs::is_symlink(link));
  CHECK(eph::read_file(path).value() == "new");
  CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms{0600});
  CHECK(entries_in(folder) == 2);
}

TEST_CASE("a missing folder and a folder as target are I/O errors") {
  const std::string folder = folder_of("missing");
  const std::string path = folder + "/no/out.txt";
  const auto missing = eph::write_file(path, "x");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == eph::ErrorKind::io);
  CHECK(missing.error().text() ==
        path + ": cannot write: No such file or directory; create the folder first");
  const auto directory = eph::write_file(folder, "x");
  REQUIRE_FALSE(directory);
  CHECK(directory.error().text() == folder + ": is a directory; name a file");
  CHECK(entries_in(folder) == 0);
}

TEST_CASE("a folder without write permission is an I/O error and loses nothing") {
  const std::string folder = folder_of("locked");
  const std::string path = folder + "/out.txt";
  REQUIRE(eph::write_file(path, "old"));
  fs::permissions(folder, fs::perms{0500});
  if (::access(folder.c_str(), W_OK) == 0) {
    fs::permissions(folder, fs::perms{0700});
    WARN("skipped: this user may write everywhere");
    return;
  }
  const auto denied = eph::write_file(path, "new");
  fs::permissions(folder, fs::perms{0700});
  REQUIRE_FALSE(denied);
  CHECK(denied.error().text() == path + ": cannot write: Permission denied; check the permissions");
  CHECK(eph::read_file(path).value() == "old");
}

TEST_CASE("a full device is an I/O error and other devices take what is written") {
  const auto full = eph::write_file("/dev/full", "x");
  REQUIRE_FALSE(full);
  CHECK(full.error().text() ==
        "/dev/full: cannot write: No space left on device; check the free space");
  CHECK(eph::write_file("/dev/null", "x"));
}
