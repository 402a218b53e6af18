#include "app/data_folder.h"

namespace eph::app {

namespace {

OptionSpec folder_option(std::string name) {
  return {std::move(name), "FOLDER",
          "catalogue folder [$EPHEMERIS_DATA, or data/ near the program]"};
}

}  // namespace

OptionSpec data_option() { return folder_option("data"); }

OptionSpec catalog_option() { return folder_option("catalog"); }

Result<models::Catalog> open_catalog(const Arguments& arguments, std::string_view option) {
  const Result<std::string> folder = models::find_data_folder(arguments.text(option));
  if (!folder) return folder.error();
  return models::Catalog(*folder);
}

}  // namespace eph::app
