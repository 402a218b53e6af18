#include "calibration/measured_run.h"

namespace eph::calibration {

std::string_view column_name(Figure figure) {
  switch (figure) {
    case Figure::mean_ttft:
      return "mean_ttft_ms";
    case Figure::mean_tpot:
      return "mean_tpot_ms";
    case Figure::ttft_p50:
      return "ttft_p50_ms";
    case Figure::ttft_p95:
      return "ttft_p95_ms";
    case Figure::ttft_p99:
      return "ttft_p99_ms";
    case Figure::ttft_mean:
      return "ttft_mean_ms";
    case Figure::tpot_p50:
      return "tpot_p50_ms";
    case Figure::tpot_p95:
      return "tpot_p95_ms";
    case Figure::tpot_p99:
      return "tpot_p99_ms";
    case Figure::tpot_mean:
      return "tpot_mean_ms";
    case Figure::itl_p50:
      return "itl_p50_ms";
    case Figure::itl_p95:
      return "itl_p95_ms";
    case Figure::itl_p99:
      return "itl_p99_ms";
    case Figure::itl_mean:
      return "itl_mean_ms";
    case Figure::e2e_p50:
      return "e2e_p50_ms";
    case Figure::e2e_p95:
      return "e2e_p95_ms";
    case Figure::e2e_p99:
      return "e2e_p99_ms";
    case Figure::e2e_mean:
      return "e2e_mean_ms";
    case Figure::achieved_rps:
      return "achieved_rps";
    case Figure::output_tps:
      return "output_tps";
    case Figure::mean_concurrency:
      return "mean_concurrency";
    case Figure::max_output_tps:
      return "output_tok_s_total";
    case Figure::queue:
      return "queue_ms";
    case Figure::ttft:
      return "ttft_ms";
    case Figure::tpot:
      return "tpot_ms";
    case Figure::e2e:
      return "e2e_ms";
    case Figure::ttft_p90:
      return "ttft_p90_ms";
    case Figure::itl_p90:
      return "itl_p90_ms";
    case Figure::e2e_p90:
      return "e2e_p90_ms";
    case Figure::total_tps:
      return "total_tps";
    case Figure::prefill_tps:
      return "prefill_tps";
    case Figure::count_:
      break;
  }
  return "";
}

std::string_view name(Protocol protocol) {
  switch (protocol) {
    case Protocol::inferencemax:
      return "inferencemax";
    case Protocol::burst:
      return "burst";
    case Protocol::closed_loop_unknown_ramp:
      return "closed_loop_unknown_ramp";
    case Protocol::synchronous:
      return "synchronous";
    case Protocol::constant:
      return "constant";
    case Protocol::throughput:
      return "throughput";
    case Protocol::offline:
      return "offline";
    case Protocol::closed_loop:
      return "closed_loop";
    case Protocol::open_loop:
      return "open_loop";
    case Protocol::recorded:
      return "recorded";
    case Protocol::one_batch:
      return "one_batch";
    case Protocol::unknown:
      break;
  }
  return "unknown";
}

Protocol parse_protocol(std::string_view text) {
  for (const Protocol p :
       {Protocol::inferencemax, Protocol::burst, Protocol::closed_loop_unknown_ramp,
        Protocol::synchronous, Protocol::constant, Protocol::throughput, Protocol::offline,
        Protocol::closed_loop, Protocol::open_loop, Protocol::recorded, Protocol::one_batch}) {
    if (text == name(p)) return p;
  }
  return Protocol::unknown;
}

}  // namespace eph::calibration
