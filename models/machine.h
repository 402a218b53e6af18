#pragma once
// What a machine changes about coefficients that were fitted on other ones.
#include "models/profile.h"
#include "models/step_context.h"

namespace eph::models {

// The coefficients on `machine` (MODEL eq. 19). Its efficiency multiplies what the GPU does alone
// (GEMM, experts, attention, small kernels, layer, step and sequence overheads), not all-reduces;
// its host speed the engine's work on the host, with its square root the API server and with the
// power 1.5 the jitter. What the client's side takes stays: those figures did not move with the
// host.
[[nodiscard]] CoefficientValues on_machine(CoefficientValues values, const Machine& machine);

// The GPU with the rates that it reaches on `machine`, against those that the coefficients were
// fitted with: matrix rates over `compute`, the link's over `link`. A bridge keeps its own.
[[nodiscard]] GpuSpec on_machine(GpuSpec gpu, const Machine& machine);

// The "client_*" and "server_*" coefficients as a front end.
[[nodiscard]] FrontEnd front_end_of(const CoefficientValues& values);

}  // namespace eph::models
