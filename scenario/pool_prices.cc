// What the machines of a fleet cost.
#include "scenario/fleet.h"

namespace eph::scenario {

Result<std::vector<std::optional<models::Price>>> pool_prices(const models::Catalog& catalog,
                                                              const Scenario& scenario,
                                                              const Assembly& assembly) {
  const PriceSpec usual;
  std::vector<std::optional<models::Price>> out;
  const Result<models::PriceBook> book = catalog.prices();
  for (std::size_t i = 0; i <= assembly.further.size(); ++i) {
    PriceSpec spec = scenario.fleet.price;
    if (i > 0 && i <= scenario.pools.size()) {
      const PoolSpec& pool = scenario.pools[i - 1];
      // With a list of its own it has no price of the first pool's.
      if (pool.usd_per_gpu_hour || pool.provider || pool.commitment)
        spec.usd_per_gpu_hour = pool.usd_per_gpu_hour;
      spec.provider = pool.provider.value_or(spec.provider);
      spec.commitment = pool.commitment.value_or(spec.commitment);
    }
    const models::GpuSpec& gpu = i == 0 ? assembly.gpu : assembly.further[i - 1]->gpu;
    if (spec.usd_per_gpu_hour) {
      models::Price& own = out.emplace_back().emplace();
      own.gpu = gpu.name;
      own.per_gpu_hour = UsdPerHour{*spec.usd_per_gpu_hour};
      continue;
    }
    const bool asked = spec.provider != usual.provider || spec.commitment != usual.commitment;
    if (!book && asked) return book.error();
    out.emplace_back();
    if (!book) continue;
    Result<models::Price> price = book->find(gpu.name, spec.provider, spec.commitment);
    if (!price && asked) return price.error();
    if (price) out.back() = std::move(*price);
  }
  return out;
}

}  // namespace eph::scenario
