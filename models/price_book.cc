#include "models/price_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/json_doc.h"
#include "core/reader.h"

namespace eph::models {
namespace {

constexpr std::string_view kCommitments[] = {"on_demand", "reserved", "spot"};

bool same_key(const Price& price, std::string_view gpu, std::string_view provider,
              std::string_view commitment) {
  return price.gpu == gpu && price.provider == provider && price.commitment == commitment;
}

Price read_price(Reader& item) {
  Price price;
  price.gpu = item.string("gpu");
  price.provider = item.string("provider");
  price.commitment =
      kCommitments[item.choice("commitment", {kCommitments[0], kCommitments[1], kCommitments[2]})];
  price.per_gpu_hour = item.usd_per_hour("per_gpu_hour");
  if (price.per_gpu_hour.value < 0) item.fault("per_gpu_hour", "must not be negative");
  price.assumed = item.boolean("assumed", false);
  price.as_of = item.string("as_of", "");
  price.source = item.string("source");
  item.finish();
  return price;
}

}  // namespace

Result<PriceBook> PriceBook::load(const std::string& path) {
  auto json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  PriceBook book;
  book.file_ = path;
  root.integer("version", {.min = 1, .max = 1});
  root.choice("currency", {"USD"});
  for (Reader& item : root.objects("prices")) {
    Price price = read_price(item);
    const bool twice =
        std::any_of(book.prices_.begin(), book.prices_.end(), [&price](const Price& other) {
          return same_key(other, price.gpu, price.provider, price.commitment);
        });
    if (twice)
      item.fault(
          "gpu",
          fmt::format("a second price for {}, {}, {}", price.gpu, price.provider, price.commitment),
          "keep one");
    book.prices_.push_back(std::move(price));
  }
  root.finish();
  if (!faults.ok()) return faults.combined();
  return book;
}

Result<Price> PriceBook::find(std::string_view gpu, std::string_view provider,
                              std::string_view commitment) const {
  std::string known;
  for (const Price& price : prices_) {
    if (same_key(price, gpu, provider, commitment)) return price;
    if (price.gpu == gpu)
      known += fmt::format("{}{} {}", known.empty() ? "" : ", ", price.provider, price.commitment);
  }
  return usage_error(
      fmt::format("{} has no price for {} from {}, {}", file_, gpu, provider, commitment),
      known.empty() ? "add one, or give your own file with --prices"
                    : fmt::format("for this GPU there are: {}", known));
}

}  // namespace eph::models
