// Rows are read the short way (RowCursor) where they are plain, and must be those that the long way
// gives.
#include <array>

#include "core/rng.h"
#include "tests/unit/workload/support.h"
#include "workload/row_cursor.h"
#include "workload/row_fields.h"

namespace eph::workload {
namespace {

// The short way is taken where all lines in memory are surely within the limit, so a small limit
// makes the reader take the long way for every row.
void check_same(const std::string& text, ZeroOutput zero) {
  TraceOptions options;
  options.zero_output = zero;
  const Pulled fast = read_text("ways.txt", text, options);
  options.max_line_bytes = 4096;
  const Pulled slow = read_text("ways.txt", text, options);
  REQUIRE(fast.error == slow.error);
  REQUIRE(fast.arrivals.size() == slow.arrivals.size());
  for (std::size_t i = 0; i < fast.arrivals.size(); ++i) {
    const Arrival &a = fast.arrivals[i], &b = slow.arrivals[i];
    const bool same =
        a.at == b.at && a.prompt_tokens == b.prompt_tokens && a.output_tokens == b.output_tokens &&
        a.max_output_tokens == b.max_output_tokens && a.prefix_tokens == b.prefix_tokens &&
        a.prefix_group == b.prefix_group && a.request_class == b.request_class &&
        a.priority == b.priority && a.timeout == b.timeout && a.session == b.session;
    CAPTURE(i, a.at.ns, b.at.ns, a.prompt_tokens, b.prompt_tokens);
    REQUIRE(same);
  }
  CHECK(fast.counts.rows == slow.counts.rows);
  CHECK(fast.counts.failures_dropped == slow.counts.failures_dropped);
  CHECK(fast.counts.failures_kept == slow.counts.failures_kept);
  if (slow.error.empty()) CHECK(fast.class_names == slow.class_names);
}

// Fields as they may stand in a trace, now and then in an unusual form.
class Rows {
 public:
  Rows(std::uint64_t entity, std::uint64_t unusual)
      : stream_({.seed = 78, .purpose = Purpose::test, .entity = entity}), unusual_(unusual) {}

  std::string azure(std::uint64_t i) {
    const auto two = [](std::uint64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    const std::uint64_t s = i * 7;
    const std::string middle = unusual() ? "T" : " ";
    const std::string zone = unusual() ? "Z" : stream_.below(2) == 0 ? "+00:00" : "";
    return "2024-05-1" + std::to_string(s / 86400) + middle + two(s / 3600 % 24) + ":" +
           two(s / 60 % 60) + ":" + two(s % 60) + fraction() + zone + "," + number() + "," +
           number() + end();
  }
  std::string burstgpt(std::uint64_t i) {
    return std::to_string(i * 7) + fraction() + "," + text() + ",3.2," + text() + "," + number() +
           "," + number() + ",9," + text() + end();
  }
  std::string plain(std::uint64_t i) {
    const bool more = unusual();
    return number() + "," + std::to_string(i * 7) + fraction() + "," + number() +
           (more ? ",999999999,1,g," : ",,,,") + text() + "," + text() + (more ? ",-3,2.5" : ",,") +
           end();
  }

 private:
  bool unusual() { return unusual_ > 0 && stream_.below(unusual_) == 0; }
  std::string number() {
    constexpr std::array<std::string_view, 9> kUnusual{
        "", "-5", "007", "12345678", "123456789", "1.5e1", " 4", "0", "0"};
    if (unusual()) return std::string(kUnusual[stream_.below(kUnusual.size())]);
    return std::to_string(1 + stream_.below(std::uint64_t{1} << (1 + stream_.below(20))));
  }
  std::string text() {
    constexpr std::array<std::string_view, 9> kTexts{
        "chat", "batch", "17", "ChatGPT", "a longer name of a class", "", "\"GPT, 4\"", "x\r", " "};
    return std::string(kTexts[stream_.below(unusual() ? kTexts.size() : 5)]);
  }
  std::string fraction() {
    const auto digits = stream_.below(unusual() ? 13 : 10);
    std::string out = digits > 0 || unusual() ? "." : "";
    for (std::uint64_t i = 0; i < digits; ++i) out += static_cast<char>('0' + stream_.below(10));
    return out;
  }
  std::string end() { return unusual() ? "\r\n" : "\n"; }

  Stream stream_;
  std::uint64_t unusual_;
};

}  // namespace

TEST_CASE("rows read the short way are those read the long way, faults included") {
  constexpr std::array<std::string_view, 3> kHeads{
      "TIMESTAMP,ContextTokens,GeneratedTokens\n",
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
      "Log Type\n",
      "prompt_tokens,arrival_s,output_tokens,max_output_tokens,prefix_tokens,prefix_group,session,"
      "class,priority,timeout_s\n"};
  constexpr std::array<ZeroOutput, 3> kZero{ZeroOutput::by_format, ZeroOutput::drop,
                                            ZeroOutput::keep_as_one};
  std::size_t long_files = 0;
  for (std::uint64_t i = 0; i < 1800; ++i) {
    Rows rows(i, i < 6 ? 0 : i % 4 == 0 ? 30 : 300);
    std::string text(kHeads[i % 3]);
    const std::uint64_t count = i < 6 ? 15'000 : 1 + i % 40;  // the first: several blocks
    for (std::uint64_t row = 0; row < count; ++row)
      text += i % 3 == 0 ? rows.azure(row) : i % 3 == 1 ? rows.burstgpt(row) : rows.plain(row);
    long_files += text.size() > 400'000 ? 1 : 0;
    if (i % 7 == 6) text.resize(text.size() - i % 5);  // ends within a row
    CAPTURE(i);
    check_same(text, kZero[i / 3 % 3]);
  }
  CHECK(long_files >= 4);
}

TEST_CASE("the cursor reads numbers of every length, and stops at what is no plain number") {
  const auto whole = [](std::string text) -> std::int64_t {
    text += ",\n";
    text.resize(text.size() + RowCursor::kBeyond);
    RowCursor in(text.data());
    std::int64_t value = 0;
    return in.whole(value) && in.comma() ? value : -1;
  };
  const auto decimal = [](std::string text) -> std::int64_t {
    text += "\n";
    text.resize(text.size() + RowCursor::kBeyond);
    RowCursor in(text.data());
    std::int64_t value = 0;
    return in.decimal(value) && in.line_end() ? value : -1;
  };
  CHECK(whole("0") == 0);
  CHECK(whole("7") == 7);
  CHECK(whole("40961") == 40961);
  CHECK(whole("12345678") == 12345678);
  CHECK(whole("123456789") == -1);  // nine digits: the long way
  for (const char* bad : {"", "-1", "1.", "1x", " 1", "\x80", "1\xb0", ":"})
    CHECK(whole(bad) == -1);
  for (std::int64_t n = 1; n < 100'000'000; n = n * 3 + 1) CHECK(whole(std::to_string(n)) == n);

  // Against the long way: nanoseconds of decimal seconds.
  for (const char* text : {"0", "1.5", "3.25", "17.000000001", "99999999.999999999", "0.1234567",
                           "12.12345678", "5.1"}) {
    INFO(text);
    CHECK(decimal(text) == *parse_scaled(text, 9));
  }
  for (const char* bad : {"1.", "1.1234567891", "1e3", "-2", "100000000", ".5"})
    CHECK(decimal(bad) == -1);
}

TEST_CASE("a field's text ends at a comma or the line's end, and quotes are left to the long way") {
  std::string text = "chat,a field of more than eight bytes,,last\r\nnext,\"x\"\n";
  text.resize(text.size() + RowCursor::kBeyond);
  RowCursor in(text.data());
  std::string_view field;
  CHECK((in.text(field) && field == "chat" && in.comma()));
  CHECK((in.text(field) && field == "a field of more than eight bytes" && in.comma()));
  CHECK((in.text(field) && field.empty() && in.comma()));
  CHECK((in.text(field) && field == "last" && in.line_end()));
  CHECK((in.text(field) && field == "next" && in.comma()));
  CHECK_FALSE(in.text(field));
}

}  // namespace eph::workload
