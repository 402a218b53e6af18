#include "core/line_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "core/rng.h"

using eph::LineSource;
using Lines = std::vector<std::string>;

namespace {

std::string path_of(const std::string& name) { return fmt::format("{}/{}", EPH_TEST_OUT, name); }

std::string file_of(const std::string& name, std::string_view content) {
  const std::string path = path_of(name);
  REQUIRE(eph::write_file(path, content));
  return path;
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string input(text);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// The lines up to the end or the first error, whose text is stored.
Lines lines_of(const std::string& path, std::string& fault,
               std::size_t max_line = LineSource::kMaxLineBytes) {
  auto source = LineSource::open(path, max_line);
  REQUIRE(source);
  Lines lines;
  fault.clear();
  for (std::string_view line;;) {
    const auto more = source->next(line);
    if (!more) {
      CHECK(more.error().kind == eph::ErrorKind::io);
      fault = more.error().text();
      const auto again = source->next(line);
      REQUIRE_FALSE(again);
      CHECK(again.error().text() == fault);
      return lines;
    }
    if (!*more) {
      CHECK_FALSE(*source->next(line));
      CHECK(source->bytes_read() == source->bytes_total());
      return lines;
    }
    lines.emplace_back(line);
    REQUIRE(source->line_number() == static_cast<std::int64_t>(lines.size()));
  }
}

Lines lines_of(const std::string& path) {
  std::string fault;
  Lines lines = lines_of(path, fault);
  CHECK(fault.empty());
  return lines;
}

// About 1.2 MB in lines of 0 to 79 letters: several blocks of 256 KiB, borders at odd places.
Lines many_lines() {
  eph::Stream stream({.seed = 21});
  Lines lines(30000);
  for (std::string& line : lines) {
    const auto length = static_cast<std::size_t>(stream.below(80));
    const std::uint64_t word = stream.next();
    for (std::size_t i = 0; i < length; ++i) {
      line += static_cast<char>('a' + ((word >> (i % 60)) & 15U));
    }
  }
  return lines;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("lines end at LF, CR LF or the end of the file") {
  CHECK(lines_of(file_of("ends.txt", "a\nbb\r\n\n\r\nlast")) == Lines{"a", "bb", "", "", "last"});
  CHECK(lines_of(file_of("ends.txt", "a\n")) == Lines{"a"});
  CHECK(lines_of(file_of("ends.txt", "a\rb\r\r\n")) == Lines{"a\rb\r"});
  CHECK(lines_of(file_of("ends.txt", "\n")) == Lines{""});
  CHECK(lines_of(file_of("ends.txt", "x")) == Lines{"x"});
  CHECK(lines_of(file_of("ends.txt", "")) == Lines{});
}

TEST_CASE("lines that cross read blocks come out whole") {
  const Lines lines = many_lines();
  CHECK(lines_of(file_of("blocks.txt", joined(lines))) == lines);
}

TEST_CASE("a line longer than the read block comes out whole") {
  const Lines lines{"short", std::string(3000000, 'x'), "end"};
  CHECK(lines_of(file_of("long.txt", joined(lines))) == lines);
  CHECK(lines_of(file_of("long.txt.gz", gzip(joined(lines)))) == lines);
}

TEST_CASE("gzip is told by its first bytes and not by its name") {
  const Lines lines = many_lines();
  CHECK(lines_of(file_of("packed.txt", gzip(joined(lines)))) == lines);
  CHECK(lines_of(file_of("plain.gz", "not packed\n")) == Lines{"not packed"});
  CHECK(lines_of(file_of("one.gz", "\x1f")) == Lines{"\x1f"});
}

TEST_CASE("gzip members in a row read as one text, padding included") {
  const std::string members = gzip("a\nb") + gzip("") + gzip("c\nd\n");
  CHECK(lines_of(file_of("members.gz", members)) == Lines{"a", "bc", "d"});
  CHECK(lines_of(file_of("members.gz", members + std::string(512, '\0'))) == Lines{"a", "bc", "d"});
  CHECK(lines_of(file_of("members.gz", gzip(""))).empty());
}

TEST_CASE("a truncated gzip file gives its lines and then one error with the line") {
  const std::string packed = gzip(joined(many_lines()));
  const std::string path = file_of("cut.gz", packed.substr(0, packed.size() / 2));
  std::string fault;
  const Lines lines = lines_of(path, fault);
  CHECK(lines.size() > 1000);
  const Lines all = many_lines();
  CHECK(std::equal(lines.begin(), lines.end(), all.begin()));
  CHECK(fault == path + ":" + std::to_string(lines.size() + 1) +
                     ": the gzip stream ends early; the file is truncated: fetch it again");
}

TEST_CASE("a gzip file cut anywhere is an error") {
  const std::string packed = gzip("a\nb\nc\n");
  for (std::size_t size = 2; size < packed.size(); ++size) {
    CAPTURE(size);
    std::string fault;
    (void)lines_of(file_of("cuts.gz", packed.substr(0, size)), fault);
    CHECK(fault.find("the gzip stream ends early") != std::string::npos);
  }
}

TEST_CASE("a wrong checksum is an error after the lines it covers") {
  std::string packed = gzip("a\nb\nc\n");
  packed[packed.size() - 8] =
      static_cast<char>(packed[packed.size() - 8] ^ 1);  // CRC-32 comes first
  const std::string path = file_of("crc.gz", packed);
  std::string fault;
  CHECK(lines_of(path, fault) == Lines{"a", "b", "c"});
  CHECK(fault ==
        path + ":4: the gzip stream is damaged: incorrect data check; fetch the file again");
  CHECK(eph::read_file(path).error().text() ==
        path + ": the gzip stream is damaged: incorrect data check; fetch the file again");
}

TEST_CASE("damaged gzip headers and garbage after a member are errors") {
  std::string fault;
  CHECK(lines_of(file_of("bad.gz", "\x1f\x8b garbage"), fault).empty());
  CHECK(fault.find(":1: the gzip stream is damaged: ") != std::string::npos);
  CHECK(lines_of(file_of("bad.gz", gzip("a\n") + "garbage"), fault) == Lines{"a"});
  CHECK(fault.find(":2: the gzip stream is damaged: incorrect header check") != std::string::npos);
}

TEST_CASE("a line above the limit is an error with its number and the lines before it are read") {
  const std::string path = file_of("limit.txt", "12345\n123456\nx\n");
  std::string fault;
  CHECK(lines_of(path, fault, 5) == Lines{"12345"});
  CHECK(fault ==
        path + ":2: the line is longer than 5 bytes; this is not a file of records, one a line");
  CHECK(lines_of(path, fault, 6) == Lines{"12345", "123456", "x"});
  CHECK(lines_of(file_of("limit.txt", "123456"), fault, 5).empty());
  CHECK(fault.find(":1: the line is longer than 5 bytes") != std::string::npos);
  CHECK(lines_of(file_of("limit.gz", gzip("1\n123456")), fault, 5) == Lines{"1"});
  CHECK(fault.find(":2: the line is longer than 5 bytes") != std::string::npos);
}

TEST_CASE("a file of one line of 2 GB fails early and is not read into memory") {
  const std::string path = path_of("huge.txt");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  REQUIRE(fd >= 0);
  REQUIRE(::ftruncate(fd, 2'000'000'000) == 0);  // a hole: takes no room on the disk
  ::close(fd);
  auto source = LineSource::open(path);
  REQUIRE(source);
  std::string_view line;
  const auto more = source->next(line);
  REQUIRE_FALSE(more);
  CHECK(
      more.error().text() ==
      path +
          ":1: the line is longer than 67108864 bytes; this is not a file of records, one a line");
  CHECK(source->bytes_total() == 2'000'000'000);
  CHECK(source->bytes_read() <= 2 * LineSource::kMaxLineBytes);
  const auto whole = eph::read_file(path);
  REQUIRE_FALSE(whole);
  CHECK(whole.error().text() == path + ": is larger than 1073741824 bytes; use a smaller file");
  std::filesystem::remove(path);
}

TEST_CASE("missing files and directories are I/O errors") {
  const auto missing = LineSource::open("no/such/file.txt");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == eph::ErrorKind::io);
  CHECK(missing.error().text() ==
        "no/such/file.txt: cannot open: No such file or directory; check the path");
  const auto directory = LineSource::open(EPH_TEST_OUT);
  REQUIRE_FALSE(directory);
  CHECK(directory.error().text() == std::string(EPH_TEST_OUT) + ": is a directory; name a file");
  CHECK_FALSE(eph::read_file(EPH_TEST_OUT));
}

TEST_CASE("whole files are read, gzip unpacked, up to a limit") {
  const std::string text = joined(many_lines());
  CHECK(eph::read_file(file_of("whole.txt", text)).value() == text);
  CHECK(eph::read_file(file_of("whole.gz", gzip(text))).value() == text);
  CHECK(eph::read_file(file_of("whole.txt", "")).value().empty());
  const std::string path = file_of("whole.txt", "12345");
  CHECK(eph::read_file(path, 5).value() == "12345");
  CHECK(eph::read_file(path, 4).error().text() ==
        path + ": is larger than 4 bytes; use a smaller file");
  CHECK_FALSE(eph::read_file(file_of("whole.gz", gzip(text)), 1000));
}

TEST_CASE("a file of unknown size is read to its end") {
  // /proc files tell a size of 0.
  const auto text = eph::read_file("/proc/self/cmdline");
  REQUIRE(text);
  CHECK(text->find("test_core") != std::string::npos);
}

TEST_CASE("lines ahead are those that would come next, and skipping them counts them") {
  const std::string path = file_of("ahead.txt", "one\ntwo\r\nthree\nfour");
  auto source = LineSource::open(path);
  REQUIRE(source);
  CHECK(source->ahead().empty());  // nothing has been read
  std::string_view line;
  REQUIRE(*source->next(line));
  CHECK(source->ahead() == "two\r\nthree\n");  // whole lines only
  source->skip(5, 1);
  CHECK(source->line_number() == 2);
  REQUIRE(*source->next(line));
  CHECK(line == "three");
  CHECK(source->line_number() == 3);
  CHECK(source->ahead().empty());
  REQUIRE(*source->next(line));
  CHECK(line == "four");
  CHECK_FALSE(*source->next(line));
}

TEST_CASE("no line ahead is given out where one could be longer than is allowed") {
  const std::string path = file_of("ahead_limit.txt", "one\ntwo\n");
  auto source = LineSource::open(path, 100);
  REQUIRE(source);
  std::string_view line;
  REQUIRE(*source->next(line));
  CHECK(source->ahead().empty());
}

TEST_CASE("reading by lines and by what is ahead gives the same text over block borders") {
  std::string text;
  for (const std::string& line : many_lines()) text += line + "\n";
  auto source = LineSource::open(file_of("ahead_blocks.txt", text));
  REQUIRE(source);
  std::string got;
  for (std::string_view line;;) {
    if (const std::string_view ahead = source->ahead(); !ahead.empty()) {
      got += ahead;
      source->skip(ahead.size(),
                   static_cast<std::size_t>(std::count(ahead.begin(), ahead.end(), '\n')));
    }
    const auto more = source->next(line);
    REQUIRE(more);
    if (!*more) break;
    got += std::string(line) + "\n";
  }
  CHECK(got == text);
  CHECK(source->line_number() == 30000);
}
