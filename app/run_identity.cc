#include "app/run_identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/json_doc.h"
#include "core/sha256.h"
#include "core/version.h"

namespace eph::app {
namespace {

namespace fs = std::filesystem;

// Names and contents of every file below a folder.
Result<std::string> folder_digest(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator
           it(folder, fs::directory_options::follow_directory_symlink, failed),
       end;
       it != end && !failed; it.increment(failed)) {
    if (it->is_regular_file(failed)) files.push_back(it->path());
  }
  if (failed) return io_error(folder.string(), fmt::format("cannot be read: {}", failed.message()));
  std::sort(files.begin(), files.end());
  Sha256 sum;
  for (const fs::path& file : files) {
    const Result<std::string> one = file_sha256(file.string());
    if (!one) return one.error();
    sum.add(fmt::format("{}={}\n", file.lexically_relative(folder).string(), *one));
  }
  return sum.hex();
}

void collect_strings(const Json& json, std::vector<std::string>& out) {
  if (json.is_string()) out.push_back(json.as_string());
  if (json.is_array()) {
    for (const Json& item : json.items()) collect_strings(item, out);
  }
  if (json.is_object()) {
    for (const Json::Member& member : json.members()) collect_strings(member.second, out);
  }
}

}  // namespace

Result<std::string> program_identity() {
  const Result<std::string> digest = file_sha256("/proc/self/exe");
  if (!digest) return digest.error();
  return fmt::format("ephemeris {} {} {} {}", version(), commit(), build_type(), *digest);
}

Result<RunIdentity> RunIdentity::of(const models::Catalog& catalog, const Arguments& arguments) {
  RunIdentity out;
  const Result<std::string> data = folder_digest(catalog.folder());
  if (!data) return data.error();
  out.common_ = fmt::format("data={}\n", *data);
  const std::string file = arguments.has("scenario")         ? arguments.text("scenario")
                           : arguments.positionals().empty() ? ""
                                                             : arguments.positionals().front();
  if (file.empty()) return out;
  const Result<std::string> digest = file_sha256(file);
  if (!digest) return digest.error();
  out.common_ += fmt::format("scenario={}\n", *digest);
  const Result<Json> json = load_json(file);
  if (!json) return json.error();
  std::vector<std::string> strings;
  collect_strings(*json, strings);
  std::set<std::string> lines;
  for (const std::string& text : strings) {
    const Result<std::string> line = out.file_line((fs::path(file).parent_path() / text).string());
    if (!line) return line.error();
    lines.insert(*line);
  }
  for (const std::string& line : lines) out.common_ += line;
  return out;
}

Result<std::string> RunIdentity::file_line(const std::string& value) {
  const auto known = files_.find(value);
  if (known != files_.end()) return known->second;
  std::error_code failed;
  std::string line;
  if (fs::is_directory(value, failed)) {
    // A model's folder: its description, not its weights.
    if (!fs::exists(fs::path(value) / "config.json", failed)) return line;
    const Result<std::string> digest = file_sha256((fs::path(value) / "config.json").string());
    if (!digest) return digest.error();
    line = fmt::format("file {}={}\n", value, *digest);
  } else if (fs::is_regular_file(value, failed)) {
    const Result<std::string> digest = file_sha256(value);
    if (!digest) return digest.error();
    line = fmt::format("file {}={}\n", value, *digest);
  }
  files_.emplace(value, line);
  return line;
}

Result<std::string> RunIdentity::text(const Arguments& arguments,
                                      const std::set<std::string, std::less<>>& without) {
  std::string out = common_;
  for (const auto& [name, values] : arguments.values()) {
    if (without.contains(name)) continue;
    for (const std::string& value : values) {
      out += fmt::format("{}={}\n", name, value);
      const Result<std::string> line = file_line(value);
      if (!line) return line.error();
      out += *line;
    }
  }
  return out;
}

}  // namespace eph::app
