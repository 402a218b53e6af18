// ephemeris explain: where the time of one request of a run went.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "app/commands.h"
#include "app/console.h"
#include "app/data_folder.h"
#include "app/scenario_flags.h"
#include "app/table.h"
#include "core/text.h"
#include "scenario/assemble.h"
#include "scenario/fleet.h"
#include "sim/explanation.h"
#include "sim/simulation.h"

namespace eph::app {

namespace {

FlagUse flag_use() {
  FlagUse use;
  use.without = {"runs", "slo"};
  return use;
}

std::vector<OptionGroup> groups() {
  std::vector<OptionGroup> all = scenario_options(flag_use());
  all.push_back({"request",
                 {{"request", "ID", "the request with this number, as in simulate --requests-out"},
                  {"percentile", "P",
                   "the finished request whose latency is the P-th percentile (nearest rank)"},
                  {"of", "LATENCY", "of which latency: ttft, tpot, e2e [ttft]"}}});
  all.push_back({"output", {{"json", "", "print JSON instead of tables: times in ns"}}});
  all.push_back({"execution", {data_option()}});
  return all;
}

struct Question {
  std::optional<std::int64_t> request;
  double percentile = 0;
  sim::Latency of = sim::Latency::ttft;
  std::string of_name = "ttft";
};

Result<Question> read_question(const Arguments& arguments) {
  Question out;
  if (arguments.has("request") == arguments.has("percentile")) {
    return usage_error("explain one request, by number or by percentile",
                       "give --request ID, or --percentile P --of ttft");
  }
  if (arguments.has("request")) {
    if (arguments.has("of"))
      return usage_error("--of has no effect on a request given by number", "leave it out");
    const Result<std::int64_t> id = arguments.integer("request", 0, std::int64_t{1} << 53, 0);
    if (!id) return id.error();
    out.request = *id;
    return out;
  }
  const std::string text = arguments.text("percentile");
  const auto p = parse_double(text);
  if (!p || !(*p > 0 && *p <= 100))
    return usage_error(fmt::format("--percentile: \"{}\" is no percentile", text),
                       "use a number above 0 and at most 100");
  out.percentile = *p;
  out.of_name = arguments.text("of", "ttft");
  if (out.of_name == "tpot") {
    out.of = sim::Latency::tpot;
  } else if (out.of_name == "e2e") {
    out.of = sim::Latency::e2e;
  } else if (out.of_name != "ttft") {
    const std::vector<std::string> names{"ttft", "tpot", "e2e"};
    return usage_error(fmt::format("--of: \"{}\" is not known", out.of_name),
                       suggest(out.of_name, names));
  }
  return out;
}

// The first run: keeps the record that was asked for, or every finished one's latency.
class Finder final : public sim::MetricsSink {
 public:
  explicit Finder(const Question& question) : question_(question) {}
  void on_request(const sim::RequestRecord& r) override {
    const bool finished = r.status == sim::RequestStatus::finished;
    if (question_.request) {
      if (index(r.id) == static_cast<std::uint64_t>(*question_.request)) record_ = r;
    } else if (finished && (question_.of != sim::Latency::tpot || r.output_tokens > 1)) {
      records_.push_back(r);
    }
  }
  [[nodiscard]] Result<sim::RequestRecord> found();
  [[nodiscard]] std::size_t count() const { return records_.size(); }

 private:
  [[nodiscard]] double value(const sim::RequestRecord& r) const {
    if (question_.of == sim::Latency::tpot) return r.tpot_s();
    return question_.of == sim::Latency::e2e ? r.e2e().seconds() : r.ttft().seconds();
  }

  const Question& question_;
  std::optional<sim::RequestRecord> record_;
  std::vector<sim::RequestRecord> records_;
};

Result<sim::RequestRecord> Finder::found() {
  if (question_.request) {
    if (!record_)
      return usage_error(fmt::format("there is no request {}", *question_.request),
                         "simulate --requests-out lists the requests of a run");
    if (record_->status == sim::RequestStatus::finished) return *record_;
    std::string_view what = "unfinished at the horizon";
    if (record_->status == sim::RequestStatus::rejected) what = "rejected";
    if (record_->status == sim::RequestStatus::cancelled) what = "cancelled by its client";
    if (record_->status == sim::RequestStatus::shed) what = "shed by the gateway";
    if (record_->status == sim::RequestStatus::lost) what = "lost with its replica";
    return usage_error(fmt::format("request {} was {}", *question_.request, what),
                       "explain one that finished");
  }
  if (records_.empty())
    return usage_error(fmt::format("no request has a {}", question_.of_name),
                       "send requests that finish");
  const auto rank = static_cast<std::size_t>(
      std::ceil(question_.percentile / 100 * static_cast<double>(records_.size())));
  const auto at =
      records_.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, rank) - 1);
  std::nth_element(records_.begin(), at, records_.end(), [this](const auto& a, const auto& b) {
    return std::pair(value(a), a.id) < std::pair(value(b), b.id);
  });
  return *at;
}

Result<void> run_with(const models::Catalog& catalog, const scenario::Scenario& scenario,
                      const scenario::Assembly& assembly, sim::MetricsSink& sink) {
  auto load = scenario::make_load(catalog, scenario.workload, scenario.seed, 0);
  if (!load) return load.error();
  Result<scenario::RunConfig> made = scenario::run_config(catalog, scenario, assembly, 0);
  if (!made) return made.error();
  const sim::SimulationConfig& config = made->config;
  sim::RunOptions options;
  options.sink = &sink;
  const Result<sim::RunSummary> summary = sim::Simulation(config).run(**load, options);
  if (!summary) return summary.error();
  return {};
}

struct Answer {
  sim::RequestRecord record;
  sim::Explanation parts;
  std::size_t finished = 0;  // among which the percentile was taken
};

std::string ms(Duration d) { return number(static_cast<double>(d.ns) / 1e6); }

std::string headline(const Question& question, const Answer& answer) {
  const sim::RequestRecord& r = answer.record;
  std::string out = fmt::format(
      "request {}: {} prompt and {} output tokens on replica {}, sent at {} s, preempted {} "
      "times{}\n",
      index(r.id), r.prompt_tokens, r.output_tokens, index(r.replica),
      number(static_cast<double>(r.sent.ns) / 1e9), r.preemptions,
      r.retries > 0 ? fmt::format(", sent again {} times", r.retries) : "");
  if (!question.request) {
    out += fmt::format("its {} is the {}th percentile of {} requests\n", question.of_name,
                       number(question.percentile), answer.finished);
  }
  out += fmt::format("ttft {} ms, e2e {} ms", ms(r.ttft()), ms(r.e2e()));
  if (r.output_tokens > 1) out += fmt::format(", tpot {} ms", number(r.tpot_s() * 1e3));
  return out + "\n\n";
}

// A part after the first token is a difference of ways, and may be below zero: says why.
std::string negative_note(const sim::Explanation& parts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < sim::kTimeParts; ++i)
    if (parts.after.part[i] < Duration::zero())
      names.emplace_back(name(static_cast<sim::TimePart>(i)));
  if (names.empty()) return {};
  return fmt::format(
      "{} below zero after the first token: that column is the whole less the time to the first "
      "token, and the last token took less time there than the first; every column adds up exactly",
      fmt::join(names, " and "));
}

std::string text(const Question& question, const Answer& answer,
                 const std::vector<std::string>& warnings) {
  TextTable table({"ms", "to first token", "after it", "whole", "share"}, {TextTable::Align::left});
  const sim::Explanation& e = answer.parts;
  const double whole = static_cast<double>(e.whole.total().ns);
  for (std::size_t i = 0; i < sim::kTimeParts; ++i) {
    const bool of_fleets = static_cast<sim::TimePart>(i) >= sim::TimePart::transfer;
    if (of_fleets && e.whole.part[i] == Duration::zero()) continue;
    table.add({std::string(name(static_cast<sim::TimePart>(i))), ms(e.to_first_token.part[i]),
               ms(e.after.part[i]), ms(e.whole.part[i]),
               percent(static_cast<double>(e.whole.part[i].ns) / whole)});
  }
  table.add({"total", ms(e.to_first_token.total()), ms(e.after.total()), ms(e.whole.total()),
             percent(1)});
  std::string out = headline(question, answer) + table.text();
  if (const std::string note = negative_note(e); !note.empty())
    out += fmt::format("\nnote: {}\n", note);
  for (const std::string& warning : warnings) out += fmt::format("\nwarning: {}", warning);
  return warnings.empty() ? out : out + '\n';
}

Json parts_json(const sim::TimeParts& parts) {
  Json out = Json::object();
  for (std::size_t i = 0; i < sim::kTimeParts; ++i)
    out.set(std::string(name(static_cast<sim::TimePart>(i))), Json::integer(parts.part[i].ns));
  out.set("total", Json::integer(parts.total().ns));
  return out;
}

Json json(const Question& question, const Answer& answer, const std::vector<std::string>& notes) {
  const sim::RequestRecord& r = answer.record;
  Json request = Json::object();
  request.set("index", Json::integer(static_cast<std::int64_t>(index(r.id))));
  request.set("replica", Json::integer(index(r.replica)));
  request.set("prompt_tokens", r.prompt_tokens).set("output_tokens", r.output_tokens);
  request.set("pool", Json::integer(r.pool)).set("retries", r.retries);
  request.set("preemptions", r.preemptions).set("sent_ns", Json::integer(r.sent.ns));
  request.set("ttft_ns", Json::integer(r.ttft().ns)).set("e2e_ns", Json::integer(r.e2e().ns));
  Json parts = Json::object();
  parts.set("to_first_token", parts_json(answer.parts.to_first_token));
  parts.set("after_first_token", parts_json(answer.parts.after));
  parts.set("whole", parts_json(answer.parts.whole));
  Json said = Json::array();
  if (const std::string note = negative_note(answer.parts); !note.empty())
    said.push(Json::string(note));
  Json warnings = Json::array();
  for (const std::string& note : notes) warnings.push(Json::string(note));
  Json out = Json::object();
  out.set("version", 1).set("command", "explain").set("request", std::move(request));
  if (!question.request) {
    Json percentile = Json::object();
    percentile.set("percentile", question.percentile).set("of", question.of_name);
    percentile.set("requests", Json::integer(static_cast<std::int64_t>(answer.finished)));
    out.set("percentile", std::move(percentile));
  }
  out.set("parts_ns", std::move(parts)).set("notes", std::move(said));
  out.set("warnings", std::move(warnings));
  return out;
}

Result<Answer> answer(const models::Catalog& catalog, const scenario::Scenario& scenario,
                      const scenario::Assembly& assembly, const Question& question) {
  Finder finder(question);
  if (auto ok = run_with(catalog, scenario, assembly, finder); !ok) return ok.error();
  const Result<sim::RequestRecord> record = finder.found();
  if (!record) return record.error();
  std::vector<const models::StepModel*> steps{assembly.step.get()};
  for (const auto& further : assembly.further) steps.push_back(further->step.get());
  sim::RequestWatch watch(*record, std::move(steps));
  if (auto ok = run_with(catalog, scenario, assembly, watch); !ok) return ok.error();
  return Answer{*record, watch.explanation(), finder.count()};
}

}  // namespace

const CommandSpec& explain_spec() {
  static const CommandSpec spec{
      "explain",
      "say where the time of a request or a percentile went",
      "[SCENARIO] [OPTIONS]",
      "Runs the scenario as simulate does, finds the request, and runs it again to watch that one. "
      "docs/MODEL.md says what the parts are; they add up to the whole exactly.",
      {"ephemeris explain --model meta-llama/Llama-3.1-8B-Instruct --rate 20 --requests 2000 "
       "--percentile 95 --of ttft"},
      groups(),
      1};
  return spec;
}

int run_explain(const Arguments& arguments) {
  const Result<Question> question = read_question(arguments);
  if (!question) return fail(question.error());
  const Result<GatheredScenario> gathered = gather_scenario(arguments, flag_use());
  if (!gathered) return fail(gathered.error());
  const Result<models::Catalog> catalog = open_catalog(arguments);
  if (!catalog) return fail(catalog.error());
  const scenario::Scenario& scenario = gathered->scenario;
  const Result<scenario::Assembly> assembly = scenario::assemble_fleet(*catalog, scenario);
  if (!assembly) return fail(assembly.error());
  const Result<Answer> found = answer(*catalog, scenario, *assembly, *question);
  if (!found) return fail(found.error());
  return finish(arguments.has("json") ? json(*question, *found, assembly->warnings).dump() + "\n"
                                      : text(*question, *found, assembly->warnings));
}

}  // namespace eph::app
