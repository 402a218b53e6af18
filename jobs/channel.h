#pragma once
// Messages between the processes of one run.
#include <optional>
#include <string>
#include <utility>

namespace eph::jobs {

// Used by one thread. Messages of one sender to one receiver keep their order.
class Channel {
 public:
  virtual ~Channel() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  [[nodiscard]] virtual std::string host() const = 0;
  // Returns at once; the message is on its way until the destructor at the latest.
  virtual void send(int to, std::string message) = 0;
  // Sender and message, when one is there.
  [[nodiscard]] virtual std::optional<std::pair<int, std::string>> receive() = 0;
};

}  // namespace eph::jobs
