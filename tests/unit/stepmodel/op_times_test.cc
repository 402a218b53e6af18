#include "models/op_times.h"

#include <catch2/catch.hpp>

#include "tests/unit/stepmodel/specs.h"

using namespace eph::models;
using namespace eph::models::test;

TEST_CASE("the soft maximum lies between the larger term and the sum") {
  CHECK(smooth_max(3, 4, 2) == Approx(5));  // Pythagoras
  CHECK(smooth_max(1, 1, 1) == Approx(2));  // exponent 1: the sum
  CHECK(smooth_max(7, 0, 2.3) == 7);
  CHECK(smooth_max(1, 100, 4) == Approx(100).epsilon(1e-8));
}

TEST_CASE("a gemm of one row is limited by reading the weights") {
  // 4096 x 14336 at 2 bytes over 92 % of 3.35 TB/s = 38.11 us, plus 3 us launch.
  const GemmConstants c;
  const Kernel k = kernel_for(Precision::bf16, h100());
  const double t = gemm_seconds(c, k, {14336, 4096}, 1);
  const double memory = 4096.0 * 14336 * 2 / (0.92 * 3.35e12);
  CHECK(t > memory + 3e-6);
  CHECK(t < 1.15 * memory + 3e-6);  // the soft corner: 128 rows cost half as much in compute
}

TEST_CASE("a large gemm is limited by the matrix units") {
  const GemmConstants c;
  const Kernel k = kernel_for(Precision::bf16, h100());
  const double t = gemm_seconds(c, k, {8192, 8192}, 8192);
  CHECK(t == Approx(2.0 * 8192 * 8192 * 8192 / (0.8 * 989.4e12)).epsilon(0.05));
}

TEST_CASE("formats without matrix units run at the 16-bit rate with fewer bytes") {
  GpuSpec ampere = h100();
  ampere.fp8 = {0};
  const Kernel k = kernel_for(Precision::fp8, ampere);
  CHECK(k.flops_per_s == 989.4e12);
  CHECK(k.weight_bytes == Approx(1));
  CHECK(k.activation_bytes == 2);
  CHECK(k.group == KernelGroup::bits16);
  CHECK(kernel_for(Precision::fp8, h100()).flops_per_s == 1978.9e12);
  CHECK(kernel_for(Precision::mxfp4, h100()).flops_per_s == 989.4e12);
}

TEST_CASE("active experts follow independent choices") {
  // One token picks 8 of 128; many pick all; two pick 128 (1 - (120/128)^2) = 15.5.
  const MoeSize size{128, 8, 1, 4096, 1536, 3};
  CHECK(active_experts(size, 1) == Approx(8));
  CHECK(active_experts(size, 2) == Approx(15.5));
  CHECK(active_experts(size, 1e6) == Approx(128));
  const MoeSize spread{128, 8, 4, 4096, 1536, 3};
  CHECK(active_experts(spread, 1) == Approx(2));  // of one rank out of four
}

TEST_CASE("an all-reduce moves the ring volume over the link") {
  // 16 MiB over 8 GPUs: 29.36 MB / (0.7 * 450 GB/s) + 5 us = 98.2 us.
  const CommunicationConstants c;
  CHECK(allreduce_seconds(c, h100(), 1, 1e6) == 0);
  CHECK(allreduce_seconds(c, h100(), 8, 16.0 * (1 << 20)) == Approx(98.2e-6).epsilon(1e-3));
  GpuSpec pcie = h100();
  pcie.has_nvlink = false;
  pcie.link_bandwidth = {32e9};
  CHECK(allreduce_seconds(c, pcie, 2, 32e6) == Approx(10e-6 + 2e-3));
  pcie.bridge_gpus = 2;
  pcie.bridge_bandwidth = {300e9};
  CHECK(allreduce_seconds(c, pcie, 2, 32e6) == Approx(5e-6 + 32e6 / 210e9));
  CHECK(allreduce_seconds(c, pcie, 4, 32e6) == Approx(10e-6 + 3e-3));  // beyond the bridge
  CHECK(allreduce_seconds(c, h100(), 16, 1e6) == Approx(60e-6 + 1.875e6 / 35e9));
}
