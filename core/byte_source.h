#pragma once
// The bytes of a plain or gzip file, unpacked. LineSource and read_file stand on it.
#include <zlib.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/file_handle.h"
#include "core/result.h"

namespace eph {

// Gzip is told by the first two bytes. Several gzip members in a row read as one text, zero padding
// at the end is skipped. Damage is reported after the bytes that could be unpacked before it.
class ByteSource {
 public:
  static constexpr std::size_t kBlock = std::size_t{256} << 10;

  [[nodiscard]] static Result<std::unique_ptr<ByteSource>> open(const std::string& path);
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ~ByteSource();

  // Up to `capacity` bytes into `out`; 0 at the end.
  [[nodiscard]] Result<std::size_t> read(char* out, std::size_t capacity);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_gzip() const { return gzip_; }
  // Bytes of the file used so far and its size (0 for a pipe), both as stored.
  [[nodiscard]] std::uint64_t consumed() const { return consumed_ - input_left_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  ByteSource(std::string path, int fd) : path_(std::move(path)), file_(fd) {}

  Result<void> detect_format();
  Result<void> refill();
  Result<std::size_t> read_raw(char* out, std::size_t capacity);
  Result<std::size_t> read_gzip(char* out, std::size_t capacity);
  Result<void> unpack();
  Result<bool> start_member();

  std::string path_;
  FileHandle file_;
  std::uint64_t total_ = 0;
  std::uint64_t consumed_ = 0;
  std::unique_ptr<char[]>
      input_;  // read, not yet used: all of a gzip file, the head of a plain one
  std::size_t input_capacity_ = 0;
  char* input_at_ = nullptr;
  std::size_t input_left_ = 0;
  bool gzip_ = false;
  bool between_members_ = false;
  z_stream inflate_{};
  std::optional<Error> damage_;
};

}  // namespace eph
