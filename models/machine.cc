#include "models/machine.h"

#include <cmath>
#include <initializer_list>

namespace eph::models {

CoefficientValues on_machine(CoefficientValues values, const Machine& machine) {
  using C = Coefficient;
  const auto scale = [&](std::initializer_list<C> list, double factor) {
    for (const C c : list) values[static_cast<std::size_t>(c)] *= factor;
  };
  scale({C::gemm_scale, C::moe_scale, C::elementwise_scale, C::decode_attention_scale,
         C::prefill_attention_scale, C::layer_overhead, C::step_overhead, C::seq_overhead,
         C::layer_seq_overhead, C::prefill_token_overhead, C::prefill_step_overhead},
        machine.efficiency);
  scale({C::layer_overhead, C::step_overhead, C::seq_overhead, C::layer_seq_overhead,
         C::prefill_token_overhead, C::prefill_step_overhead},
        machine.overhead);
  // Exponents: 1.37 and 1.16 on the same machines for the engine and the API server, spreads of
  // single requests 0.33 and 0.54 ms (GuideLLM sweeps, Spare Cores).
  scale({C::host_step, C::host_seq, C::host_tp, C::host_layer_graph, C::host_layer_eager,
         C::host_prefill_token},
        machine.host_speed);
  scale({C::host_layer_graph, C::host_layer_eager}, machine.launch);
  scale({C::server_request, C::server_prompt_token, C::server_output_token},
        std::sqrt(machine.host_speed));
  scale({C::client_jitter}, std::pow(machine.host_speed, 1.5));
  return values;
}

GpuSpec on_machine(GpuSpec gpu, const Machine& machine) {
  for (FlopsPerSecond* rate : {&gpu.bf16, &gpu.fp8, &gpu.fp4}) rate->value /= machine.compute;
  gpu.link_bandwidth.value /= machine.link;
  return gpu;
}

FrontEnd front_end_of(const CoefficientValues& values) {
  const auto si = [&](Coefficient c) {
    return values[static_cast<std::size_t>(c)] * coefficient_info(c).to_si;
  };
  FrontEnd f;
  f.client_in_s = si(Coefficient::client_in);
  f.client_out_s = si(Coefficient::client_out);
  f.client_token_s = si(Coefficient::client_token);
  f.jitter_mean_s = si(Coefficient::client_jitter);
  f.request_s = si(Coefficient::server_request);
  f.prompt_token_s = si(Coefficient::server_prompt_token);
  f.output_token_s = si(Coefficient::server_output_token);
  return f;
}

}  // namespace eph::models
