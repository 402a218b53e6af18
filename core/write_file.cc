#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/file_handle.h"
#include "core/line_source.h"

namespace eph {

namespace {

Result<void> write_all(int fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return io_error(path, "cannot write: " + system_reason(errno), "check the free space");
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Error cannot_create(const std::string& path, int code) {
  return io_error(path, "cannot write: " + system_reason(code),
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
    written = io_error(path, "cannot write: " + system_reason(errno));
  if (::close(file.release()) != 0 && written) {
    written = io_error(path, "cannot write: " + system_reason(errno));
  }
  if (written && ::rename(temporary.c_str(), target.c_str()) != 0) {
    written = cannot_create(path, errno);
  }
  if (!written) ::unlink(temporary.c_str());
  return written;
}

}  // namespace eph
