#include "tests/hygiene/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace eph::hygiene {
namespace fs = std::filesystem;
namespace {

// The names git prints, or nothing when git or the repository is missing.
std::vector<std::string> git_files(const std::string& root) {
  const std::string command =
      fmt::format("git -C '{}' ls-files -z --cached --others --exclude-standard 2>/dev/null", root);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  if (pclose(pipe) != 0) return {};
  std::vector<std::string> names;
  std::istringstream stream(output);
  for (std::string name; std::getline(stream, name, '\0');) names.push_back(name);
  return names;
}

std::vector<std::string> walked_files(const std::string& root) {
  std::vector<std::string> names;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    const std::string name = it->path().filename().string();
    const bool hidden = name.starts_with('.') && name != ".ci";
    const bool output = it.depth() == 0 && (name == "build" || name == "out");
    if (it->is_directory() && (hidden || output)) it.disable_recursion_pending();
    if (it->is_regular_file()) names.push_back(fs::relative(it->path(), root).generic_string());
  }
  return names;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Blanks source[from, to) but for its line ends.
void blank(std::string& code, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < std::min(to, code.size()); ++i) {
    if (code[i] != '\n') code[i] = ' ';
  }
}

// Position behind the literal that opens at `quote`; escapes are skipped, a line end closes it.
std::size_t literal_end(std::string_view source, std::size_t quote) {
  for (std::size_t i = quote + 1; i < source.size(); ++i) {
    if (source[i] == '\\') {
      ++i;
    } else if (source[i] == source[quote] || source[i] == '\n') {
      return i + 1;
    }
  }
  return source.size();
}

// Position behind the raw string whose R stands just before `quote`.
std::size_t raw_literal_end(std::string_view source, std::size_t quote) {
  const std::size_t open = source.find('(', quote);
  if (open == std::string_view::npos) return source.size();
  const std::string close = ")" + std::string(source.substr(quote + 1, open - quote - 1)) + "\"";
  const std::size_t end = source.find(close, open);
  return end == std::string_view::npos ? source.size() : end + close.size();
}

}  // namespace

bool SourceFile::is_header() const { return path.ends_with(".h"); }
bool SourceFile::is_cpp() const { return is_header() || path.ends_with(".cc"); }

bool SourceFile::under(std::string_view name) const {
  return path.size() > name.size() && path.starts_with(name) && path[name.size()] == '/';
}

std::string SourceFile::folder() const {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::vector<std::string_view> SourceFile::lines() const {
  std::vector<std::string_view> result;
  const std::string_view all = text;
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = std::min(all.find('\n', from), all.size());
    result.push_back(all.substr(from, end - from));
    from = end + 1;
  }
  return result;
}

const SourceFile* find(const Tree& tree, std::string_view path) {
  const auto it =
      std::find_if(tree.begin(), tree.end(), [&](const auto& file) { return file.path == path; });
  return it == tree.end() ? nullptr : &*it;
}

std::optional<std::string> resolve(const std::string& folder, std::string_view relative) {
  std::vector<std::string> parts;
  const std::string whole = folder + "/" + std::string(relative);
  for (std::size_t from = 0; from <= whole.size();) {
    const std::size_t end = std::min(whole.find('/', from), whole.size());
    const std::string part = whole.substr(from, end - from);
    from = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  return fmt::format("{}", fmt::join(parts, "/"));
}

Tree load_tree(const std::string& root) {
  std::vector<std::string> names = git_files(root);
  if (names.empty()) names = walked_files(root);
  std::sort(names.begin(), names.end());
  Tree tree;
  for (const std::string& name : names) {
    const fs::path path = fs::path(root) / name;
    if (!fs::is_regular_file(path)) continue;  // deleted but still in the index
    SourceFile file{.path = name, .text = {}, .executable = false};
    std::ifstream stream(path, std::ios::binary);
    file.text.assign(std::istreambuf_iterator<char>(stream), {});
    if (file.text.find('\0') != std::string::npos) file.text.clear();
    file.executable = (fs::status(path).permissions() & fs::perms::owner_exec) != fs::perms::none;
    tree.push_back(std::move(file));
  }
  return tree;
}

std::string code_only(std::string_view source) {
  std::string code(source);
  for (std::size_t i = 0; i < source.size();) {
    const char c = source[i];
    const std::string_view rest = source.substr(i);
    std::size_t end = i + 1;
    if (rest.starts_with("//")) {
      end = std::min(source.find('\n', i), source.size());
      blank(code, i, end);
    } else if (rest.starts_with("/*")) {
      const std::size_t close = source.find("*/", i + 2);
      end = close == std::string_view::npos ? source.size() : close + 2;
      blank(code, i, end);
    } else if (c == '"') {
      end = i > 0 && source[i - 1] == 'R' ? raw_literal_end(source, i) : literal_end(source, i);
      blank(code, i + 1, end - 1);
    } else if (c == '\'' && (i == 0 || !is_word(source[i - 1]))) {  // 1'000 is a number
      end = literal_end(source, i);
      blank(code, i + 1, end - 1);
    }
    i = end;
  }
  return code;
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> result;
  const std::string code = code_only(file.text);
  const SourceFile blanked{.path = file.path, .text = code, .executable = false};
  const auto raw = file.lines();
  const auto live = blanked.lines();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!live[i].starts_with("#include")) continue;
    const std::size_t open = raw[i].find_first_of("<\"");
    if (open == std::string_view::npos) continue;
    const std::size_t close = raw[i].find_first_of(">\"", open + 1);
    if (close == std::string_view::npos) continue;
    result.push_back({.line = i + 1,
                      .quoted = raw[i][open] == '"',
                      .target = std::string(raw[i].substr(open + 1, close - open - 1))});
  }
  return result;
}

std::string Finding::text() const {
  return line > 0 ? fmt::format("{}:{}: {}", path, line, what) : fmt::format("{}: {}", path, what);
}

}  // namespace eph::hygiene
