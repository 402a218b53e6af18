#include "core/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "core/assert.h"

namespace eph {

namespace {

constexpr unsigned char kGzipMagic[] = {0x1f, 0x8b};

}  // namespace

Result<std::unique_ptr<ByteSource>> ByteSource::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int code = errno;
    return io_error(path, "cannot open: " + system_reason(code),
                    code == ENOENT ? "check the path" : "check the permissions");
  }
  auto source = std::unique_ptr<ByteSource>(new ByteSource(path, fd));
  struct stat status {};
  if (::fstat(fd, &status) != 0) return io_error(path, "cannot stat: " + system_reason(errno));
  if (S_ISDIR(status.st_mode)) return io_error(path, "is a directory", "name a file");
  if (S_ISREG(status.st_mode)) source->total_ = static_cast<std::uint64_t>(status.st_size);
  if (auto ready = source->detect_format(); !ready) return ready.error();
  return source;
}

ByteSource::~ByteSource() {
  if (gzip_) inflateEnd(&inflate_);
}

Result<void> ByteSource::detect_format() {
  // A small file needs no block: its memory would be fetched from the system and given back.
  constexpr std::size_t kLeast = 512;
  input_capacity_ =
      total_ > 0 ? std::clamp(static_cast<std::size_t>(total_), kLeast, kBlock) : kBlock;
  input_ = std::make_unique_for_overwrite<char[]>(input_capacity_);
  input_at_ = input_.get();
  while (input_left_ < sizeof kGzipMagic) {
    const auto n = read_raw(input_.get() + input_left_, input_capacity_ - input_left_);
    if (!n) return n.error();
    if (*n == 0) return {};
    input_left_ += *n;
  }
  if (std::memcmp(input_.get(), kGzipMagic, sizeof kGzipMagic) != 0) return {};
  constexpr int kGzipWindow = 15 + 16;  // largest window; +16: gzip header and checksum
  const int code = inflateInit2(&inflate_, kGzipWindow);
  EPH_ASSERT(code == Z_OK, "zlib does not start: {}", code);
  gzip_ = true;
  return {};
}

Result<std::size_t> ByteSource::read(char* out, std::size_t capacity) {
  if (gzip_) return read_gzip(out, capacity);
  if (input_left_ == 0) return read_raw(out, capacity);
  const std::size_t n = std::min(capacity, input_left_);
  std::memcpy(out, input_at_, n);
  input_at_ += n;
  input_left_ -= n;
  return n;
}

Result<std::size_t> ByteSource::read_raw(char* out, std::size_t capacity) {
  for (;;) {
    const ssize_t n = ::read(file_.get(), out, capacity);
    if (n >= 0) {
      consumed_ += static_cast<std::uint64_t>(n);
      return static_cast<std::size_t>(n);
    }
    if (errno != EINTR) return io_error(path_, "cannot read: " + system_reason(errno));
  }
}

Result<void> ByteSource::refill() {
  const auto n = read_raw(input_.get(), input_capacity_);
  if (!n) return n.error();
  input_at_ = input_.get();
  input_left_ = *n;
  return {};
}

Result<std::size_t> ByteSource::read_gzip(char* out, std::size_t capacity) {
  if (damage_) return *damage_;
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
    if (auto unpacked = unpack(); !unpacked) {
      damage_ = unpacked.error();
      if (inflate_.avail_out == wanted) return *damage_;
    }
  }
  return wanted - inflate_.avail_out;
}

// One step of inflate over the input at hand.
Result<void> ByteSource::unpack() {
  if (input_left_ == 0) {
    return io_error(path_, "the gzip stream ends early", "the file is truncated: fetch it again");
  }
  inflate_.next_in = reinterpret_cast<Bytef*>(input_at_);
  inflate_.avail_in = static_cast<uInt>(input_left_);
  const int code = inflate(&inflate_, Z_NO_FLUSH);
  input_at_ += input_left_ - inflate_.avail_in;
  input_left_ = inflate_.avail_in;
  if (code == Z_STREAM_END) between_members_ = true;
  if (code == Z_STREAM_END || code == Z_OK || code == Z_BUF_ERROR) return {};
  const char* reason = inflate_.msg != nullptr ? inflate_.msg : zError(code);
  return io_error(path_, fmt::format("the gzip stream is damaged: {}", reason),
                  "fetch the file again");
}

// After a member: false at the end of the file, else ready for the next member.
Result<bool> ByteSource::start_member() {
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

}  // namespace eph
