#include "models/operators.h"

namespace eph::models {
namespace {

// One list of members per struct serves reading and writing. `Visit` is called as visit(key,
// member, lower, upper).
template <class C, class Visit>
void visit_gemm(C& c, Visit visit) {
  visit("launch_us", c.launch_us, 0.0, 1000.0);
  visit("memory_efficiency", c.memory_efficiency, 0.01, 1.5);
  visit("compute_efficiency", c.compute_efficiency, 0.01, 1.5);
  visit("min_rows", c.min_rows, 0.0, 4096.0);
  visit("tail_waves", c.tail_waves, 0.0, 10.0);
  visit("quantise_passes", c.quantise_passes, 0.0, 100.0);
  visit("exponent", c.exponent, 1.0, 16.0);
}

template <class C, class Visit>
void visit_moe(C& c, Visit visit) {
  visit("launch_us", c.launch_us, 0.0, 10000.0);
  visit("memory_efficiency", c.memory_efficiency, 0.01, 1.5);
  visit("compute_efficiency", c.compute_efficiency, 0.01, 1.5);
  visit("pad_rows", c.pad_rows, 0.0, 4096.0);
  visit("move_passes", c.move_passes, 0.0, 1000.0);
  visit("imbalance", c.imbalance, 0.0, 100.0);
  visit("exponent", c.exponent, 1.0, 16.0);
}

template <class C, class Visit>
void visit_attention(C& c, Visit visit) {
  visit("decode_memory_efficiency", c.decode_memory_efficiency, 0.01, 1.5);
  visit("decode_memory_efficiency_8bit", c.decode_memory_efficiency_8bit, 0.01, 1.5);
  visit("decode_compute_efficiency", c.decode_compute_efficiency, 0.01, 1.5);
  visit("prefill_compute_efficiency", c.prefill_compute_efficiency, 0.01, 1.5);
  visit("prefill_extra_keys", c.prefill_extra_keys, 0.0, 65536.0);
  visit("prefill_memory_efficiency", c.prefill_memory_efficiency, 0.01, 1.5);
  visit("mla_decode_memory_efficiency", c.mla_decode_memory_efficiency, 0.01, 1.5);
  visit("mla_decode_compute_efficiency", c.mla_decode_compute_efficiency, 0.01, 1.5);
  visit("mla_prefill_compute_efficiency", c.mla_prefill_compute_efficiency, 0.01, 1.5);
  visit("linear_prefill_compute_efficiency", c.linear_prefill_compute_efficiency, 0.001, 1.5);
}

template <class C, class Visit>
void visit_communication(C& c, Visit visit) {
  visit("latency_us", c.latency_us, 0.0, 10000.0);
  visit("efficiency", c.efficiency, 0.01, 4.0);
  visit("pcie_latency_us", c.pcie_latency_us, 0.0, 10000.0);
  visit("pcie_efficiency", c.pcie_efficiency, 0.01, 4.0);
  visit("internode_latency_us", c.internode_latency_us, 0.0, 10000.0);
  visit("internode_gb_per_s", c.internode_gb_per_s, 0.01, 100000.0);
}

auto writer(Json& json) {
  return [&json](std::string_view key, double value, double, double) {
    json.set(std::string(key), value);
  };
}
auto filler(Reader& reader) {
  return [&reader](std::string_view key, double& value, double low, double high) {
    value = reader.number(key, Range{low, high});
  };
}

OperatorFit read_fit(Reader& r) {
  OperatorFit fit;
  fit.what = r.string("what");
  fit.table = r.string("table");
  fit.n = r.integer("n", IntRange{1});
  fit.mape = r.number("mape", Range{0});
  fit.median = r.number("median", Range{0});
  fit.p90 = r.number("p90", Range{0});
  r.finish();
  return fit;
}

}  // namespace

std::string_view name(KernelGroup group) {
  switch (group) {
    case KernelGroup::bits16:
      return "bits16";
    case KernelGroup::fp8:
      return "fp8";
    case KernelGroup::fp8_block:
      return "fp8_block";
    case KernelGroup::bits4:
      return "bits4";
    case KernelGroup::count_:
      break;
  }
  return "";
}

Json to_json(const OperatorModel& model) {
  Json gemm = Json::object(), moe = Json::object();
  for (std::size_t g = 0; g < kKernelGroups; ++g) {
    const std::string key(name(static_cast<KernelGroup>(g)));
    Json one = Json::object();
    visit_gemm(model.gemm[g], writer(one));
    gemm.set(key, std::move(one));
    Json two = Json::object();
    visit_moe(model.moe[g], writer(two));
    two.set("moves_remote_pairs", model.moe[g].moves_remote_pairs);
    moe.set(key, std::move(two));
  }
  Json attention = Json::object(), communication = Json::object();
  visit_attention(model.attention, writer(attention));
  visit_communication(model.communication, writer(communication));
  Json out = Json::object();
  out.set("gemm", std::move(gemm)).set("moe", std::move(moe));
  out.set("attention", std::move(attention)).set("communication", std::move(communication));
  return out;
}

OperatorModel read_operators(Reader& reader) {
  OperatorModel model;
  Reader gemm = reader.object("gemm"), moe = reader.object("moe");
  for (std::size_t g = 0; g < kKernelGroups; ++g) {
    const std::string_view key = name(static_cast<KernelGroup>(g));
    Reader one = gemm.object(key);
    visit_gemm(model.gemm[g], filler(one));
    one.finish();
    Reader two = moe.object(key);
    visit_moe(model.moe[g], filler(two));
    model.moe[g].moves_remote_pairs = two.boolean("moves_remote_pairs");
    two.finish();
  }
  gemm.finish();
  moe.finish();
  Reader attention = reader.object("attention"), communication = reader.object("communication");
  visit_attention(model.attention, filler(attention));
  attention.finish();
  visit_communication(model.communication, filler(communication));
  communication.finish();
  reader.finish();
  return model;
}

Result<OperatorFile> load_operators(const std::string& path) {
  Result<Json> json = load_json(path);
  if (!json) return json.error();
  Diagnostics faults;
  Reader root(*json, path, faults);
  OperatorFile file;
  root.integer("version", IntRange{1, 1});
  file.engine = root.string("engine");
  file.gpu = root.string("gpu");
  Reader operators = root.object("operators");
  file.operators = read_operators(operators);
  for (Reader& r : root.objects("fits")) file.fits.push_back(read_fit(r));
  file.sources = root.strings("sources");
  root.finish();
  if (!faults.ok()) return faults.combined();
  return file;
}

}  // namespace eph::models
