// Price file and network profiles.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/distributions.h"
#include "core/stats.h"
#include "models/network_profile.h"
#include "models/price_book.h"
#include "tests/unit/models/support.h"

namespace eph::models {

TEST_CASE("every shipped GPU has a generic price, on demand and reserved, marked as assumed") {
  const Catalog catalog = shipped();
  const PriceBook book = must(catalog.prices());
  for (const std::string& name : must(catalog.gpu_names())) {
    INFO(name);
    const Price on_demand = must(book.find(name));
    const Price reserved = must(book.find(name, "generic", "reserved"));
    CHECK(on_demand.per_gpu_hour.value > reserved.per_gpu_hour.value);
    CHECK(reserved.per_gpu_hour.value > 0.1);
    CHECK(on_demand.assumed);
  }
  CHECK(must(book.find("h100-sxm")).per_gpu_hour.value == Approx(3.95));
  CHECK(must(book.find("h100-sxm", "vidur")).per_gpu_hour.value == Approx(4.25));
  CHECK(must(book.find("h100-sxm", "aws")).per_gpu_hour.value == Approx(55.04 / 8));
}

TEST_CASE("every price names its GPU, and a list price its date") {
  const Catalog catalog = shipped();
  const PriceBook book = must(catalog.prices());
  for (const Price& price : book.prices()) {
    INFO(price.gpu << " " << price.provider);
    CHECK(catalog.gpu(price.gpu).has_value());
    CHECK_FALSE(price.source.empty());
    CHECK(price.assumed == price.as_of.empty());
  }
}

TEST_CASE("a price that is not there says what is") {
  const std::string path =
      write_temporary("prices.json", R"({"version": 1, "currency": "USD", "prices": [
  {"gpu": "l4", "provider": "me", "commitment": "reserved", "per_gpu_hour": "0.5 USD/h", "source": "contract"}]})");
  const PriceBook book = must(PriceBook::load(path));
  CHECK(book.find("l4").error().text() ==
        path + " has no price for l4 from generic, on_demand; for this GPU there are: me reserved");
  CHECK(book.find("h200").error().remedy == "add one, or give your own file with --prices");
}

TEST_CASE("faults of a price file are all reported") {
  const std::string path =
      write_temporary("bad_prices.json", R"({"version": 1, "currency": "EUR", "prices": [
  {"gpu": "l4", "provider": "me", "commitment": "on_demand", "per_gpu_hour": 0.5, "source": "x"},
  {"gpu": "l4", "provider": "me", "commitment": "on_demand", "per_gpu_hour": "1 USD/h", "source": "x"}]})");
  const auto result = PriceBook::load(path);
  REQUIRE_FALSE(result.has_value());
  const std::string text = result.error().text();
  CHECK(text.find("\"EUR\" is not known") != std::string::npos);
  CHECK(text.find(":2:") != std::string::npos);  // the number without a unit, with its line
  CHECK(text.find("a second price for l4, me, on_demand; keep one") != std::string::npos);
}

TEST_CASE("network profiles: direct is nothing, a serverless cloud adds about 150 ms at p95") {
  const Catalog catalog = shipped();
  const NetworkProfile direct = must(catalog.network("direct"));
  CHECK(direct.client_to_gateway.median_s + direct.gateway_to_replica.p95_s +
            direct.replica_to_client.p95_s ==
        0);
  CHECK_FALSE(direct.assumed);

  const NetworkProfile cloud = must(catalog.network("serverless-cloud"));
  CHECK(cloud.assumed);
  Stream stream(StreamKey{.seed = 7, .run = 0, .purpose = Purpose::test, .entity = 0});
  std::vector<double> totals;
  for (int i = 0; i < 20000; ++i) {
    double total = 0;
    for (const HopDelay& hop :
         {cloud.client_to_gateway, cloud.gateway_to_replica, cloud.replica_to_client})
      total += draw_lognormal(stream, hop.mu(), hop.sigma());
    totals.push_back(total);
  }
  std::sort(totals.begin(), totals.end());
  CHECK(quantile_sorted(totals, 0.95) == Approx(0.150).epsilon(0.05));
  for (const std::string& name : must(catalog.network_names()))
    CHECK(must(catalog.network(name)).name == name);
}

TEST_CASE("a lognormal hop has the median and the 95th percentile it was given") {
  const HopDelay hop{.median_s = 0.020, .p95_s = 0.060};
  CHECK(std::exp(hop.mu()) == Approx(0.020));
  CHECK(std::exp(hop.mu() + 1.6448536269514722 * hop.sigma()) == Approx(0.060));
}

}  // namespace eph::models
