// ephemeris catalog: what ships in data/.
#include <fmt/format.h>

#include "app/catalog_tables.h"
#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/table.h"
#include "core/text.h"

namespace eph::app {

namespace {

const CatalogKind* find_kind(std::string_view name) {
  for (const CatalogKind& kind : catalog_kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

std::string cell(const Json* value, double unit) {
  if (value == nullptr) return "";
  switch (value->type()) {
    case Json::Type::string:
      return value->as_string();
    case Json::Type::boolean:
      return value->as_bool() ? "yes" : "no";
    case Json::Type::integer:
      return unit == 1 ? fmt::format("{}", value->as_int()) : human(value->as_double() / unit);
    case Json::Type::number:
      return human(value->as_double() / unit);
    default:
      return value->dump(-1);
  }
}

std::string list_text(const CatalogKind& kind, const Json& list) {
  using Align = TextTable::Align;
  std::vector<std::string> header;
  std::vector<Align> align;
  for (const CatalogColumn& column : kind.columns) {
    header.emplace_back(column.label);
    const Json* first = list.items().empty() ? nullptr : list.items().front().find(column.key);
    align.push_back(first != nullptr && first->is_number() ? Align::right : Align::left);
  }
  TextTable table(std::move(header), std::move(align));
  for (const Json& entry : list.items()) {
    std::vector<std::string> cells;
    for (const CatalogColumn& column : kind.columns)
      cells.push_back(cell(entry.find(column.key), column.unit));
    table.add(std::move(cells));
  }
  return table.text();
}

std::string detail_text(const Json& entry) {
  std::string out;
  for (const auto& [key, value] : entry.members()) {
    if (value.is_array() && !value.items().empty() && value.items().front().is_object()) {
      out += fmt::format("{}\n", key);
      for (const Json& item : value.items()) out += fmt::format("  {}\n", item.dump(-1));
    } else {
      out += fmt::format("{:<24}{}\n", key, value.is_number() ? value.dump(-1) : cell(&value, 1));
    }
  }
  return out;
}

int list_all(const models::Catalog& catalog, bool json) {
  Json all = Json::object();
  std::string text;
  for (const CatalogKind& kind : catalog_kinds()) {
    Result<Json> list = kind.list(catalog);
    if (!list) return fail(list.error());
    text += fmt::format("{}{} ({}): ephemeris catalog {}\n", text.empty() ? "" : "\n", kind.summary,
                        list->items().size(), kind.name);
    text += list_text(kind, *list);
    all.set(std::string(kind.name), std::move(*list));
  }
  return finish(json ? all.dump() + "\n" : text);
}

int unknown_kind(const std::string& name) {
  std::vector<std::string> names;
  for (const CatalogKind& kind : catalog_kinds()) names.emplace_back(kind.name);
  return fail(
      usage_error(fmt::format("\"{}\" is no part of the catalogue", name), suggest(name, names)));
}

}  // namespace

const CommandSpec& catalog_spec() {
  static const CommandSpec spec{
      "catalog",
      "list the shipped models, GPUs, CPU machines, engines, profiles, workloads, networks, prices",
      "[models|gpus|cpus|engines|profiles|workloads|networks|prices] [NAME]",
      "",
      {"ephemeris catalog gpus",
       "ephemeris catalog models meta-llama/Llama-3.1-8B-Instruct --json"},
      {{"output", {{"json", "", "print JSON instead of tables"}, data_option()}}},
      2};
  return spec;
}

int run_catalog(const Arguments& arguments) {
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const bool json = arguments.has("json");
  const std::vector<std::string>& words = arguments.positionals();
  if (words.empty()) return list_all(*catalog, json);
  const CatalogKind* kind = find_kind(words[0]);
  if (kind == nullptr) return unknown_kind(words[0]);
  if (words.size() == 2 && kind->detail == nullptr) {
    return fail(usage_error(fmt::format("{} have no details", kind->name),
                            fmt::format("see ephemeris catalog {}", kind->name)));
  }
  const Result<Json> found =
      words.size() == 2 ? kind->detail(*catalog, words[1]) : kind->list(*catalog);
  if (!found) return fail(found.error());
  if (json) return finish(found->dump() + "\n");
  return finish(words.size() == 2 ? detail_text(*found) : list_text(*kind, *found));
}

}  // namespace eph::app
