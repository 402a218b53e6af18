#pragma once
// Building blocks of the transforms: sources that wrap a source.
#include <memory>
#include <utility>
#include <vector>

#include "workload/arrival.h"

namespace eph::workload {

// Passes everything but pull on to the wrapped source.
class Decorator : public ArrivalSource {
 public:
  explicit Decorator(std::unique_ptr<ArrivalSource> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return inner_->block_hashes(arrival);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override {
    return inner_->hash_block_tokens();
  }
  [[nodiscard]] std::span<const std::string> class_names() const override {
    return inner_->class_names();
  }
  [[nodiscard]] SourceCounts counts() const override { return inner_->counts(); }

 protected:
  std::unique_ptr<ArrivalSource> inner_;
};

// Reads a source one request at a time, block by block.
class OneByOne {
 public:
  explicit OneByOne(ArrivalSource& source) : source_(&source), block_(256) {}

  // The next request (valid until the next call) or nullptr at the end.
  [[nodiscard]] Result<const Arrival*> next() {
    if (at_ == filled_) {
      const Result<std::size_t> pulled = source_->pull(block_);
      if (!pulled) return pulled.error();
      filled_ = *pulled;
      at_ = 0;
      if (filled_ == 0) return static_cast<const Arrival*>(nullptr);
    }
    return static_cast<const Arrival*>(&block_[at_++]);
  }

 private:
  ArrivalSource* source_;
  std::vector<Arrival> block_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
};

// Requests held back with their hashes; places are reused.
class HoldingPen {
 public:
  // Takes a copy of the hashes; returns the place.
  std::uint32_t put(const Arrival& arrival, std::span<const std::uint64_t> hashes);
  // Without the hashes.
  [[nodiscard]] const Arrival& at(std::uint32_t place) const { return places_[place].arrival; }
  [[nodiscard]] Arrival& at(std::uint32_t place) { return places_[place].arrival; }
  // Frees the place; appends the hashes to `out` and returns the request pointing to them.
  Arrival release(std::uint32_t place, std::vector<std::uint64_t>& out);

 private:
  struct Place {
    Arrival arrival;
    std::vector<std::uint64_t> hashes;
  };
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
};

}  // namespace eph::workload
