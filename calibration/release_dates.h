#pragma once
// Which release of an engine a measurement of a given day can have used.
#include <string>
#include <string_view>

#include "models/engine_kind.h"

namespace eph::calibration {

// The newest release on `date` (YYYY-MM-DD), for tables that date a run and do not name the
// version. Empty where the table below does not reach: another engine, no date, or a day outside of
// it.
[[nodiscard]] std::string release_on(models::EngineKind engine, std::string_view date);

}  // namespace eph::calibration
