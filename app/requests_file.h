#pragma once
// simulate --requests-out: one CSV row a request, in the order the requests were sent.
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "sim/metrics_sink.h"

namespace eph::app {

// A file that is written from start to end; the first failure is kept and reported by close().
class OutputFile {
 public:
  [[nodiscard]] static Result<OutputFile> create(const std::string& path);
  void write(std::string_view text);
  [[nodiscard]] Result<void> close();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::string failure_;
};

// Requests end in any order; rows wait until all earlier requests have ended, so that memory grows
// with the requests in flight, not with the run.
class RequestsFile final : public sim::MetricsSink {
 public:
  // Columns: index, arrival_s (sent by the client), prompt_tokens, output_tokens (produced),
  // replica, queued_s (instant at which the engine's scheduler sees it), first_token_s, finish_s
  // (at the client; of a cancelled request when it gave up), ttft_ms, tpot_ms, e2e_ms, preemptions,
  // cached_tokens (prompt tokens found in the prefix cache at its first admission), status, class
  // (empty where the requests have none). What a request never reached is empty. With the names of
  // several pools, `pool`: which had it last. `classes` gives the names by number, of all classes
  // seen so far; it may be empty.
  using ClassNames = std::function<std::span<const std::string>()>;
  explicit RequestsFile(OutputFile file, std::vector<std::string> pools = {},
                        ClassNames classes = {});
  void on_request(const sim::RequestRecord& record) override;
  [[nodiscard]] Result<void> close();

 private:
  [[nodiscard]] std::string row(const sim::RequestRecord& record) const;
  [[nodiscard]] std::string_view class_of(const sim::RequestRecord& record) const;

  OutputFile file_;
  std::vector<std::string> pools_;
  ClassNames classes_;
  std::deque<std::optional<sim::RequestRecord>> waiting_;  // of requests next_, next_ + 1, ...
  std::uint64_t next_ = 0;
};

[[nodiscard]] std::string requests_header();
[[nodiscard]] std::string request_row(const sim::RequestRecord& record,
                                      std::string_view class_name = {});

}  // namespace eph::app
