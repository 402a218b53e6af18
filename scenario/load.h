#pragma once
// Where a workload's requests come from: recorded, drawn from a model, or made up; then
// transformed.
#include <memory>
#include <string>
#include <vector>

#include "core/json_doc.h"
#include "core/result.h"
#include "models/catalog.h"
#include "scenario/scenario.h"
#include "workload/arrival.h"

namespace eph::scenario {

// The open-loop stream a spec asks for. Transforms in this order: window (in the source's own
// time), repeat, rate scale, token caps, number of requests. A workload model scales its rate
// itself and, with a window, goes on beyond its end. Closed arrivals have no such stream.
[[nodiscard]] Result<std::unique_ptr<workload::ArrivalSource>> open_source(
    const models::Catalog& catalog, const WorkloadSpec& spec, std::uint64_t seed,
    std::uint64_t run);

// What the reader does to the recorded times, for people.
[[nodiscard]] std::vector<std::string> trace_notes(const WorkloadSpec& spec);
// What happened to the rows of a source, for people. Complete when the source has ended.
[[nodiscard]] std::vector<std::string> source_warnings(const workload::ArrivalSource& source);

// Names in the catalogue's "workloads" folder, in byte order.
[[nodiscard]] std::vector<std::string> shipped_workloads(const models::Catalog& catalog);
// A shipped name's file, or the path itself. An unknown name: did-you-mean.
[[nodiscard]] Result<std::string> workload_file(const models::Catalog& catalog,
                                                const std::string& name);
// Name, source and size of a workload model.
[[nodiscard]] Result<Json> workload_facts(const models::Catalog& catalog, const std::string& name);

}  // namespace eph::scenario
