#include "calibration/offline_batch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>

namespace eph::calibration {
namespace {

// Full batches beyond the first that are worked out; more are taken to be like the last of them.
constexpr std::int64_t kBatches = 3;

// MODEL eq. 18: one launching thread beside the GPU, two steps in flight.
class Pipeline {
 public:
  void run(const models::StepTimes& t, bool async) {
    const double begin = async ? std::max(ends_[0], thread_) + results_[0] : now();
    thread_ = begin + t.lead + t.launch + t.launch_jitter;
    const double gpu_begin = std::max(ends_[1], begin + t.lead);
    const double late = std::max(0.0, thread_ - gpu_begin);
    const double gpu_square = t.gpu * t.gpu, late_square = late * late;
    ends_ = {ends_[1],
             gpu_begin + std::sqrt(std::sqrt(gpu_square * gpu_square + late_square * late_square))};
    results_ = {results_[1], t.results};
  }
  // The results of the last step are there.
  [[nodiscard]] double now() const { return std::max(ends_[1], thread_) + results_[1]; }

 private:
  double thread_ = 0;                         // end of its last launch
  std::array<double, 2> ends_{}, results_{};  // GPU end and result handling of the last two steps
};

struct Cohort {
  std::int64_t count = 0, first_step = 0;  // the step that computed its prompts
};

class Batch {
 public:
  Batch(const OfflineBatch& batch, const sim::EngineOptions& engine, const models::KvPool& kv)
      : batch_(batch), engine_(engine) {
    const std::int64_t need = (batch.isl + batch.osl + kv.block_size - 1) / kv.block_size;
    slots_ = std::min(engine.max_num_seqs, kv.usable_blocks / need);
  }
  [[nodiscard]] std::int64_t slots() const { return slots_; }
  [[nodiscard]] bool possible() const {
    return slots_ > 0 && batch_.isl <= engine_.max_num_batched_tokens;
  }

  // Seconds that `requests` requests take.
  [[nodiscard]] double seconds(std::int64_t requests, const models::StepModel& step) const {
    Pipeline pipeline;
    std::deque<Cohort> running;
    std::int64_t waiting = requests, free = slots_, freed_next = 0, decoding = 0;
    std::int64_t context = 0;  // KV tokens of all decoding requests
    for (std::int64_t k = 0; waiting > 0 || !running.empty(); ++k) {
      // Results of a step are known one step later, so its places are taken one step after that.
      free += freed_next;
      freed_next = 0;
      models::BatchShape shape;
      const std::int64_t room =
          std::max<std::int64_t>(0, engine_.max_num_batched_tokens - decoding);
      const std::int64_t admitted = std::min({waiting, free, room / batch_.isl});
      shape.decode_seqs = static_cast<std::int32_t>(decoding);
      shape.prefill_seqs = static_cast<std::int32_t>(admitted);
      shape.sampled_seqs = static_cast<std::int32_t>(decoding + admitted);
      shape.decode_context_tokens = context;
      shape.prefill_tokens = admitted * batch_.isl;
      shape.prefill_pairs = admitted * (batch_.isl * (batch_.isl + 1) / 2);
      if (shape.sampled_seqs > 0) pipeline.run(step.times(shape), engine_.async_scheduling);
      context += decoding;
      waiting -= admitted;
      free -= admitted;
      if (!running.empty() && k - running.front().first_step == batch_.osl - 1) {
        const std::int64_t ended = running.front().count;
        running.pop_front();
        decoding -= ended;
        context -= ended * (batch_.isl + batch_.osl - 1);
        (engine_.async_scheduling ? freed_next : free) += ended;
      }
      if (admitted > 0) {
        if (batch_.osl > 1) {
          running.push_back({admitted, k});
          decoding += admitted;
          context += admitted * batch_.isl;
        } else {
          free += admitted;
        }
      }
    }
    return pipeline.now();
  }

 private:
  OfflineBatch batch_;
  sim::EngineOptions engine_;
  std::int64_t slots_ = 0;
};

}  // namespace

double offline_output_tps(const OfflineBatch& batch, const sim::EngineOptions& engine,
                          const models::KvPool& kv, const models::StepModel& step) {
  const Batch run(batch, engine, kv);
  if (!run.possible() || batch.requests < 1) return 0;
  const double tokens = static_cast<double>(batch.requests) * static_cast<double>(batch.osl);
  const std::int64_t whole = batch.requests / run.slots();
  if (whole <= kBatches + 1) return tokens / run.seconds(batch.requests, step);
  const std::int64_t rest = batch.requests % run.slots();
  const double shorter = run.seconds(rest + (kBatches - 1) * run.slots(), step);
  const double longer = run.seconds(rest + kBatches * run.slots(), step);
  return tokens / (longer + static_cast<double>(whole - kBatches) * (longer - shorter));
}

}  // namespace eph::calibration
