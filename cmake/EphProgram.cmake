# The program's place in the build folder, and what `cmake --install` puts where. catalog.h looks for
# the data in <folder of the program>/../share/ephemeris.
include(GNUInstallDirs)
if(TARGET ephemeris)
  set_target_properties(ephemeris PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  target_compile_options(ephemeris PRIVATE ${EPH_MODULE_FLAGS})
  target_link_options(ephemeris PRIVATE ${EPH_PROGRAM_LINK_FLAGS})
  install(TARGETS ephemeris RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(DIRECTORY data/ DESTINATION "${CMAKE_INSTALL_DATADIR}/ephemeris")
  install(FILES LICENSE CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
endif()
