#pragma once
// Carries an engine's coefficients to machines they were not fitted on: one efficiency per GPU and
// one host factor per kind of host, fitted on load tests of those machines (MODEL eq. 19).
#include <cstdint>
#include <string>
#include <vector>

#include "calibration/machine_fit.h"
#include "core/result.h"
#include "models/catalog.h"
#include "models/profile.h"

namespace eph::calibration {

struct TransferOptions {
  std::string data_folder;  // holds h100/guidellm_sweeps.csv
  int threads = 0;
  std::uint64_t seed = 1;
};

// Fills `gpus` and adds to `hosts` of the profile: every other GPU of the sweeps, with its kinds of
// host. Errors are those of machines that were left out of the fit one at a time, or of models
// where a GPU was measured on one machine only. Nothing happens without sweeps.
[[nodiscard]] Result<void> fit_gpu_transfers(const TransferOptions& options,
                                             const models::Catalog& catalog,
                                             models::EngineProfile& profile);

// The host factor that makes synchronous rows of a table come out, with the profile's efficiency.
struct HostEstimate {
  double speed = 1.0;
  std::size_t rows = 0;
  double error_before = 0, error_after = 0;  // mean |error| of median TTFT, percent
};
[[nodiscard]] Result<HostEstimate> estimate_host(const std::string& runs, int threads,
                                                 const models::Catalog& catalog,
                                                 const models::EngineProfile& profile);

}  // namespace eph::calibration
