#pragma once
// Owns a file descriptor. For the files of this folder that talk to the operating system.
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

namespace eph {

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

// The system's words for an errno value.
inline std::string system_reason(int code) { return std::strerror(code); }

}  // namespace eph
