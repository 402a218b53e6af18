// The channel over MPI, as a library of its own that is loaded under mpirun only: MPI's libraries
// would add to the start of every command. The only place that knows MPI.
#include <mpi.h>

#include <array>
#include <chrono>
#include <list>
#include <thread>

#include "jobs/channel.h"

namespace eph::jobs {
namespace {

// MPI's own handler for errors ends the whole run with a message, so none is checked here.
class MpiChannel final : public Channel {
 public:
  MpiChannel() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  ~MpiChannel() override {
    while (!sending_.empty()) {
      drop_sent();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    MPI_Finalize();
  }
  MpiChannel(const MpiChannel&) = delete;
  MpiChannel& operator=(const MpiChannel&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  [[nodiscard]] std::string host() const override {
    std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
    int length = 0;
    MPI_Get_processor_name(name.data(), &length);
    return {name.data(), static_cast<std::size_t>(length)};
  }

  // Blocking sends in both directions could wait for each other.
  void send(int to, std::string message) override {
    drop_sent();
    Sending& one = sending_.emplace_back();
    one.message = std::move(message);
    MPI_Isend(one.message.data(), static_cast<int>(one.message.size()), MPI_CHAR, to, 0,
              MPI_COMM_WORLD, &one.request);
  }

  std::optional<std::pair<int, std::string>> receive() override {
    drop_sent();
    int here = 0, length = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, 0, MPI_COMM_WORLD, &here, &status);
    if (here == 0) return std::nullopt;
    MPI_Get_count(&status, MPI_CHAR, &length);
    std::string message(static_cast<std::size_t>(length), '\0');
    MPI_Recv(message.data(), length, MPI_CHAR, status.MPI_SOURCE, 0, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    return std::pair(status.MPI_SOURCE, std::move(message));
  }

 private:
  struct Sending {
    std::string message;
    MPI_Request request{};
  };
  void drop_sent() {
    sending_.remove_if([](Sending& one) {
      int done = 0;
      MPI_Test(&one.request, &done, MPI_STATUS_IGNORE);
      return done != 0;
    });
  }

  int rank_ = 0, size_ = 1;
  std::list<Sending> sending_;
};

}  // namespace
}  // namespace eph::jobs

extern "C" [[gnu::visibility("default")]] eph::jobs::Channel* ephemeris_open_channel() {
  return new eph::jobs::MpiChannel();
}
