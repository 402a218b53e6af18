# The library that `mpirun -n N ephemeris` loads, beside the program. Built where MPI is found; the
# program itself never links MPI, so it starts as fast and runs without it.
option(EPH_MPI "run plan and sweep over several machines (needs MPI)" ON)
set(EPH_MPI_FOUND OFF)
if(EPH_MPI)
  find_package(MPI QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(EPH_MPI_FOUND ON)
  else()
    message(STATUS "MPI was not found: plan and sweep are built for one machine (libopenmpi-dev)")
  endif()
endif()
