#include "core/version.h"

#include "eph_version_data.h"

namespace eph {

std::string_view version() { return EPH_VERSION; }
std::string_view commit() { return EPH_COMMIT; }
std::string_view build_type() { return EPH_BUILD_TYPE; }

}  // namespace eph
