# Run with -P: writes OUT only when its content changes, so that nothing is rebuilt without need.
set(commit "unknown")
if(GIT)
  execute_process(COMMAND "${GIT}" -C "${SOURCE}" rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit "${head}")
  endif()
endif()
file(CONFIGURE OUTPUT "${OUT}" CONTENT "#pragma once
#define EPH_VERSION \"${VERSION}\"
#define EPH_COMMIT \"${commit}\"
#define EPH_BUILD_TYPE \"${BUILD}\"
" @ONLY)
