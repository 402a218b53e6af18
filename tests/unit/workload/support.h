#pragma once
// Small helpers of the workload tests.
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/line_source.h"
#include "workload/arrival.h"
#include "workload/trace_reader.h"

namespace eph::workload {

inline std::string test_file(const std::string& name, std::string_view content) {
  const std::filesystem::path folder = std::filesystem::path(EPH_TEST_OUT) / "files";
  std::filesystem::create_directories(folder);
  std::string path = (folder / name).string();
  REQUIRE(write_file(path, content));
  return path;
}

inline std::string gzip(std::string_view content) {
  std::string out(content.size() + 1024, '\0');
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

struct Pulled {
  std::vector<Arrival> arrivals;
  std::vector<std::vector<std::uint64_t>> hashes;
  std::string error;  // without the folder of test files; empty: none
  SourceCounts counts;
  std::vector<std::string> class_names;
};

// Everything a source gives, pulled in blocks of `block`.
inline Pulled pull_all(ArrivalSource& source, std::size_t block = 7) {
  Pulled all;
  std::vector<Arrival> buffer(block);
  while (true) {
    const Result<std::size_t> n = source.pull(buffer);
    if (!n) all.error = n.error().text();
    if (!n || *n == 0) break;
    for (std::size_t i = 0; i < *n; ++i) {
      if (!all.arrivals.empty()) REQUIRE(all.arrivals.back().at <= buffer[i].at);
      all.arrivals.push_back(buffer[i]);
      const auto hashes = source.block_hashes(buffer[i]);
      all.hashes.emplace_back(hashes.begin(), hashes.end());
    }
  }
  all.counts = source.counts();
  all.class_names.assign(source.class_names().begin(), source.class_names().end());
  return all;
}

inline std::string without_folder(std::string text) {
  const std::string folder = (std::filesystem::path(EPH_TEST_OUT) / "files").string() + "/";
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
    text.erase(at, folder.size());
  return text;
}

inline Pulled read_trace(const std::string& path, const TraceOptions& options = {},
                         std::size_t block = 7) {
  auto source = open_trace(path, options);
  Pulled all;
  if (source) {
    all = pull_all(**source, block);
  } else {
    all.error = source.error().text();
  }
  all.error = without_folder(all.error);
  return all;
}

inline Pulled read_text(const std::string& name, std::string_view content,
                        const TraceOptions& options = {}) {
  return read_trace(test_file(name, content), options);
}

// A file of the measured data, or nullopt (with a warning) where the folder is absent.
inline std::optional<std::string> shared_file(const std::string& name) {
  const char* const folder = std::getenv("EPHEMERIS_SHARED_DATA");
  const std::filesystem::path root =
      folder != nullptr ? std::filesystem::path(folder)
                        : std::filesystem::path(EPH_SOURCE_DIR) / ".." / "shared" / "data";
  std::filesystem::path path = root / name;
  if (std::filesystem::exists(path)) return path.string();
  WARN("skipped: no " << name << " (set EPHEMERIS_SHARED_DATA)");
  return std::nullopt;
}

}  // namespace eph::workload
