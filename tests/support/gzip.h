#pragma once
// Packs a text as gzip does, for tests and benchmarks of reading.
#include <zlib.h>

#include <string>
#include <string_view>

#include "core/assert.h"

namespace eph::test {

inline std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kLevel = 6, kGzipWindow = 15 + 16, kMemory = 8;
  EPH_ASSERT(
      deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK,
      "zlib does not start");
  std::string input(text);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EPH_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the text is not packed");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace eph::test
