#pragma once
// Requests that several simulations of a sweep replay: read and transformed once.
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "core/result.h"
#include "models/catalog.h"
#include "scenario/assemble.h"
#include "scenario/scenario.h"

namespace eph::app {

// First everyone says what it will replay, by one thread; then threads use it.
class SharedRequests {
 public:
  static constexpr std::size_t kNone = ~std::size_t{0};
  // Of all lists that are held at the same time; a request takes about 100 bytes.
  static constexpr std::size_t kMostRequests = std::size_t{1} << 22;

  // A number to use it by; kNone for a workload that depends on the replicas or is cut by a
  // horizon, so that reading all of it would say too much.
  [[nodiscard]] std::size_t announce(const scenario::Scenario& scenario, std::uint64_t run);

  // Held while it lives; the last of those announced frees the requests.
  class Use {
   public:
    Use(SharedRequests& owner, std::size_t number) : owner_(&owner), number_(number) {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { owner_->release(number_); }
    // Null: nobody else wants them, or there are too many; stream them.
    [[nodiscard]] Result<const scenario::RequestList*> list(const models::Catalog& catalog) {
      return owner_->list(number_, catalog);
    }

   private:
    SharedRequests* owner_;
    std::size_t number_;
  };

 private:
  struct Entry {
    Entry(const scenario::WorkloadSpec& w, std::uint64_t s, std::uint64_t r)
        : workload(w), seed(s), run(r) {}
    scenario::WorkloadSpec workload;
    std::uint64_t seed, run;
    int announced = 0;
    std::atomic<int> left{0};
    std::mutex mutex;  // of what follows
    bool tried = false;
    Result<std::optional<scenario::RequestList>> requests{std::optional<scenario::RequestList>()};
  };
  [[nodiscard]] Result<const scenario::RequestList*> list(std::size_t number,
                                                          const models::Catalog& catalog);
  void release(std::size_t number);

  std::deque<Entry> entries_;
  std::atomic<std::size_t> held_{0};  // requests
};

}  // namespace eph::app
