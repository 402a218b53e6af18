#pragma once
// SHA-256 (FIPS 180-4): names for contents, in keys that must never be equal by chance.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace eph {

class Sha256 {
 public:
  void add(std::string_view bytes);
  // 64 hex digits of everything added. Ends the sum: call it once.
  [[nodiscard]] std::string hex();

 private:
  void block(const unsigned char* bytes);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> waiting_{};
  std::size_t filled_ = 0;
  std::uint64_t bytes_ = 0;
};

[[nodiscard]] std::string sha256(std::string_view bytes);
// Of a file's bytes as they are stored. Kind io when it cannot be read.
[[nodiscard]] Result<std::string> file_sha256(const std::string& path);

}  // namespace eph
