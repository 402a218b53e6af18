// Mooncake (FAST'25) traces: JSON lines with times in ms, lengths and the hashes of the prompt's
// 512-token blocks, the last one partly filled.
#include <fmt/format.h>

#include "workload/dequantise.h"
#include "workload/mooncake_row.h"
#include "workload/row_reader.h"

namespace eph::workload {
namespace {

class MooncakeReader : public RowReader {
 public:
  MooncakeReader(LineSource lines, std::string first_line, ZeroOutput zero_output,
                 std::int32_t block_tokens)
      : RowReader(std::move(lines), zero_output, std::move(first_line)),
        block_tokens_(block_tokens) {}

  [[nodiscard]] std::span<const std::uint64_t> block_hashes(const Arrival& arrival) const override {
    return std::span(hashes_).subspan(arrival.hash_offset, arrival.hash_count);
  }
  [[nodiscard]] std::int32_t hash_block_tokens() const override { return block_tokens_; }

 protected:
  void start_block() override { hashes_.clear(); }

  Row read_row(std::string_view line, Arrival& out) override {
    MooncakeRow row;
    const std::size_t offset = hashes_.size();
    if (auto problem = scan_mooncake_row(line, row, hashes_))
      return fault(std::move(problem->what), std::move(problem->remedy));
    for (const auto& [key, text] :
         {std::pair{"timestamp", row.timestamp}, std::pair{"input_length", row.input_length},
          std::pair{"output_length", row.output_length}}) {
      if (text.empty())
        return fault(fmt::format("row without \"{}\"", key),
                     "a row has timestamp, input_length, output_length, hash_ids");
    }
    const std::optional<std::int64_t> ns = parse_scaled(row.timestamp, 6);
    if (!ns || *ns < 0) {
      return fault(fmt::format("timestamp \"{}\" is not a time", shown(row.timestamp)),
                   "give milliseconds of at least 0");
    }
    if (!zero_) zero_ = ns;
    if (!set_time("timestamp", row.timestamp, *ns, *zero_, out)) return Row::faulty;
    if (!read_tokens("input_length", row.input_length, out.prompt_tokens)) return Row::faulty;
    const Row output = read_output("output_length", row.output_length, out);
    if (output != Row::taken) {
      hashes_.resize(offset);
      return output;
    }
    out.hash_offset = offset;
    out.hash_count = static_cast<std::uint32_t>(hashes_.size() - offset);
    return row.has_hashes ? check_blocks(out) : Row::taken;
  }

 private:
  Row check_blocks(const Arrival& out) {
    const std::int64_t expected =
        (std::int64_t{out.prompt_tokens} + block_tokens_ - 1) / block_tokens_;
    if (out.hash_count == expected) return Row::taken;
    return fault(fmt::format("{} hash_ids for {} prompt tokens, expected {} blocks of {} tokens",
                             out.hash_count, out.prompt_tokens, expected, block_tokens_),
                 "give one hash a block, the last one for the rest; or set the block size");
  }

  std::int32_t block_tokens_;
  std::vector<std::uint64_t> hashes_;  // of the rows of the last pull
  std::optional<std::int64_t> zero_;   // time of the first row
};

}  // namespace

Result<std::unique_ptr<ArrivalSource>> make_mooncake_reader(ReaderInput input) {
  const TraceOptions& options = input.options;
  if (options.hash_block_tokens < 1) {
    return usage_error(
        fmt::format("hash block size is {} tokens, must be at least 1", options.hash_block_tokens),
        "Mooncake's published traces use 512");
  }
  std::unique_ptr<ArrivalSource> reader =
      std::make_unique<MooncakeReader>(std::move(input.lines), std::move(input.header),
                                       options.zero_output, options.hash_block_tokens);
  if (!options.dequantise) return reader;
  return dequantise(std::move(reader), *options.dequantise, options.seed, options.run);
}

}  // namespace eph::workload
