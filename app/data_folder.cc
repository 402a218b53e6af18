#include "app/data_folder.h"

namespace eph::app {

OptionSpec data_option() {
  return {"data", "FOLDER", "catalogue folder [$EPHEMERIS_DATA, or data/ near the program]", false};
}

Result<models::Catalog> open_catalog(const Arguments& arguments) {
  const Result<std::string> folder = models::find_data_folder(arguments.text("data"));
  if (!folder) return folder.error();
  return models::Catalog(*folder);
}

}  // namespace eph::app
