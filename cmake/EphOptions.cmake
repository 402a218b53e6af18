# Compiler settings that every target of the project shares, as the interface target eph_options.
option(EPH_BUILD_TESTS "build the tests" ON)
option(EPH_WERROR "treat warnings as errors" OFF)
set(EPH_SANITIZE "" CACHE STRING "sanitizers to build with, as in -fsanitize=<value>; empty: none")
option(EPH_COVERAGE "instrument for gcov" OFF)
option(EPH_LTO "optimise the program across files when it is linked" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(EPH_CCACHE ccache)
if(EPH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # base_dir lets clones at different places share results; the sloppiness is what ccache's manual
  # asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}"
      "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "${EPH_CCACHE}")
endif()

find_package(fmt REQUIRED)

add_library(eph_options INTERFACE)
target_include_directories(eph_options INTERFACE "${PROJECT_SOURCE_DIR}")
# Contraction would make a*b+c depend on the instruction set: results must not (docs/ARCHITECTURE.md).
# Paths in messages and debug information start at the root, so that the same sources give the same
# program wherever they lie.
target_compile_options(eph_options INTERFACE
  -ffp-contract=off "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast $<$<BOOL:${EPH_WERROR}>:-Werror>
  $<$<BOOL:${EPH_COVERAGE}>:--coverage>)
target_link_options(eph_options INTERFACE $<$<BOOL:${EPH_COVERAGE}>:--coverage>)
# gcc 12 reports overlaps and bounds inside std::string's own code when it is inlined at -O3 (gcc bugs
# 105329 and 105651). The tidy preset and newer compilers still look.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(eph_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                         -Wno-stringop-overread)
endif()
if(EPH_SANITIZE)
  target_compile_options(eph_options INTERFACE -fsanitize=${EPH_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(eph_options INTERFACE -fsanitize=${EPH_SANITIZE})
endif()

# The simulation runs a twentieth faster, with equal digests; the build takes half as long again, so
# only the bench preset asks for it. The tests are built without: each would pay for the whole link.
if(EPH_LTO AND EPH_BUILD_TESTS)
  message(FATAL_ERROR "EPH_LTO is for the program and the benchmarks: set EPH_BUILD_TESTS=OFF with it")
endif()
if(EPH_LTO)
  set(EPH_MODULE_FLAGS -flto=auto -ffat-lto-objects)
  set(EPH_PROGRAM_LINK_FLAGS -flto=auto)
endif()

# eph_precompile(<name> <header>...) declares an object library that only carries precompiled headers;
# targets take them with target_precompile_headers(<target> REUSE_FROM <name>). Parsing <fmt/format.h>
# and the containers is up to half of a small file's compile time. Sources include what they use all the
# same: the tidy preset builds without.
function(eph_precompile name)
  set(carrier "${PROJECT_BINARY_DIR}/generated/${name}.cc")
  file(CONFIGURE OUTPUT "${carrier}" CONTENT "// carries precompiled headers\n")
  add_library(${name} OBJECT "${carrier}")
  target_link_libraries(${name} PRIVATE eph_options fmt::fmt)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()
eph_precompile(eph_pch <fmt/format.h> <algorithm> <array> <cmath> <cstdint> <functional> <map> <memory>
               <optional> <set> <span> <string> <string_view> <tuple> <utility> <variant> <vector>)
target_compile_options(eph_pch PRIVATE ${EPH_MODULE_FLAGS})
