# Puts the version and the commit into core/version.cc's generated part. The commit is read at build
# time, so that a profile or a result names the sources that made it.
find_package(Git QUIET)
set(EPH_VERSION_FILE "${PROJECT_BINARY_DIR}/generated/eph_version_data.h")
add_custom_target(eph_version_data
  BYPRODUCTS "${EPH_VERSION_FILE}"
  COMMAND "${CMAKE_COMMAND}" -DOUT=${EPH_VERSION_FILE} -DSOURCE=${PROJECT_SOURCE_DIR}
          -DVERSION=${PROJECT_VERSION} -DGIT=${GIT_EXECUTABLE} -DBUILD=${CMAKE_BUILD_TYPE}
          -P "${CMAKE_CURRENT_LIST_DIR}/WriteVersion.cmake"
  COMMENT "reading the commit" VERBATIM)
