#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "tests/hygiene/rules.h"

namespace eph::hygiene {
namespace {

struct Link {
  std::size_t line = 0;
  std::string target;
};

// Lines of a document outside fenced code, with inline code blanked.
std::vector<std::string> prose_lines(const SourceFile& file) {
  std::vector<std::string> result;
  bool fenced = false;
  for (std::string_view line : file.lines()) {
    const std::size_t first = line.find_first_not_of(' ');
    const bool fence = first != std::string_view::npos && line.substr(first).starts_with("```");
    if (fence) fenced = !fenced;
    std::string text(fenced || fence ? "" : line);
    bool code = false;
    for (char& c : text) {
      const bool tick = c == '`';
      if (tick) code = !code;
      if (code || tick) c = ' ';
    }
    result.push_back(std::move(text));
  }
  return result;
}

// Inline links and images: [text](target "title").
std::vector<Link> links_of(const SourceFile& file) {
  std::vector<Link> links;
  const auto lines = prose_lines(file);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t at = lines[i].find("]("); at != std::string::npos;
         at = lines[i].find("](", at + 2)) {
      const std::size_t end = lines[i].find_first_of(") ", at + 2);
      if (end != std::string::npos) links.push_back({i + 1, lines[i].substr(at + 2, end - at - 2)});
    }
  }
  return links;
}

// Anchor of a heading as hosting sites make it: lower case, blanks to dashes, other signs dropped.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (char c : heading) {
    if (c == ' ') anchor += '-';
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') {
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return anchor;
}

std::set<std::string> anchors_of(const SourceFile& file) {
  std::set<std::string> anchors;
  bool fenced = false;
  for (std::string_view line : file.lines()) {
    if (line.starts_with("```")) fenced = !fenced;
    const std::size_t text = line.find_first_not_of('#');
    if (fenced || text == 0 || text == std::string_view::npos || line[text] != ' ') continue;
    anchors.insert(anchor_of(line.substr(text + 1)));
  }
  return anchors;
}

bool is_folder(const Tree& tree, const std::string& path) {
  return path.empty() ||
         std::any_of(tree.begin(), tree.end(), [&](const auto& file) { return file.under(path); });
}

std::optional<std::string> broken(const Tree& tree, const SourceFile& file,
                                  const std::string& target) {
  const std::size_t hash = std::min(target.find('#'), target.size());
  const std::string anchor = hash < target.size() ? target.substr(hash + 1) : "";
  const auto path = hash == 0 ? file.path : resolve(file.folder(), target.substr(0, hash));
  if (!path) return "leads out of the repository";
  const SourceFile* found = find(tree, *path);
  if (found == nullptr && !is_folder(tree, *path)) return "there is no " + *path;
  if (anchor.empty() || found == nullptr || !found->path.ends_with(".md")) return std::nullopt;
  if (anchors_of(*found).count(anchor) == 0)
    return fmt::format("{} has no heading #{}", *path, anchor);
  return std::nullopt;
}

// Whether the text names this very path: "profiles/" does not stand in "profiles/vllm.json".
bool names_path(std::string_view text, std::string_view path) {
  const auto inside = [&](std::size_t at) {
    return at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '-');
  };
  if (path.empty()) return false;
  for (std::size_t at = text.find(path); at != std::string_view::npos;
       at = text.find(path, at + 1)) {
    if (!inside(at + path.size()) && (at == 0 || !inside(at - 1))) return true;
  }
  return false;
}

// Numbers n of every "INV-n" in the text.
std::set<int> invariants_in(std::string_view text) {
  std::set<int> numbers;
  for (std::size_t at = text.find("INV-"); at != std::string_view::npos;
       at = text.find("INV-", at + 1)) {
    int number = 0;
    std::size_t digit = at + 4;
    for (; digit < text.size() && std::isdigit(static_cast<unsigned char>(text[digit])) != 0;
         ++digit) {
      number = number * 10 + (text[digit] - '0');
    }
    if (digit > at + 4) numbers.insert(number);
  }
  return numbers;
}

// A row "| INV-n | what holds | where it is asserted | how it is tested |".
struct Invariant {
  int number = 0;
  std::size_t line = 0;
  bool asserted = true, tested = true;  // false: the column begins with '-', as it says itself
};

std::vector<Invariant> invariants_of(const SourceFile& list) {
  std::vector<Invariant> result;
  const auto lines = list.lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("| INV-")) continue;
    std::vector<std::string_view> cells;
    for (std::size_t from = 1; from < lines[i].size();) {
      const std::size_t end = std::min(lines[i].find(" |", from), lines[i].size());
      cells.push_back(lines[i].substr(from, end - from));
      from = end + 2;
    }
    Invariant invariant{.number = *invariants_in(cells.at(0)).begin(), .line = i + 1};
    if (cells.size() > 2) invariant.asserted = !cells[2].starts_with(" -");
    if (cells.size() > 3) invariant.tested = !cells[3].starts_with(" -");
    result.push_back(invariant);
  }
  return result;
}

}  // namespace

Findings check_links(const Tree& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!file.path.ends_with(".md")) continue;
    for (const Link& link : links_of(file)) {
      if (link.target.find("://") != std::string::npos || link.target.starts_with("mailto:"))
        continue;
      const auto fault = broken(tree, file, link.target);
      if (fault)
        findings.push_back({file.path, link.line, fmt::format("link {}: {}", link.target, *fault)});
    }
  }
  return findings;
}

Findings check_data_sources(const Tree& tree) {
  Findings findings;
  static constexpr std::string_view kData = "data/";
  const SourceFile* sources = find(tree, "data/SOURCES.md");
  for (const SourceFile& file : tree) {
    if (!file.under("data") || &file == sources) continue;
    const std::string name = file.path.substr(kData.size());
    const std::string folder =
        name.substr(0, name.rfind('/') + 1);  // "" when it lies in data/ itself
    const bool named = sources != nullptr &&
                       (names_path(sources->text, name) || names_path(sources->text, folder));
    if (!named)
      findings.push_back({file.path, 0, "data/SOURCES.md does not say where this comes from"});
  }
  return findings;
}

Findings check_invariants(const Tree& tree) {
  Findings findings;
  const SourceFile* list = find(tree, "docs/INVARIANTS.md");
  const std::vector<Invariant> invariants =
      list == nullptr ? std::vector<Invariant>{} : invariants_of(*list);
  std::set<int> known;
  for (const Invariant& invariant : invariants) known.insert(invariant.number);
  std::set<int> asserted;
  std::set<int> tested;
  for (const SourceFile& file : tree) {
    if (!file.is_cpp() || file.under("tests/hygiene")) continue;
    for (int number : invariants_in(file.text)) {
      (file.under("tests") ? tested : asserted).insert(number);
      if (known.count(number) == 0) {
        findings.push_back({file.path, 0, fmt::format("docs/INVARIANTS.md has no INV-{}", number)});
      }
    }
  }
  for (const Invariant& invariant : invariants) {
    if (invariant.asserted && asserted.count(invariant.number) == 0) {
      findings.push_back({list->path, invariant.line,
                          fmt::format("INV-{} is cited by no source", invariant.number)});
    }
    if (invariant.tested && tested.count(invariant.number) == 0) {
      findings.push_back({list->path, invariant.line,
                          fmt::format("INV-{} is cited by no test", invariant.number)});
    }
  }
  return findings;
}

}  // namespace eph::hygiene
