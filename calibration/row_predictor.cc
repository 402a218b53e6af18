#include "calibration/row_predictor.h"

#include <map>
#include <string>

namespace eph::calibration {
namespace {

// What two deployments must share to have the same step model.
std::string model_key(const Deployment& d) {
  const models::StepContext& c = d.context;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", c.gpu.name, c.llm.name,
                     models::name(c.llm.weights), models::name(c.llm.expert_weights),
                     c.layout.tensor, c.layout.pipeline, c.layout.expert, c.layout.attention_data,
                     models::name(c.kv_precision), c.async_scheduling, c.max_graph_tokens,
                     models::name(d.engine));
}

}  // namespace

RowPredictor::RowPredictor(const std::vector<DataRow>& rows, std::uint64_t seed)
    : rows_(rows), seed_(seed) {
  std::map<std::string, std::shared_ptr<const models::FittedStepModel>> built;
  for (const DataRow& row : rows) {
    auto& model = built[model_key(row.plan.deployment)];
    if (!model) {
      model = std::make_shared<models::FittedStepModel>(row.plan.deployment.context,
                                                        models::start_values());
    }
    prototypes_.push_back(model);
  }
}

Result<Replayed> RowPredictor::predict(std::size_t row, const RowState& state, Stage stage) const {
  ReplayOptions options;
  options.seed = seed_;
  options.machine.host_speed = state.host_speed;
  options.residual = &state.residual;
  options.prototype = prototypes_[row].get();
  const DataRow& data = rows_[row];
  if (stage == Stage::shortened && data.plan.protocol == Protocol::offline) {
    return replay_offline(data.fit_plan, state.values, options);
  }
  return replay(stage == Stage::whole ? data.plan : data.fit_plan, state.values, options);
}

}  // namespace eph::calibration
