#pragma once
// The catalogue that --data or the environment names.
#include "app/arguments.h"
#include "core/result.h"
#include "models/catalog.h"

namespace eph::app {

[[nodiscard]] OptionSpec data_option();
[[nodiscard]] Result<models::Catalog> open_catalog(const Arguments& arguments);

}  // namespace eph::app
