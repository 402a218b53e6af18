#include "core/line_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/assert.h"
#include "core/byte_source.h"

namespace eph {

struct LineSource::Impl {
  Impl(std::unique_ptr<ByteSource> source, std::size_t max_line)
      : bytes(std::move(source)),
        max_line_bytes(max_line),
        capacity(ByteSource::kBlock),
        buffer(std::make_unique<char[]>(ByteSource::kBlock + kBeyond)) {}

  // Makes room behind `end` and reads. The unfinished line moves to the front.
  void fill() {
    std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    end -= begin;
    begin = 0;
    if (capacity - end < ByteSource::kBlock / 2) {
      auto larger = std::make_unique<char[]>(capacity * 2 + kBeyond);
      std::memcpy(larger.get(), buffer.get(), end);
      buffer = std::move(larger);
      capacity *= 2;
    }
    const auto n = bytes->read(buffer.get() + end, capacity - end);
    if (!n) {
      failure = n.error();
    } else {
      at_end = *n == 0;
      end += *n;
    }
    const auto* last = static_cast<const char*>(memrchr(buffer.get(), '\n', end));
    lines_end = last == nullptr ? 0 : static_cast<std::size_t>(last - buffer.get()) + 1;
  }

  Error fail(Error error) {
    error.place.line = line + 1;
    failure = error;
    begin = end;
    return error;
  }

  std::unique_ptr<ByteSource> bytes;
  std::size_t max_line_bytes;
  std::size_t capacity;
  std::unique_ptr<char[]> buffer;
  std::size_t begin = 0;  // unread bytes are begin..end of the buffer
  std::size_t end = 0;
  std::size_t lines_end = 0;  // behind the last LF; below `begin` when no whole line is left
  std::int64_t line = 0;
  bool at_end = false;
  std::optional<Error> failure;  // told once the lines before it are given out
};

LineSource::LineSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineSource::LineSource(LineSource&&) noexcept = default;
LineSource& LineSource::operator=(LineSource&&) noexcept = default;
LineSource::~LineSource() = default;

Result<LineSource> LineSource::open(const std::string& path, std::size_t max_line_bytes) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  return LineSource(std::make_unique<Impl>(std::move(*source), max_line_bytes));
}

Result<bool> LineSource::next(std::string_view& line) {
  Impl& in = *impl_;
  std::size_t searched = 0;  // bytes of the unfinished line that hold no LF
  for (;;) {
    const char* begin = in.buffer.get() + in.begin;
    const std::size_t left = in.end - in.begin;
    const auto* newline =
        static_cast<const char*>(std::memchr(begin + searched, '\n', left - searched));
    const bool last = newline == nullptr && in.at_end;
    if (last && left == 0) {
      if (in.failure) return *in.failure;
      return false;
    }
    std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - begin) : left;
    if (length > in.max_line_bytes) {
      return in.fail(io_error(in.bytes->path(),
                              fmt::format("the line is longer than {} bytes", in.max_line_bytes),
                              "this is not a file of records, one a line"));
    }
    if (newline != nullptr || last) {
      in.begin += length + (newline != nullptr ? 1 : 0);
      ++in.line;
      if (length > 0 && begin[length - 1] == '\r') --length;
      line = std::string_view(begin, length);
      return true;
    }
    if (in.failure) return in.fail(*in.failure);
    searched = left;
    in.fill();
  }
}

std::string_view LineSource::ahead() const {
  const Impl& in = *impl_;
  // A line in memory may be longer than is allowed: next() says so.
  if (in.lines_end <= in.begin || in.capacity > in.max_line_bytes) return {};
  return {in.buffer.get() + in.begin, in.lines_end - in.begin};
}

void LineSource::skip(std::size_t bytes, std::size_t lines) {
  Impl& in = *impl_;
  EPH_ASSERT(bytes <= ahead().size(), "{} bytes skipped of {}", bytes, ahead().size());
  in.begin += bytes;
  in.line += static_cast<std::int64_t>(lines);
}

std::int64_t LineSource::line_number() const { return impl_->line; }
const std::string& LineSource::path() const { return impl_->bytes->path(); }
std::uint64_t LineSource::bytes_read() const { return impl_->bytes->consumed(); }
std::uint64_t LineSource::bytes_total() const { return impl_->bytes->total(); }

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const auto too_large = [&] {
    return io_error(path, fmt::format("is larger than {} bytes", max_bytes), "use a smaller file");
  };
  auto opened = ByteSource::open(path);
  if (!opened) return opened.error();
  ByteSource& source = **opened;
  if (!source.is_gzip() && source.total() > max_bytes) return too_large();
  std::string text;
  std::size_t size = 0;
  // One byte more than the file: the read that finds the end needs no larger buffer.
  text.resize(source.is_gzip() ? ByteSource::kBlock : static_cast<std::size_t>(source.total()) + 1);
  for (;;) {
    if (size == text.size()) text.resize(size * 2);
    const auto n = source.read(text.data() + size, text.size() - size);
    if (!n) return n.error();
    if (*n == 0) break;
    size += *n;
    if (size > max_bytes) return too_large();
  }
  text.resize(size);
  return text;
}

}  // namespace eph
