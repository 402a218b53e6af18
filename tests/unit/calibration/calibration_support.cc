#include "tests/unit/calibration/calibration_support.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "calibration/run_table.h"
#include "core/line_source.h"

namespace eph::calibration {

const char* const kServingHeader =
    "run_id,engine,engine_version,gpu,model,weights_dtype,mode,isl,osl,concurrency,tp,pp,attention_"
    "dp,moe_tp,"
    "moe_ep,protocol,mean_ttft_ms,mean_tpot_ms,source\n";
const char* const kGuidellmHeader =
    "engine,cloud,instance,gpu,gpu_count,model,workload,isl,osl,engine_version,tp,max_model_len,"
    "dtype,strategy,"
    "inflight_cap,stage_s,ramp_s,load_fraction,achieved_rps,output_tps,ttft_p50_ms,itl_p50_ms\n";

std::string write_temporary(const std::string& name, const std::string& text) {
  const std::string path = std::string(EPH_TEST_OUT) + "/" + name;
  const auto written = write_file(path, text);
  REQUIRE(written.has_value());
  return path;
}

models::Catalog shipped_catalog() { return models::Catalog(std::string(EPH_SOURCE_DIR) + "/data"); }

std::string serving_row(const std::string& engine, const std::string& model,
                        const std::string& dtype, int isl, int osl, int concurrency, int tp,
                        const std::string& protocol, const std::string& ttft,
                        const std::string& tpot) {
  return fmt::format("x1,{},,H100-SXM-80GB,{},{},agg,{},{},{},{},1,,1,1,{},{},{},test\n", engine,
                     model, dtype, isl, osl, concurrency, tp, protocol, ttft, tpot);
}

MeasuredRun read_one(const std::string& row) {
  const auto table = load_runs(write_temporary("one_serving.csv", kServingHeader + row));
  INFO((table ? std::string() : table.error().text()));
  REQUIRE(table.has_value());
  return table->runs.at(0);
}

MeasuredRun read_one_sweep(const std::string& row) {
  const auto table = load_runs(write_temporary("one_sweep.csv", kGuidellmHeader + row));
  INFO((table ? std::string() : table.error().text()));
  REQUIRE(table.has_value());
  return table->runs.at(0);
}

}  // namespace eph::calibration
