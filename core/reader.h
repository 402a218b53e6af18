#pragma once
// Strict, typed reading of a JSON object into plain structs; every fault of the file in one pass.
//
//   Diagnostics faults;
//   Reader root(json, "chat.json", faults);
//   spec.name   = root.string("name");
//   spec.memory = root.bytes("memory");                         // "80 GiB"
//   spec.tp     = root.integer("tp", {.min = 1}, 1);            // optional with a default
//   for (Reader item : root.objects("pools")) { ...; item.finish(); }
//   root.finish();                                              // unknown and duplicate keys
//
// A missing required key, a wrong type or a value out of range adds a fault (file:line:column,
// JSON pointer, value, remedy) and returns the default or a zero value, so that reading goes on.
// finish() reports keys that nobody asked for, with a did-you-mean over those that were.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/json_doc.h"
#include "core/units.h"

namespace eph {

struct IntRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

class Reader {
 public:
  // `object` must outlive the reader. When it is not an object a fault is added and every read
  // gives its default silently.
  Reader(const Json& object, std::string file, Diagnostics& faults, std::string pointer = "");

  [[nodiscard]] bool has(std::string_view key);  // also counts as asked for

  // Without a default the key is required.
  std::string string(std::string_view key, std::optional<std::string> fallback = std::nullopt);
  bool boolean(std::string_view key, std::optional<bool> fallback = std::nullopt);
  std::int64_t integer(std::string_view key, IntRange range = {},
                       std::optional<std::int64_t> fallback = std::nullopt);
  double number(std::string_view key, Range range = {},
                std::optional<double> fallback = std::nullopt);
  // Quantities are strings with a unit; a bare number is a fault whose remedy names the unit.
  Seconds seconds(std::string_view key, std::optional<Seconds> fallback = std::nullopt);
  Bytes bytes(std::string_view key, std::optional<Bytes> fallback = std::nullopt);
  BytesPerSecond bandwidth(std::string_view key,
                           std::optional<BytesPerSecond> fallback = std::nullopt);
  FlopsPerSecond flops(std::string_view key, std::optional<FlopsPerSecond> fallback = std::nullopt);
  UsdPerHour usd_per_hour(std::string_view key, std::optional<UsdPerHour> fallback = std::nullopt);
  // One of `names`; returns its index. A fault lists the names with a did-you-mean.
  std::size_t choice(std::string_view key, std::initializer_list<std::string_view> names,
                     std::optional<std::size_t> fallback = std::nullopt);

  std::vector<double> numbers(std::string_view key, bool required = true);
  std::vector<std::string> strings(std::string_view key, bool required = true);
  // Sub-objects. An absent one yields a reader whose reads give their defaults and add no faults
  // (one fault was added if it was required): guard with has() where its own keys are required.
  Reader object(std::string_view key, bool required = true);
  std::vector<Reader> objects(std::string_view key, bool required = true);
  // The raw value, or nullptr; counts as asked for.
  const Json* raw(std::string_view key);

  // Adds a fault at `key` (at the object itself when empty).
  void fault(std::string_view key, std::string what, std::string remedy = {});
  // Reports unknown and duplicate keys. Call once per object, last.
  void finish();
  [[nodiscard]] Diagnostics& diagnostics() { return *faults_; }
  [[nodiscard]] const std::string& file() const { return *file_; }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }

 private:
  Reader(const Json& object, std::shared_ptr<const std::string> file, Diagnostics& faults,
         std::string pointer);
  const Json* take(std::string_view key, bool required, std::string_view example);
  void wrong_type(std::string_view key, const Json& value, std::string_view expected);
  void fault_at(SourcePlace place, std::string what, std::string remedy);
  template <class T>
  T quantity(std::string_view key, std::optional<T> fallback, Result<T> (*parse)(std::string_view),
             std::string_view example);
  // Calls `read(item, i)` for every element of the array.
  template <class ReadItem>
  void each_item(std::string_view key, bool required, std::string_view example, ReadItem read);
  [[nodiscard]] std::string pointer_to(std::string_view key) const;
  [[nodiscard]] std::string pointer_to(std::string_view key, std::size_t item) const;
  [[nodiscard]] SourcePlace place_of(std::string_view key, const Json* value) const;

  const Json* object_;
  std::shared_ptr<const std::string> file_;
  Diagnostics* faults_;
  std::string pointer_;
  std::vector<bool> asked_;  // by member: the first of its name, and asked for
  std::size_t asked_count_ = 0;
  std::set<std::string, std::less<>> absent_;  // asked for, but not there
  bool silent_ = false;  // not an object, or absent: every read gives its default without a fault
};

}  // namespace eph
