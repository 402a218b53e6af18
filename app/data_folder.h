#pragma once
// The catalogue that --data or the environment names.
#include "app/arguments.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::app {

[[nodiscard]] OptionSpec data_option();
// The same where --data means measured data.
[[nodiscard]] OptionSpec catalog_option();
[[nodiscard]] Result<models::Catalog> open_catalog(const Arguments& arguments,
                                                   std::string_view option = "data");

}  // namespace eph::app
