# eph_module(NAME <folder> [DEPS <folder>...] [PUBLIC_LIBS <target>...] [PRIVATE_LIBS <target>...] SOURCES <file>...)
#
# Declares the static library ephemeris::<folder>. DEPS is the floor rule: the folders it may include.
# Third-party libraries go to PRIVATE_LIBS unless one of the folder's headers includes them.
function(eph_module)
  cmake_parse_arguments(M "" "NAME" "DEPS;PUBLIC_LIBS;PRIVATE_LIBS;SOURCES" ${ARGN})
  if(M_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "eph_module(${M_NAME}): unknown arguments ${M_UNPARSED_ARGUMENTS}")
  endif()
  set(target eph_${M_NAME})
  add_library(${target} STATIC ${M_SOURCES})
  add_library(ephemeris::${M_NAME} ALIAS ${target})
  target_link_libraries(${target} PUBLIC eph_options ${M_PUBLIC_LIBS} PRIVATE ${M_PRIVATE_LIBS})
  foreach(dep IN LISTS M_DEPS)
    target_link_libraries(${target} PUBLIC ephemeris::${dep})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY EPH_MODULES ${M_NAME})
  set_property(GLOBAL PROPERTY EPH_DEPS_${M_NAME} "${M_DEPS}")
endfunction()
