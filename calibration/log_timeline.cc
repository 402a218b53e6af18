#include "calibration/log_timeline.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/csv.h"

namespace eph::calibration {
namespace {

// The least distance between two instants at which the clocks are compared, and how far they may
// lie apart, s.
constexpr double kClockStep = 0.005, kClockRange = 5;

struct Sample {
  Level level;
  double prompt_tokens = 0;  // a second, since the row before
};

Result<std::vector<Sample>> read_samples(const std::string& path, bool& counts_prompts) {
  const auto table = CsvTable::load(path);
  if (!table) return table.error();
  for (const char* needed : {"t", "running", "waiting"}) {
    if (!table->column(needed))
      return row_error(
          path, 1, fmt::format("there is no column {}", needed),
          "give t, running and waiting, and kv_cache_pct and prompt_throughput if known");
  }
  counts_prompts = table->column("prompt_throughput").has_value();
  std::vector<Sample> out;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    Sample sample;
    const std::pair<const char*, double*> cells[] = {{"t", &sample.level.at_s},
                                                     {"running", &sample.level.running},
                                                     {"waiting", &sample.level.waiting},
                                                     {"kv_cache_pct", &sample.level.kv_percent},
                                                     {"prompt_throughput", &sample.prompt_tokens}};
    for (const auto& [column, value] : cells) {
      const auto number = table->number(row, column);
      if (!number) return number.error();
      if (*number) *value = **number;
    }
    if (!out.empty() && sample.level.at_s <= out.back().level.at_s)
      return row_error(path, table->line(row), "t does not grow");
    out.push_back(sample);
  }
  return out;
}

// Prompt tokens that are counted in another row than the file has them in, with the file's zero at
// `zero` on the engine's clock.
double misplaced(const RequestLog& log, const std::vector<Sample>& samples, double zero) {
  std::vector<double> counted(samples.size(), 0.0);
  double outside = 0;
  for (const LoggedRequest& r : log.requests) {
    const double at = r.first_token_s - zero;
    const auto row = std::upper_bound(samples.begin(), samples.end(), at,
                                      [](double t, const Sample& s) { return t < s.level.at_s; });
    if (row == samples.end())
      outside += static_cast<double>(r.prompt_tokens);
    else
      counted[static_cast<std::size_t>(row - samples.begin())] +=
          static_cast<double>(r.prompt_tokens);
  }
  double before = 0, sum = outside;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    sum += std::abs(counted[i] - samples[i].prompt_tokens * (samples[i].level.at_s - before));
    before = samples[i].level.at_s;
  }
  return sum;
}

double zero_of(const RequestLog& log, const std::vector<Sample>& samples) {
  const double arrival = log.arrival_on_engine_clock(log.requests.front());
  const int steps = static_cast<int>(kClockRange / kClockStep);
  double least = 0, first = 0, last = 0;
  for (int i = -steps; i <= steps; ++i) {
    const double zero = arrival + i * kClockStep;
    const double wrong = misplaced(log, samples, zero);
    if (i == -steps || wrong < least) {
      least = wrong;
      first = zero;
    }
    if (wrong == least) last = zero;
  }
  return (first + last) / 2;
}

}  // namespace

Result<std::vector<Level>> read_levels(const RequestLog& log) {
  const std::string path = log.folder + "/timeseries.csv";
  std::vector<Level> out;
  if (!std::filesystem::exists(path)) return out;
  bool counts_prompts = false;
  const auto samples = read_samples(path, counts_prompts);
  if (!samples) return samples.error();
  const double arrival = log.arrival_on_engine_clock(log.requests.front());
  const double shift = counts_prompts ? zero_of(log, *samples) - arrival : 0.0;
  for (const Sample& s : *samples) {
    out.push_back(s.level);
    out.back().at_s += shift;
  }
  return out;
}

LevelSink::LevelSink(int replicas, std::int64_t usable_blocks)
    : replicas_(static_cast<std::size_t>(replicas)),
      usable_(static_cast<double>(std::max<std::int64_t>(1, usable_blocks))) {}

void LevelSink::on_step(const sim::StepRecord& step) {
  Step kept{step.start.seconds(), step.end.seconds(), {}};
  kept.level.running = static_cast<double>(step.running);
  kept.level.waiting = static_cast<double>(step.waiting);
  kept.level.kv_percent = 100 * static_cast<double>(step.kv_blocks_used) / usable_;
  replicas_[index(step.replica)].push_back(kept);
}

std::vector<Level> LevelSink::at(const std::vector<Level>& instants) const {
  std::vector<Level> out;
  const auto count = static_cast<double>(replicas_.size());
  for (const Level& instant : instants) {
    Level sum;
    sum.at_s = instant.at_s;
    for (const std::vector<Step>& steps : replicas_) {
      const auto next = std::upper_bound(steps.begin(), steps.end(), instant.at_s,
                                         [](double t, const Step& s) { return t < s.start; });
      if (next == steps.begin() || std::prev(next)->end < instant.at_s) continue;
      const Level& level = std::prev(next)->level;
      sum.running += level.running;
      sum.waiting += level.waiting;
      sum.kv_percent += level.kv_percent / count;
    }
    out.push_back(sum);
  }
  return out;
}

std::string timeline_csv(const LogTimeline& timeline) {
  std::string out = "t_s,running,waiting,kv_percent,pred_running,pred_waiting,pred_kv_percent\n";
  for (std::size_t i = 0; i < timeline.measured.size(); ++i) {
    const Level &m = timeline.measured[i], &p = timeline.predicted[i];
    out += fmt::format("{:.6g},{:.6g},{:.6g},{},{:.6g},{:.6g},{:.6g}\n", m.at_s, m.running,
                       m.waiting, timeline.kv ? fmt::format("{:.6g}", m.kv_percent) : "", p.running,
                       p.waiting, p.kv_percent);
  }
  return out;
}

}  // namespace eph::calibration
