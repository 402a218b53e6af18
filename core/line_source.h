#pragma once
// Streams the lines of a plain or gzip file without holding it in memory.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"

namespace eph {

// Whether a file is gzip is told by its first two bytes, not its name. CR before LF is dropped; a
// last line without LF counts. A line longer than `max_line_bytes`, a damaged or truncated gzip
// stream, or a read error is an Error of kind io with the line number; the file's other lines stay
// readable up to it.
class LineSource {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

  [[nodiscard]] static Result<LineSource> open(const std::string& path,
                                               std::size_t max_line_bytes = kMaxLineBytes);
  LineSource(LineSource&&) noexcept;
  LineSource& operator=(LineSource&&) noexcept;
  ~LineSource();

  // True and the line (valid until the next call), or false at the end.
  [[nodiscard]] Result<bool> next(std::string_view& line);
  // The whole lines behind the one last given that are in memory already, each with its LF; may be
  // empty. Readable for kBeyond bytes more. A reader that understands them goes on behind them by
  // skip(), as if next() had given them.
  static constexpr std::size_t kBeyond = 16;
  [[nodiscard]] std::string_view ahead() const;
  void skip(std::size_t bytes, std::size_t lines);
  [[nodiscard]] std::int64_t line_number() const;  // of the line last given, from 1
  [[nodiscard]] const std::string& path() const;
  // Bytes of the file consumed and its size (compressed bytes for gzip), for a progress bar.
  [[nodiscard]] std::uint64_t bytes_read() const;
  [[nodiscard]] std::uint64_t bytes_total() const;

 private:
  struct Impl;
  explicit LineSource(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whole file as text (gzip unpacked); kind io on failure or above `max_bytes`.
[[nodiscard]] Result<std::string> read_file(const std::string& path,
                                            std::size_t max_bytes = std::size_t{1} << 30);
// Writes through a temporary file in the same folder and renames it, so that a failure loses
// nothing.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view content);

}  // namespace eph
