#pragma once
// The API server of one replica as a FIFO queue with one server.
#include <algorithm>

#include "core/time.h"
#include "models/front_end.h"

namespace eph::sim {

// Jobs are served in the order of their calls, which must be the order of their times. Because
// nothing overtakes, the end of a job is known when it arrives.
class FrontEndStation {
 public:
  explicit FrontEndStation(const models::FrontEnd& front_end) : front_end_(front_end) {}

  // A request reaches the server at `now`; returns when the scheduler can see it.
  SimTime request(SimTime now, std::int32_t prompt_tokens) {
    return serve(now, front_end_.request_s + front_end_.prompt_token_s * prompt_tokens);
  }
  // A step that sampled `tokens` ends at `now`; returns when they leave, together.
  SimTime tokens(SimTime now, std::int32_t tokens) {
    return serve(now, front_end_.output_token_s * tokens);
  }
  // They leave the server at `at`; returns when the client has handled them all. It takes them in
  // turn: a second FIFO server.
  SimTime deliver(SimTime at, std::int32_t tokens) {
    const SimTime arrival = at + Duration::from_seconds(front_end_.client_out_s);
    client_free_at_ = std::max(client_free_at_, arrival) +
                      Duration::from_seconds(front_end_.client_token_s * tokens);
    return client_free_at_;
  }

  // The same for many steps: what each costs here, and when the servers have nothing to do.
  struct Work {
    Duration station, out, client;
  };
  [[nodiscard]] Work work(std::int32_t tokens) const {
    return {Duration::from_seconds(front_end_.output_token_s * tokens),
            Duration::from_seconds(front_end_.client_out_s),
            Duration::from_seconds(front_end_.client_token_s * tokens)};
  }
  [[nodiscard]] SimTime free_at() const { return free_at_; }
  [[nodiscard]] SimTime client_free_at() const { return client_free_at_; }
  void set(SimTime free_at, SimTime client_free_at) {
    free_at_ = free_at;
    client_free_at_ = client_free_at;
  }

 private:
  SimTime serve(SimTime now, double seconds) {
    free_at_ = std::max(free_at_, now) + Duration::from_seconds(seconds);
    return free_at_;
  }

  models::FrontEnd front_end_;
  SimTime free_at_{}, client_free_at_{};
};

}  // namespace eph::sim
