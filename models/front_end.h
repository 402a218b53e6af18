#pragma once
// What lies between client and engine: client and HTTP constants, and the API server as a queue.
namespace eph::models {

// One FIFO server (the API-server process) per replica, seconds. A request is sent by the client,
// arrives client_in + Exp(jitter_mean) later, waits for the server, occupies it request_s +
// prompt_token_s * prompt, and is then visible to the engine's scheduler. The tokens of a finished
// step occupy it output_token_s each, leave together, and reach the client client_out later, which
// takes them in turn: a second FIFO server, client_token_s each.
// PERCENTILES section 2 has the measured values for vLLM. All zero: the engine is seen directly.
struct FrontEnd {
  double client_in_s = 0;
  double client_out_s = 0;
  double jitter_mean_s = 0;
  double request_s = 0;
  double prompt_token_s = 0;
  double output_token_s = 0;
  double client_token_s = 0;
};

}  // namespace eph::models
