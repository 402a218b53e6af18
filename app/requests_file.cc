#include "app/requests_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "core/assert.h"
#include "core/csv.h"
#include "core/text.h"

namespace eph::app {

namespace {

// Divided once, so that whole nanoseconds come out as the shortest decimal.
std::string seconds(SimTime time) { return number(static_cast<double>(time.ns) / 1e9); }
std::string instant(SimTime time) { return time == SimTime::never() ? "" : seconds(time); }
std::string ms(Duration duration) { return number(static_cast<double>(duration.ns) / 1e6); }

std::string tpot_ms(const sim::RequestRecord& r) {
  return number(static_cast<double>((r.finish - r.first_token).ns) / 1e6 / (r.output_tokens - 1));
}

std::string_view status_name(sim::RequestStatus status) {
  switch (status) {
    case sim::RequestStatus::finished:
      return "finished";
    case sim::RequestStatus::rejected:
      return "rejected";
    case sim::RequestStatus::unfinished:
      return "unfinished";
    case sim::RequestStatus::cancelled:
      return "cancelled";
    case sim::RequestStatus::shed:
      return "shed";
    case sim::RequestStatus::lost:
      return "lost";
  }
  EPH_ASSERT(false, "request status {}", static_cast<int>(status));
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile out;
  out.path_ = path;
  out.file_.reset(std::fopen(path.c_str(), "wb"));
  if (!out.file_) {
    return io_error(path, fmt::format("cannot be written: {}", std::strerror(errno)));
  }
  return out;
}

void OutputFile::write(std::string_view text) {
  if (!failure_.empty()) return;
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) {
    failure_ = std::strerror(errno);
  }
}

Result<void> OutputFile::close() {
  if (std::fclose(file_.release()) != 0 && failure_.empty()) failure_ = std::strerror(errno);
  if (failure_.empty()) return {};
  return io_error(path_, fmt::format("cannot be written: {}", failure_));
}

std::string requests_header() {
  return "index,arrival_s,prompt_tokens,output_tokens,replica,queued_s,first_token_s,finish_s,ttft_"
         "ms,"
         "tpot_ms,e2e_ms,preemptions,cached_tokens,status,class\n";
}

std::string request_row(const sim::RequestRecord& r, std::string_view class_name) {
  const bool started = r.first_token != SimTime::never();
  const bool ended = r.status == sim::RequestStatus::finished;
  const bool gave_up = r.status == sim::RequestStatus::cancelled;
  const bool served = r.engine_queued != SimTime::never();
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", index(r.id), seconds(r.sent),
                     r.prompt_tokens, r.output_tokens,
                     served ? fmt::format("{}", index(r.replica)) : "", instant(r.engine_queued),
                     instant(r.first_token), ended || gave_up ? instant(r.finish) : "",
                     started ? ms(r.ttft()) : "", ended && r.output_tokens > 1 ? tpot_ms(r) : "",
                     ended ? ms(r.e2e()) : "", r.preemptions, r.cached_tokens,
                     status_name(r.status), csv_field(class_name));
}

RequestsFile::RequestsFile(OutputFile file, std::vector<std::string> pools, ClassNames classes)
    : file_(std::move(file)), pools_(std::move(pools)), classes_(std::move(classes)) {
  std::string header = requests_header();
  if (!pools_.empty()) header.insert(header.size() - 1, ",pool");
  file_.write(header);
}

std::string RequestsFile::row(const sim::RequestRecord& record) const {
  std::string out = request_row(record, class_of(record));
  if (!pools_.empty()) out.insert(out.size() - 1, ',' + csv_field(pools_[record.pool]));
  return out;
}

std::string_view RequestsFile::class_of(const sim::RequestRecord& record) const {
  if (!classes_) return {};
  const auto names = classes_();
  return record.request_class < names.size() ? std::string_view(names[record.request_class])
                                             : std::string_view();
}

void RequestsFile::on_request(const sim::RequestRecord& record) {
  const std::uint64_t at = index(record.id);
  EPH_ASSERT(at >= next_, "request {} ended twice: rows up to {} are written", at, next_);
  if (at - next_ >= waiting_.size()) waiting_.resize(at - next_ + 1);
  waiting_[at - next_] = record;
  while (!waiting_.empty() && waiting_.front()) {
    file_.write(row(*waiting_.front()));
    waiting_.pop_front();
    ++next_;
  }
}

Result<void> RequestsFile::close() {
  EPH_ASSERT(waiting_.empty(), "request {} of the run was never reported", next_);
  return file_.close();
}

}  // namespace eph::app
