#include "app/cross_document.h"

#include <fmt/format.h>

#include <cmath>

#include "core/reader.h"
#include "core/version.h"

namespace eph::app {
namespace {

using calibration::CrossLine;
using calibration::CrossTable;
using calibration::Figure;

std::string settings_of(const calibration::CrossOptions& cross) {
  using calibration::Scheme;
  const calibration::FoldOptions& options = cross.folds;
  if (cross.host_from_run) return "host speed from one run";
  if (options.scheme == Scheme::k_fold) {
    return fmt::format("{} folds, seed {}", options.folds, options.seed);
  }
  if (options.scheme == Scheme::random) {
    return fmt::format("{:.0f} % of the rows, {} repeats, seed {}", 100 * options.held_out,
                       options.repeats, options.seed);
  }
  return "";
}

WorstLine worst_line(const calibration::HeldOutRow& row) {
  const auto worst = calibration::worst_figure(row);
  WorstLine out;
  out.facts = row.facts;
  out.held_out = row.fold;
  out.figure = worst->figure;
  out.measured = *row.score.measured[out.figure];
  out.predicted = *row.score.predicted[out.figure];
  if (const auto& width = row.half_width[out.figure]) {
    out.low = out.predicted * std::exp(-*width);
    out.high = out.predicted * std::exp(*width);
  }
  return out;
}

Json texts(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const std::string& value : values) out.push(Json::string(value));
  return out;
}

Json to_json(const CrossLine& line) {
  Json out = Json::object();
  out.set("key", texts(line.key)).set("figure", calibration::column_name(line.figure));
  out.set("n", line.errors.n).set("mape_percent", line.errors.mape);
  out.set("median_percent", line.errors.median).set("p90_percent", line.errors.p90);
  out.set("bias_percent", line.errors.bias).set("intervals", line.coverage.n);
  out.set("inside_percent", line.coverage.inside_percent);
  out.set("half_width_percent", line.coverage.half_width_percent);
  return out;
}

Json to_json(const CrossTable& table) {
  Json lines = Json::array();
  for (const CrossLine& line : table.lines) lines.push(to_json(line));
  Json out = Json::object();
  out.set("name", table.name).set("columns", texts(table.columns)).set("lines", std::move(lines));
  return out;
}

Json to_json(const WorstLine& line) {
  const calibration::RowFacts& facts = line.facts;
  Json out = Json::object();
  out.set("run_id", facts.id).set("file", facts.file).set("line", facts.line);
  out.set("engine", facts.engine).set("engine_version", facts.engine_version);
  out.set("gpu", facts.gpu).set("model", facts.model).set("weights", facts.weights);
  out.set("tp", facts.tensor_parallel).set("isl", facts.isl).set("osl", facts.osl);
  out.set("concurrency", facts.concurrency).set("protocol", facts.protocol);
  out.set("host", facts.host).set("workload", facts.workload);
  out.set("load_fraction", facts.load_fraction).set("parameters", facts.parameters);
  out.set("held_out", line.held_out).set("figure", calibration::column_name(line.figure));
  out.set("measured", line.measured).set("predicted", line.predicted);
  out.set("low", line.low).set("high", line.high);
  return out;
}

Json to_json(const calibration::FoldResult& fold) {
  Json out = Json::object();
  out.set("engine", fold.engine).set("held_out", fold.name).set("fitted_rows", fold.fitted_rows);
  out.set("held_rows", fold.held_rows).set("simulations", fold.simulations);
  return out;
}

std::size_t count(Reader& reader, std::string_view key) {
  return static_cast<std::size_t>(reader.integer(key, {.min = 0}));
}

Figure read_figure(Reader& reader) {
  const std::string text = reader.string("figure");
  for (std::size_t f = 0; f < calibration::kFigureCount; ++f) {
    if (calibration::column_name(static_cast<Figure>(f)) == text) return static_cast<Figure>(f);
  }
  reader.fault("figure", fmt::format("\"{}\" is no figure", text), "write the file again");
  return Figure::mean_tpot;
}

CrossLine read_line(Reader& reader) {
  CrossLine line;
  line.key = reader.strings("key");
  line.figure = read_figure(reader);
  line.errors.n = count(reader, "n");
  line.errors.mape = reader.number("mape_percent");
  line.errors.median = reader.number("median_percent");
  line.errors.p90 = reader.number("p90_percent");
  line.errors.bias = reader.number("bias_percent");
  line.coverage.n = count(reader, "intervals");
  line.coverage.inside_percent = reader.number("inside_percent");
  line.coverage.half_width_percent = reader.number("half_width_percent");
  reader.finish();
  return line;
}

CrossTable read_table(Reader& reader) {
  CrossTable table;
  table.name = reader.string("name");
  table.columns = reader.strings("columns");
  for (Reader& line : reader.objects("lines")) {
    table.lines.push_back(read_line(line));
    if (table.lines.back().key.size() != table.columns.size()) {
      line.fault("key", fmt::format("{} keys for {} columns", table.lines.back().key.size(),
                                    table.columns.size()));
    }
  }
  reader.finish();
  return table;
}

WorstLine read_worst(Reader& reader) {
  WorstLine out;
  calibration::RowFacts& facts = out.facts;
  facts.id = reader.string("run_id");
  facts.file = reader.string("file");
  facts.line = reader.integer("line");
  facts.engine = reader.string("engine");
  facts.engine_version = reader.string("engine_version");
  facts.gpu = reader.string("gpu");
  facts.model = reader.string("model");
  facts.weights = reader.string("weights");
  facts.tensor_parallel = static_cast<int>(reader.integer("tp", {.min = 1, .max = 1 << 20}));
  facts.isl = reader.integer("isl");
  facts.osl = reader.integer("osl");
  facts.concurrency = reader.integer("concurrency");
  facts.protocol = reader.string("protocol");
  facts.host = reader.string("host");
  facts.workload = reader.string("workload");
  facts.load_fraction = reader.number("load_fraction");
  facts.parameters = reader.number("parameters");
  out.held_out = reader.string("held_out");
  out.figure = read_figure(reader);
  out.measured = reader.number("measured");
  out.predicted = reader.number("predicted");
  out.low = reader.number("low");
  out.high = reader.number("high");
  reader.finish();
  return out;
}

calibration::FoldResult read_fold(Reader& reader) {
  calibration::FoldResult out;
  out.engine = reader.string("engine");
  out.name = reader.string("held_out");
  out.fitted_rows = count(reader, "fitted_rows");
  out.held_rows = count(reader, "held_rows");
  out.simulations = count(reader, "simulations");
  reader.finish();
  return out;
}

}  // namespace

CrossDocument make_document(const calibration::CrossReport& report,
                            const calibration::CrossOptions& options, std::string command) {
  CrossDocument out;
  out.scheme = calibration::name(options.folds.scheme);
  out.name = out.scheme + (options.host_from_run ? "+host" : "");
  out.settings = settings_of(options);
  out.gpu = options.gpu;
  out.command = std::move(command);
  out.commit = eph::commit();
  out.rows = report.rows.size();
  for (const calibration::HeldOutRow& row : report.rows) {
    if (!row.score.problem.empty()) ++out.not_predicted;
  }
  out.folds = report.folds;
  out.notes = report.notes;
  out.tables = report.tables;
  for (const std::size_t i : report.worst) out.worst.push_back(worst_line(report.rows[i]));
  return out;
}

Json to_json(const CrossDocument& document) {
  Json folds = Json::array(), tables = Json::array(), worst = Json::array();
  for (const auto& fold : document.folds) folds.push(to_json(fold));
  for (const auto& table : document.tables) tables.push(to_json(table));
  for (const auto& line : document.worst) worst.push(to_json(line));
  Json out = Json::object();
  out.set("version", 1).set("command", "validate").set("cross", document.scheme);
  out.set("name", document.name).set("settings", document.settings).set("gpu", document.gpu);
  out.set("command_line", document.command).set("commit", document.commit);
  out.set("rows", document.rows).set("not_predicted", document.not_predicted);
  out.set("tables", std::move(tables)).set("folds", std::move(folds));
  out.set("worst", std::move(worst)).set("notes", texts(document.notes));
  return out;
}

Result<CrossDocument> read_cross_document(const Json& json, const std::string& file) {
  Diagnostics faults;
  Reader reader(json, file, faults);
  CrossDocument out;
  if (reader.integer("version") != 1) reader.fault("version", "only version 1 is understood");
  if (reader.string("command") != "validate") reader.fault("command", "not a validation");
  out.scheme = reader.string("cross");
  if (!calibration::parse_scheme(out.scheme)) {
    reader.fault("cross", fmt::format("\"{}\" is no scheme", out.scheme));
  }
  out.name = reader.string("name");
  out.settings = reader.string("settings");
  out.gpu = reader.string("gpu");
  out.command = reader.string("command_line");
  out.commit = reader.string("commit");
  out.rows = count(reader, "rows");
  out.not_predicted = count(reader, "not_predicted");
  for (Reader& table : reader.objects("tables")) out.tables.push_back(read_table(table));
  for (Reader& fold : reader.objects("folds")) out.folds.push_back(read_fold(fold));
  for (Reader& line : reader.objects("worst")) out.worst.push_back(read_worst(line));
  out.notes = reader.strings("notes");
  reader.finish();
  if (!faults.ok()) return faults.combined();
  return out;
}

const calibration::CrossTable* find_table(const CrossDocument& document, std::string_view name) {
  for (const CrossTable& table : document.tables) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

}  // namespace eph::app
