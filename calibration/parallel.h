#pragma once
// A loop over indices on several threads; results are written by index, so order does not matter.
#include <cstddef>
#include <functional>

namespace eph::calibration {

// Calls body(i) once for each i < count, on up to `threads` threads (0: as many as the machine
// has). body must only write what belongs to its index. An exception of a body is rethrown here.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body);

}  // namespace eph::calibration
