#pragma once
// The parts of the catalogue as JSON lists, and how a table for people shows them.
#include <string>
#include <string_view>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::app {

// One column of a table: a member of each entry, divided by `unit` when it is a number.
struct CatalogColumn {
  std::string_view key, label;
  double unit = 1;
};

struct CatalogKind {
  std::string_view name;  // "models"
  std::string_view summary;
  std::vector<CatalogColumn> columns;
  // An array of objects, each with a "name".
  Result<Json> (*list)(const models::Catalog& catalog);
  // More about one entry; null when the list says all there is.
  Result<Json> (*detail)(const models::Catalog& catalog, const std::string& name);
};
[[nodiscard]] const std::vector<CatalogKind>& catalog_kinds();

}  // namespace eph::app
