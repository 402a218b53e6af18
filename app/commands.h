#pragma once
// The commands of the program; each has its own file.
#include <string>
#include <vector>

#include "app/arguments.h"

namespace eph::app {

struct Command {
  const CommandSpec& (*spec)();
  int (*run)(const Arguments& arguments);  // the exit code
  bool many_processes = false;             // can run under mpirun
};

const CommandSpec& autoscale_spec();
const CommandSpec& calibrate_spec();
const CommandSpec& catalog_spec();
const CommandSpec& explain_spec();
const CommandSpec& import_spec();
const CommandSpec& plan_spec();
const CommandSpec& schema_spec();
const CommandSpec& simulate_spec();
const CommandSpec& startup_spec();
const CommandSpec& sweep_spec();
const CommandSpec& validate_spec();
const CommandSpec& describe_spec();
const CommandSpec& fit_spec();

int run_autoscale(const Arguments& arguments);
int run_calibrate(const Arguments& arguments);
int run_catalog(const Arguments& arguments);
int run_explain(const Arguments& arguments);
int run_import(const Arguments& arguments);
int run_plan(const Arguments& arguments);
int run_schema(const Arguments& arguments);
int run_simulate(const Arguments& arguments);
int run_startup(const Arguments& arguments);
int run_sweep(const Arguments& arguments);
int run_validate(const Arguments& arguments);
int run_describe(const Arguments& arguments);
int run_fit(const Arguments& arguments);

}  // namespace eph::app
