#include "core/line_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "core/assert.h"

namespace eph {

namespace {

constexpr std::size_t kBlock = std::size_t{256} << 10;
constexpr unsigned char kGzipMagic[] = {0x1f, 0x8b};

std::string reason(int code) { return std::strerror(code); }

class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// The bytes of a plain or gzip file, unpacked.
class ByteSource {
 public:
  static Result<std::unique_ptr<ByteSource>> open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      const int code = errno;
      return io_error(path, fmt::format("cannot open: {}", reason(code)),
                      code == ENOENT ? "check the path" : "check the permissions");
    }
    auto source = std::unique_ptr<ByteSource>(new ByteSource(path, fd));
    struct stat status {};
    if (::fstat(fd, &status) != 0) return io_error(path, "cannot stat: " + reason(errno));
    if (S_ISDIR(status.st_mode)) return io_error(path, "is a directory", "name a file");
    if (S_ISREG(status.st_mode)) source->total_ = static_cast<std::uint64_t>(status.st_size);
    if (auto ready = source->detect_format(); !ready) return ready.error();
    return source;
  }

  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource() {
    if (gzip_) inflateEnd(&inflate_);
  }

  // Up to `capacity` bytes into `out`; 0 at the end.
  Result<std::size_t> read(char* out, std::size_t capacity) {
    if (gzip_) return read_gzip(out, capacity);
    if (input_left_ > 0) {
      const std::size_t n = std::min(capacity, input_left_);
      std::memcpy(out, input_at_, n);
      input_at_ += n;
      input_left_ -= n;
      return n;
    }
    return read_raw(out, capacity);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t consumed() const { return consumed_ - input_left_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  ByteSource(std::string path, int fd) : path_(std::move(path)), file_(fd) {}

  Result<void> detect_format() {
    input_ = std::make_unique_for_overwrite<char[]>(kBlock);
    input_at_ = input_.get();
    while (input_left_ < sizeof kGzipMagic) {
      const auto n = read_raw(input_.get() + input_left_, kBlock - input_left_);
      if (!n) return n.error();
      if (*n == 0) return {};
      input_left_ += *n;
    }
    if (std::memcmp(input_.get(), kGzipMagic, sizeof kGzipMagic) != 0) return {};
    constexpr int kGzipWindow = 15 + 16;  // largest window; +16: gzip header and checksum
    EPH_ASSERT(inflateInit2(&inflate_, kGzipWindow) == Z_OK, "zlib does not start");
    gzip_ = true;
    return {};
  }

  Result<std::size_t> read_raw(char* out, std::size_t capacity) {
    for (;;) {
      const ssize_t n = ::read(file_.get(), out, capacity);
      if (n >= 0) {
        consumed_ += static_cast<std::uint64_t>(n);
        return static_cast<std::size_t>(n);
      }
      if (errno != EINTR) return io_error(path_, "cannot read: " + reason(errno));
    }
  }

  Result<void> refill() {
    const auto n = read_raw(input_.get(), kBlock);
    if (!n) return n.error();
    input_at_ = input_.get();
    input_left_ = *n;
    return {};
  }

  Result<std::size_t> read_gzip(char* out, std::size_t capacity) {
    const std::size_t wanted = std::min(capacity, std::size_t{UINT_MAX});
    inflate_.next_out = reinterpret_cast<Bytef*>(out);
    inflate_.avail_out = static_cast<uInt>(wanted);
    while (inflate_.avail_out == wanted) {
      if (input_left_ == 0) {
        if (auto filled = refill(); !filled) return filled.error();
      }
      if (between_members_) {
        const auto more = start_member();
        if (!more) return more.error();
        if (!*more) return std::size_t{0};
      }
      if (input_left_ == 0) {
        return io_error(path_, "the gzip stream ends early",
                        "the file is truncated: fetch it again");
      }
      if (auto unpacked = inflate_input(); !unpacked) return unpacked.error();
    }
    return wanted - inflate_.avail_out;
  }

  // After a member: false at the end of the file (zero padding included), else ready for the next.
  Result<bool> start_member() {
    while (input_left_ > 0 && *input_at_ == '\0') {
      ++input_at_;
      if (--input_left_ == 0) {
        if (auto filled = refill(); !filled) return filled.error();
      }
    }
    if (input_left_ == 0) return false;
    inflateReset(&inflate_);
    between_members_ = false;
    return true;
  }

  Result<void> inflate_input() {
    inflate_.next_in = reinterpret_cast<Bytef*>(input_at_);
    inflate_.avail_in = static_cast<uInt>(input_left_);
    const int code = inflate(&inflate_, Z_NO_FLUSH);
    input_at_ += input_left_ - inflate_.avail_in;
    input_left_ = inflate_.avail_in;
    if (code == Z_STREAM_END) {
      between_members_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return io_error(path_,
                      fmt::format("the gzip stream is damaged: {}",
                                  inflate_.msg != nullptr ? inflate_.msg : zError(code)),
                      "fetch the file again");
    }
    return {};
  }

  std::string path_;
  FileHandle file_;
  std::uint64_t total_ = 0;
  std::uint64_t consumed_ = 0;
  std::unique_ptr<char[]> input_;
  char* input_at_ = nullptr;
  std::size_t input_left_ = 0;
  bool gzip_ = false;
  bool between_members_ = false;
  z_stream inflate_{};
};

}  // namespace

struct LineSource::Impl {
  Impl(std::unique_ptr<ByteSource> source, std::size_t max_line)
      : bytes(std::move(source)),
        max_line_bytes(max_line),
        capacity(kBlock),
        buffer(std::make_unique_for_overwrite<char[]>(kBlock)) {}

  // Makes room behind `end` and reads. The unfinished line moves to the front.
  void fill() {
    std::memmove(buffer.get(), buffer.get() + begin, end - begin);
    end -= begin;
    begin = 0;
    if (capacity - end < kBlock / 2) {
      auto larger = std::make_unique_for_overwrite<char[]>(capacity * 2);
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

std::int64_t LineSource::line_number() const { return impl_->line; }
const std::string& LineSource::path() const { return impl_->bytes->path(); }
std::uint64_t LineSource::bytes_read() const { return impl_->bytes->consumed(); }
std::uint64_t LineSource::bytes_total() const { return impl_->bytes->total(); }

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto source = ByteSource::open(path);
  if (!source) return source.error();
  std::string text;
  std::size_t size = 0;
  for (;;) {
    text.resize(std::max(size + kBlock, size * 2));
    const auto n = (*source)->read(text.data() + size, text.size() - size);
    if (!n) return n.error();
    size += *n;
    if (size > max_bytes) {
      return io_error(path, fmt::format("is larger than {} bytes", max_bytes),
                      "use a smaller file");
    }
    if (*n == 0) break;
  }
  text.resize(size);
  return text;
}

namespace {

Result<void> write_all(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "cannot write: " + reason(errno), "check the free space");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Error cannot_create(const std::string& path, int code) {
  return io_error(path, "cannot write: " + reason(code),
                  code == ENOENT ? "create the folder first" : "check the permissions");
}

// A new file beside `path`; its name is stored in `temporary`. -1 with errno set on failure.
int create_beside(const std::string& path, std::string& temporary) {
  constexpr int kAttempts = 1000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    temporary = fmt::format("{}.tmp-{}-{}", path, ::getpid(), attempt);
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

// Devices and pipes have no folder to rename in: written in place.
Result<void> write_in_place(const std::string& path, std::string_view content) {
  FileHandle file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) return cannot_create(path, errno);
  return write_all(file.get(), path, content);
}

}  // namespace

Result<void> write_file(const std::string& path, std::string_view content) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return io_error(path, "is a directory", "name a file");
  if (exists && !S_ISREG(status.st_mode)) return write_in_place(path, content);
  if (exists && ::access(path.c_str(), W_OK) != 0) return cannot_create(path, errno);
  // A link stays a link: what it points at is replaced.
  std::error_code ignored;
  std::string target = path;
  if (exists) target = std::filesystem::canonical(path, ignored).string();
  if (target.empty()) target = path;

  std::string temporary;
  FileHandle file(create_beside(target, temporary));
  if (file.get() < 0) return cannot_create(path, errno);
  Result<void> written = write_all(file.get(), path, content);
  if (exists) static_cast<void>(::fchmod(file.get(), status.st_mode & 07777U));
  if (written && ::fsync(file.get()) != 0)
    written = io_error(path, "cannot write: " + reason(errno));
  if (::close(file.release()) != 0 && written) {
    written = io_error(path, "cannot write: " + reason(errno));
  }
  if (written && ::rename(temporary.c_str(), target.c_str()) != 0) {
    written = cannot_create(path, errno);
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace eph
