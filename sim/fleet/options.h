#pragma once
// How a pool of replicas lives: what a start takes, what breaks, and who is let in.
#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"

namespace eph::sim {

// A time that varies: lognormal with this median and 95th percentile; median 0: none. A 95th
// percentile at or below the median: always the median.
struct Spread {
  double median_s = 0, p95_s = 0;
};

// From the decision to start a replica until it serves. The parts follow one another and are drawn
// independently. A replica on a warm node skips the first three.
struct StartTimes {
  Spread provision;  // a node is found and boots
  Spread image;      // the container image is there
  Spread weights;    // the model's weights are on the node
  Spread init;       // engine: process, weights to the GPU, compilation, graph capture
};

struct StartOptions {
  StartTimes times;
  // Nodes kept ready with image and weights beyond the replicas: a start takes one of them, and
  // another is made ready in its place, which takes provision + image + weights.
  int warm_nodes = 0;
};

// What becomes of requests on a replica that dies.
enum class LostWork { retry, lose };
enum class FaultKind : std::uint8_t { gpu, node, zone };

// Exponential time between failures of one such thing, exponential repair; mtbf zero: never fails.
struct FailureRate {
  Duration mtbf{}, repair{};
};

// A failure that is certain.
struct Outage {
  FaultKind kind = FaultKind::node;
  std::uint32_t number = 0;  // node or zone of the pool; gpu: replica
  SimTime at{};
  Duration repair{};
};

// A replica that is slow for a while: step times on the GPU take `factor` as long.
struct Straggler {
  std::uint32_t replica = 0;
  double factor = 1;
  SimTime from{};
  SimTime to = SimTime::never();
};

struct FaultOptions {
  FailureRate gpu, node, zone;
  std::vector<Outage> outages;
  std::vector<Straggler> stragglers;
  double straggler_share = 0;   // of the replicas, drawn at their start
  double straggler_factor = 1;  // how much slower these are
  // Spot capacity: reclaims per replica and hour, announced so long before.
  double reclaims_per_hour = 0;
  Duration reclaim_notice{120'000'000'000};
  Duration detection{};  // until the gateway and the controller know that a replica is dead
  // Another machine takes the place of a broken one at once; else the place stays empty until the
  // repair.
  bool replace = true;
  LostWork lost_work = LostWork::retry;
  int max_retries = 3;
  Duration retry_delay{};
};

// All replicas are replaced by new ones, some at a time.
struct Upgrade {
  SimTime at = SimTime::never();  // never: none
  int max_surge = 1;              // replicas above the wanted number
  int max_unavailable = 0;        // replicas that may be missing meanwhile
};

// Where replicas stand: places fill nodes, nodes fill zones in turn.
struct PlaceOptions {
  int replicas_per_node = 1;
  int zones = 1;
  int capacity =
      0;  // places there are, those of draining and dead replicas included; 0: any number
};

// Who is let in. Whoever is not gets an answer at once: the request is shed.
struct AdmissionOptions {
  std::int64_t max_queue = -1;  // requests that may wait in the gateway; below zero: any number
  double rate = 0;              // token bucket: requests/s; 0: no limit
  double burst = 1;             // its size
  std::int64_t max_per_replica = 0;  // in flight on a replica, others wait in the gateway; 0: any
  // Requests of these classes are shed as soon as so many requests per ready replica are there.
  std::vector<std::string> sheddable;
  double shed_above = 0;
};

}  // namespace eph::sim
