// Tests the emulation itself (a checker that cannot fail shows nothing), then what only it can show of the library: the
// logarithm's errors, every reason why a device cannot be used, errors of a launch.
#include "common/launch.cuh"
#include "common/numeric.cuh"
#include "common/quads.cuh"
#include "common/team.cuh"
#include "cases.h"
#include "ops_cuda.h"

using namespace native_test;

namespace {

// Sums 1 .. n by shuffles and shared memory.
__global__ void sum_kernel(int* out) {
  __shared__ int parts[32];
  int x = static_cast<int>(threadIdx.x) + 1;
  for (int d = 16; d > 0; d /= 2) {
    const int other = __shfl_down_sync(0xffffffffu, x, d);
    x += threadIdx.x % 32 + d < 32 ? other : 0;
  }
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
  __syncthreads();
  if (threadIdx.x == 0) {
    int total = 0;
    for (uint32_t i = 0; i < blockDim.x / 32; ++i) total += parts[i];
    atomicAdd(out, total);
  }
}

__global__ void race_kernel(int* out) {  // reads its neighbour's element without a barrier
  __shared__ int shared[64];
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  out[threadIdx.x] = shared[(threadIdx.x + 1) % 64];
}

__global__ void poison_kernel(float* out) {
  __shared__ float fixed[4];
  out[0] = fixed[3];
  out[1] = lotus::cuda::dynamic_shared<float>()[2];
  fixed[3] = lotus::cuda::dynamic_shared<float>()[2] = 1.0f;  // must be gone when the next block starts
}

__global__ void different_barriers() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}
__global__ void early_exit() {
  if (threadIdx.x == 7) return;
  __syncthreads();
}
__global__ void diverged_shuffle(int* out) {
  if (threadIdx.x < 16) *out = __shfl_xor_sync(0xffffffffu, 1, 1);
}
__global__ void mixed_operations(int* out) {
  if (threadIdx.x < 16)
    *out = __shfl_sync(0xffffffffu, 1, 0);
  else
    *out = static_cast<int>(__ballot_sync(0xffffffffu, true));
}
__global__ void outside_mask(int* out) {
  if (threadIdx.x < 16) *out = __shfl_xor_sync(0x0000ffffu, 1, 16);
}
__global__ void own_mask(int* out) { *out = __shfl_xor_sync(0x0000ffffu, 1, 1); }

// ---- Clusters ----
// Every block's number, read by its neighbour, in static and in dynamic shared memory.
__global__ void neighbour_kernel(int* out, bool first_barrier, bool last_barrier) {
  __shared__ int fixed;
  int* dynamic = lotus::cuda::dynamic_shared<int>();
  const int size = 4, rank = static_cast<int>(blockIdx.x) % size;
  if (threadIdx.x == 0) {
    fixed = static_cast<int>(blockIdx.x);
    dynamic[1] = 100 * static_cast<int>(blockIdx.x);
  }
  if (first_barrier) lotus::cuda::cluster_barrier();
  if (threadIdx.x == 3) {
    const int other = (rank + 1) % size;
    out[blockIdx.x] = lotus::cuda::read_of_block(&fixed, other) + lotus::cuda::read_of_block(dynamic + 1, other);
  }
  if (last_barrier) lotus::cuda::cluster_barrier();
}
__global__ void different_cluster_barriers() {
  if (blockIdx.x == 1)
    lotus::cuda::cluster_barrier();
  else
    lotus::cuda::cluster_barrier();
}
__global__ void early_block() {
  if (blockIdx.x != 1) lotus::cuda::cluster_barrier();
}
__global__ void wrong_block(int* out) {
  __shared__ int fixed;
  fixed = 1;
  lotus::cuda::cluster_barrier();
  *out = lotus::cuda::read_of_block(&fixed, 2);
}
__global__ void not_shared(int* out) {
  lotus::cuda::cluster_barrier();
  *out = lotus::cuda::read_of_block(out, 1);
}

template <class... A>
cudaError_t run_cluster(void (*kernel)(A...), int64_t clusters, int size, int threads, A... arguments) {
  return lotus::cuda::launch(kernel, {clusters, threads, 16, size, true}, nullptr, arguments...);
}

template <class... A>
cudaError_t run(void (*kernel)(A...), int64_t blocks, int threads, size_t shared, A... arguments) {
  return lotus::cuda::launch(kernel, {blocks, threads, shared}, nullptr, arguments...);
}

void expect_broken(const char* what, cudaError_t status, const char* text) {
  expect(status == cudaErrorLaunchFailure && emulation::message().find(text) != std::string::npos,
         std::string(what) + " was not found: \"" + emulation::message() + "\"");
}

double ulp(double x) { return ldexp(1.0, ilogb(x) - 23); }

}  // namespace

namespace {

void emulation_suite() {
  using emulation::Schedule;
  context = "emulation";
  int out[64];
  for (const Schedule schedule : {Schedule::kForward, Schedule::kBackward, Schedule::kRandom}) {
    emulation::settings.schedule = schedule;
    out[0] = 0;
    expect(run(sum_kernel, 3, 256, 0, &out[0]) == cudaSuccess && out[0] == 3 * 256 * 257 / 2, "sum by shuffles");
    float f[2] = {0, 0};
    expect(run(poison_kernel, 2, 1, 16, &f[0]) == cudaSuccess && isnan(f[0]) && isnan(f[1]),
           "shared memory is poisoned");
  }
  emulation::settings.schedule = Schedule::kForward;
  run(race_kernel, 1, 64, 0, &out[0]);
  const int forward = out[5];
  emulation::settings.schedule = Schedule::kBackward;
  run(race_kernel, 1, 64, 0, &out[0]);
  expect(forward != out[5], "a missing barrier must show as a result that depends on the schedule");
  emulation::settings.schedule = Schedule::kForward;

  expect_broken("different barriers", run(different_barriers, 1, 64, 0), "different barriers");
  expect_broken("an exit before a barrier", run(early_exit, 1, 64, 0), "thread 7 has ended");
  expect_broken("half a warp in a shuffle", run(diverged_shuffle, 1, 32, 0, &out[0]), "deadlock");
  expect_broken("two warp operations", run(mixed_operations, 1, 32, 0, &out[0]), "different warp operations");
  expect_broken("a shuffle out of its mask", run(outside_mask, 1, 32, 0, &out[0]), "takes no part");
  expect_broken("a lane outside its own mask", run(own_mask, 1, 32, 0, &out[0]), "not in the mask");
  expect(run(sum_kernel, 1, 32, 0, &out[0]) == cudaSuccess, "a good kernel after a broken one");
}

void cluster_suite() {
  using emulation::Schedule;
  context = "clusters";
  int out[16];
  const auto neighbours = [&](bool first_barrier, bool last_barrier) {
    return run_cluster(neighbour_kernel, 3, 4, 40, &out[0], first_barrier, last_barrier);
  };
  for (const Schedule schedule : {Schedule::kForward, Schedule::kBackward, Schedule::kRandom}) {
    emulation::settings.schedule = schedule;
    expect(neighbours(true, true) == cudaSuccess, "reads between blocks: " + emulation::message());
    for (int i = 0; i < 12; ++i) expect(out[i] == 101 * (i / 4 * 4 + (i + 1) % 4), "what a block reads of its neighbour");
    expect(run_cluster(sum_kernel, 2, 2, 256, &(out[0] = 0)) == cudaSuccess && out[0] == 4 * 256 * 257 / 2,
           "each block of a cluster has its own shared memory");
  }
  emulation::settings.schedule = Schedule::kForward;
  expect_broken("a read of a block that has not started", neighbours(false, true), "block 1 of the cluster has not started");
  expect_broken("a read of a block that has ended", neighbours(true, false), "has ended, its shared memory with it");
  expect_broken("different cluster barriers", run_cluster(different_cluster_barriers, 1, 2, 32), "different barriers");
  expect_broken("a block that ends before a barrier", run_cluster(early_block, 1, 4, 32), "block 1 thread 0 has ended");
  expect_broken("a block outside the cluster", run_cluster(wrong_block, 1, 2, 32, &out[0]), "no block 2 in the cluster");
  expect_broken("not shared memory", run_cluster(not_shared, 1, 2, 32, &out[0]), "not in shared memory");
  emulation::settings.capability = 80;
  expect(neighbours(true, true) == cudaErrorInvalidValue, "a device without clusters");
  emulation::settings.capability = 90;
  expect(neighbours(true, true) == cudaSuccess, "a good kernel after a broken one");
}

// A long row is a cluster's where there are clusters, and one launch a part elsewhere; a short one is a block's.
void team_suite() {
  context = "teams";
  const DeviceMatrix x(2, 16385, LOTUS_BFLOAT16, {}, logits(2, 16385, LOTUS_BFLOAT16, 3, 0, false));
  const DeviceVector<int64_t> labels(std::vector<int64_t>{5, 16384});
  const auto call = [&](int64_t cols) {
    lotus::CrossEntropyArgs a{};
    a.logits = x.at(), a.logits_stride = x.stride(), a.labels = labels.at();
    a.rows = 2, a.cols = cols, a.dtype = LOTUS_BFLOAT16;
    return backend().cross_entropy(a);
  };
  const auto launches = [&](int64_t cols, int64_t clusters, int64_t all) {
    const emulation::Seen before = emulation::seen;
    expect_ok(call(cols));
    expect(emulation::seen.clusters - before.clusters == clusters && emulation::seen.launches - before.launches == all,
           "launches at C = " + std::to_string(cols));
  };
  launches(8192, 0, 1);
  launches(8193, 1, 1);
  emulation::settings.capability = 89;
  launches(16385, 0, 3);
  emulation::settings.next_memory = cudaErrorMemoryAllocation;
  expect(call(16385) == LOTUS_DEVICE_ERROR && error_text.rfind("cross_entropy: CUDA: ", 0) == 0,
         "no memory for partial results: " + error_text);
  emulation::settings.capability = 90;
  using lotus::cuda::team_size;
  expect(team_size(1025) == 1 && team_size(8192) == 1 && team_size(16385) == 4 && team_size(32769) == 8 &&
             team_size(int64_t{1} << 30) == 8,
         "team sizes");
}

void numeric_suite() {
  using namespace lotus::cuda;
  context = "numeric";
  Rng rng{7};
  double log_error = 0, log1p_error = 0, gumbel_error = 0;
  for (int i = 0; i < 300000; ++i) {
    // Every exponent, and both sides of 1 closely.
    const float x = i % 3 == 0 ? static_cast<float>(exp((rng.uniform() - 0.5) * 170)) : i % 3 == 1
                        ? static_cast<float>(1 + (rng.uniform() - 0.5) * exp(-16 * rng.uniform()))
                        : static_cast<float>(1.0 / 3 + 5 * rng.uniform());
    const double exact = log(static_cast<double>(x));
    if (exact != 0) log_error = larger(log_error, fabs(log_positive(x) - exact) / ulp(exact));
    const float y = static_cast<float>((2 * rng.uniform() - 1) / 3 * exp(-20 * rng.uniform() * (i % 2)));
    const double exact1p = log1p(static_cast<double>(y));
    log1p_error = larger(log1p_error, fabs(log1p_small(y) - exact1p) / ulp(exact1p));
  }
  for (int i = 0; i < 300000; ++i) {
    // The ends of the words' range, where the noise is largest, and all between.
    const uint32_t draw = static_cast<uint32_t>(rng.bits()), end = static_cast<uint32_t>(i % 1000) << 8;
    const uint32_t word = i < 1000 ? end : i < 2000 ? ~end : draw;
    const double u = ((word >> 8) + 0.5) * 0x1p-24;
    const double exact = -log(u < 0.5 ? -log(u) : -log1p(u - 1));
    gumbel_error = larger(gumbel_error, fabs(gumbel(word) - exact) / fmax(fabs(exact), 1));
  }
  printf("           log %.2f ulp, log1p %.2f ulp, gumbel %.2g of max(1, |g|)\n", log_error, log1p_error, gumbel_error);
  int narrowed = 0;
  for (uint32_t bits = 0; bits < 0xffff0000u - 0x1237u; bits += 0x1237u) {
    for (const uint32_t tail : {0u, 0x7fffu, 0x8000u, 0x8001u}) {  // below, at and above the tie of two neighbours
      const float x = __uint_as_float((bits & 0xffff0000u) | tail);
      Bf16 h;
      narrow(x, h);
      const bool nan = x != x, out_nan = (h.bits & 0x7f80u) == 0x7f80u && (h.bits & 0x7fu) != 0;
      narrowed += nan ? !out_nan : h.bits != to_half(static_cast<double>(x), LOTUS_BFLOAT16);
    }
  }
  expect(narrowed == 0, "bf16 rounding");
  expect(log_error < 1.5, "log");
  expect(log1p_error < 1.5, "log1p");
  expect(gumbel_error < 3e-7, "gumbel");
  expect(log_positive(1.0f) == 0.0f, "log 1");
}

void table_suite() {
  using emulation::settings;
  context = "table";
  const auto reason = [](int32_t device) { return std::string(lotus::cuda::reason(device)); };
  const auto has = [&](int32_t device, const char* text) {
    const std::string found = reason(device);
    expect(found.find(text) != std::string::npos, "reason \"" + found + "\" should say \"" + text + "\"");
  };
  // The answer for a device is kept, so each state of the machine asks for another one.
  settings.devices = 32;
  expect(reason(1).empty(), "a good device has no reason against it");
  has(40, "there is no CUDA device 40; found 32");
  settings.capability = 61;
  settings.image = cudaErrorNoKernelImageForDevice;
  has(10, "no code for compute capability 6.1");
  settings.image = cudaSuccess;
  settings.capability = 90;
  settings.driver = cudaErrorNoDevice;
  has(11, "no NVIDIA GPU");
  settings.driver = cudaErrorInsufficientDriver;
  settings.driver_version = 12040;
  has(12, "it supports CUDA 12.4");
  settings.driver_version = 0;
  has(13, "no NVIDIA driver");
  settings.driver = cudaSuccess;
  settings.devices = 2;

  // Errors keep their meaning, and the caller's device stays current.
  DeviceVector<uint32_t> out(8);
  lotus::PhiloxArgs a{1, 0, 0, nullptr, 2, 4, out.at(), 4, 1, nullptr};
  int device = -1;
  expect(backend().philox(a) == LOTUS_OK, "philox on device 1");
  cudaGetDevice(&device);
  expect(device == 0, "device 0 is current again");
  settings.next_launch = cudaErrorInvalidValue;
  expect(backend().philox(a) == LOTUS_DEVICE_ERROR && error_text.rfind("philox: CUDA: ", 0) == 0,
         "a launch that fails: " + error_text);
  a.device = 5;
  expect(backend().philox(a) == LOTUS_DEVICE_ERROR && error_text.find("invalid device ordinal") != std::string::npos,
         "a device that is not there: " + error_text);
}

const Suite emulation_tests("emulation", emulation_suite), cluster_tests("clusters", cluster_suite),
    team_tests("teams", team_suite), numeric_tests("numeric", numeric_suite), table_tests("table", table_suite);

}  // namespace
