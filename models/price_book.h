#pragma once
// What a GPU-hour costs, by GPU, provider and commitment.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/units.h"

namespace eph::models {

struct Price {
  std::string gpu;         // catalogue name: "h100-sxm"
  std::string provider;    // "generic", "aws", ...
  std::string commitment;  // "on_demand", "reserved", "spot"
  UsdPerHour per_gpu_hour;
  bool assumed = false;  // an assumption; else a published list price
  std::string as_of;     // when the list price held, "2025-06"
  std::string source;
};

class PriceBook {
 public:
  // {"version": 1, "currency": "USD", "prices": [{"gpu", "provider", "commitment", "per_gpu_hour":
  // "3.95 USD/h", "assumed", "as_of", "source"}]}; two prices for the same three keys are a fault.
  [[nodiscard]] static Result<PriceBook> load(const std::string& path);

  // An unknown combination is a usage error that says what there is for that GPU.
  [[nodiscard]] Result<Price> find(std::string_view gpu, std::string_view provider = "generic",
                                   std::string_view commitment = "on_demand") const;
  [[nodiscard]] const std::vector<Price>& prices() const { return prices_; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::vector<Price> prices_;
};

}  // namespace eph::models
