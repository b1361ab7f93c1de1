// rf_jsd on CUDA, in fp64: what is left of the logits is small, and exact zeros are wanted of equal means.
//
// A row's divergence is 0.5 sum_c [a log(a/m) + b log(b/m)], m = (a + b) / 2, of its two sides divided by their sums
// over the columns in question; dividing by the count first would change nothing. A warp takes a class. UPSTREAM's form
// divides by the sums of whole matrices, so the classes are walked twice, with one small launch after each that adds
// them up in a fixed order. Of the subsets each is a block's: it finds the columns with the smallest Philox words by
// radix select, keeps them as bits in shared memory (where they fit; else it makes the words again), and gives its
// warps the classes in turn. No sum depends on the grid.
#include <math.h>

#include "common/reduce.cuh"
#include "math/philox.h"
#include "ops_cuda.h"

namespace lotus {
namespace cuda {
namespace {

constexpr const char* kOp = "rf_jsd";
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr double kLog2 = 0.693147180559945309417;

__device__ __forceinline__ bool used(const RfJsdArgs& a, int64_t k) { return a.p_counts[k] > 0 && a.q_counts[k] > 0; }

// What a side adds to its sum; NaN for what cannot be a sum of probabilities.
__device__ __forceinline__ double checked(double x) { return x >= 0.0 ? x : static_cast<double>(kNan); }

__device__ __forceinline__ double times_log(double a, double m) { return a > 0.0 ? a * log(a / m) : 0.0; }

// The divergence of class k over the columns for which selected(c); by a warp, all of whose lanes get it.
template <class Selected>
__device__ __forceinline__ double divergence(const RfJsdArgs& a, int64_t k, Selected selected) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const double* p = a.p_sums + k * a.p_stride;
  const double* q = a.q_sums + k * a.q_stride;
  Sums<double, 2> mass;
  for (int64_t c = lane; c < a.cols; c += kWarp) {
    if (!selected(c)) continue;
    mass.value[0] += checked(p[c]);
    mass.value[1] += checked(q[c]);
  }
  mass = group_reduce(mass, kWarp);
  const double p_mass = mass.value[0], q_mass = mass.value[1];
  // The same in all lanes, so they all leave or all stay for the shuffles.
  if (!(p_mass < HUGE_VAL && q_mass < HUGE_VAL)) return static_cast<double>(kNan);
  if (p_mass == 0.0 || q_mass == 0.0) return p_mass == q_mass ? 0.0 : kLog2;
  Sums<double, 1> sum;
  for (int64_t c = lane; c < a.cols; c += kWarp) {
    if (!selected(c)) continue;
    const double x = p[c] / p_mass, y = q[c] / q_mass, m = 0.5 * (x + y);
    sum.value[0] += times_log(x, m) + times_log(y, m);
  }
  sum = group_reduce(sum, kWarp);
  return sum.value[0] > 0.0 ? 0.5 * sum.value[0] : 0.0;  // rounding may leave -1e-17
}

struct All {
  __device__ bool operator()(int64_t) const { return true; }
};

// min(max(sum / count, 1e-8), 1); NaN stays NaN.
__device__ __forceinline__ double clamped(double sum, int64_t count) {
  const double p = sum / static_cast<double>(count);
  return p < 1e-8 ? 1e-8 : p > 1.0 ? 1.0 : p;
}

// Workspace: [K] divergences, [K] and [K] clamped sums of P and Q, [K] upstream's rows, then the two whole sums.
__global__ void __launch_bounds__(kThreads) class_rows(RfJsdArgs a) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  for (int64_t k = int64_t{blockIdx.x} * kWarps + warp; k < a.classes; k += int64_t{gridDim.x} * kWarps) {
    double row = 0.0;
    Sums<double, 2> mass;
    if (used(a, k)) {
      row = divergence(a, k, All{});
      for (int64_t c = lane; c < a.cols; c += kWarp) {
        mass.value[0] += clamped(a.p_sums[k * a.p_stride + c], a.p_counts[k]);
        mass.value[1] += clamped(a.q_sums[k * a.q_stride + c], a.q_counts[k]);
      }
      mass = group_reduce(mass, kWarp);
    }
    if (lane == 0) {
      a.workspace[k] = row;
      a.workspace[a.classes + k] = mass.value[0];
      a.workspace[2 * a.classes + k] = mass.value[1];
    }
  }
}

// sum_c m log(m / sqrt(P Q)) of each class.
__global__ void __launch_bounds__(kThreads) upstream_rows(RfJsdArgs a) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const double p_whole = a.workspace[4 * a.classes], q_whole = a.workspace[4 * a.classes + 1];
  for (int64_t k = int64_t{blockIdx.x} * kWarps + warp; k < a.classes; k += int64_t{gridDim.x} * kWarps) {
    Sums<double, 1> row;
    if (used(a, k)) {
      for (int64_t c = lane; c < a.cols; c += kWarp) {
        const double p = clamped(a.p_sums[k * a.p_stride + c], a.p_counts[k]) / p_whole;
        const double q = clamped(a.q_sums[k * a.q_stride + c], a.q_counts[k]) / q_whole;
        const double m = 0.5 * (p + q);
        row.value[0] += -0.5 * m * log((p / m) * (q / m));
      }
      row = group_reduce(row, kWarp);
    }
    if (lane == 0) a.workspace[3 * a.classes + k] = row.value[0];
  }
}

// One block: the totals over the classes, of class_rows or, then, of upstream_rows.
__global__ void __launch_bounds__(kThreads) totals(RfJsdArgs a, bool upstream) {
  __shared__ Slots<Sums<double, 4>> slots;
  Sums<double, 4> sum;  // classes used, and of them the divergences (or upstream's rows) and the two clamped sums
  for (int64_t k = threadIdx.x; k < a.classes; k += kThreads) {
    sum.value[0] += used(a, k) ? 1.0 : 0.0;
    sum.value[1] += a.workspace[(upstream ? 3 * a.classes : 0) + k];
    sum.value[2] += a.workspace[a.classes + k];
    sum.value[3] += a.workspace[2 * a.classes + k];
  }
  sum = block_reduce(sum, slots.get());
  if (threadIdx.x != 0) return;
  a.out[upstream ? 1 : 0] = sum.value[1] / sum.value[0];  // no class in common: 0 / 0
  if (upstream) return;
  a.out[2] = sum.value[0];
  a.workspace[4 * a.classes] = sum.value[2];
  a.workspace[4 * a.classes + 1] = sum.value[3];
}

__device__ __forceinline__ PhiloxWords words_of(const RfJsdArgs& a, int64_t subset, int64_t quad) {
  return philox(a.seed, 0, LOTUS_STREAM_SUBSETS, subset, static_cast<uint32_t>(quad));
}

// The columns of a subset: those with a word below `word`, and of those equal to it the ones before `end`.
struct Smallest {
  uint32_t word;
  int64_t end;
  __device__ bool takes(uint32_t w, int64_t c) const { return w < word || (w == word && c < end); }
};

// The ceil(C / 2) smallest words by radix select, eight bits a turn, by the whole block.
__device__ __forceinline__ Smallest select(const RfJsdArgs& a, int64_t subset, int* count, Smallest* result) {
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t quads = (a.cols + 3) / 4;
  uint32_t prefix = 0, known = 0;
  int64_t rank = (a.cols + 1) / 2;  // among the words that share the prefix
  for (int shift = 24; shift >= 0; shift -= 8) {
    count[thread] = 0;
    __syncthreads();  // without it words would be counted before the counters are zero
    for (int64_t quad = thread; quad < quads; quad += kThreads) {
      const PhiloxWords words = words_of(a, subset, quad);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (4 * quad + j < a.cols && (words.v[j] & known) == prefix) atomicAdd(&count[words.v[j] >> shift & 255], 1);
    }
    __syncthreads();  // without it a thread would read counters still being raised
    uint32_t digit = 0;
    while (rank > count[digit]) rank -= count[digit++];  // every thread alike
    const bool last = shift == 0, tie = last && rank < count[digit];
    prefix |= digit << shift;
    known |= 255u << shift;
    if (last && thread == 0) {
      // Equal words on both sides of the border come once in 2^32 / C subsets: the lower columns are looked up.
      int64_t c = tie ? 0 : a.cols;
      for (int64_t left = rank; tie && left > 0; ++c) left -= words_of(a, subset, c / 4).v[c % 4] == prefix;
      *result = {prefix, c};
    }
    __syncthreads();  // without it the next turn would zero counters still being read, and result be read too early
  }
  return *result;
}

struct InSubset {
  const RfJsdArgs& a;
  int64_t subset;
  Smallest smallest;
  const uint32_t* bits;  // of the columns, or null
  __device__ bool operator()(int64_t c) const {
    if (bits != nullptr) return (bits[c / 32] >> (c % 32) & 1u) != 0;
    return smallest.takes(words_of(a, subset, c / 4).v[c % 4], c);
  }
};

__global__ void __launch_bounds__(kThreads) subsets(RfJsdArgs a, bool in_shared) {
  __shared__ int count[256];
  __shared__ Slots<Smallest> smallest;
  __shared__ Slots<Sums<double, 2>> slots;
  uint32_t* bits = in_shared ? dynamic_shared<uint32_t>() : nullptr;
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t r = blockIdx.x; r < a.subsets; r += gridDim.x) {
    const InSubset selected{a, r, select(a, r, count, smallest.get()), bits};
    for (int64_t i = thread; in_shared && i < (a.cols + 31) / 32; i += kThreads) {
      uint32_t word = 0;
      for (int64_t quad = 8 * i; quad < 8 * i + 8; ++quad) {
        const PhiloxWords words = words_of(a, r, quad);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          word |= static_cast<uint32_t>(selected.smallest.takes(words.v[j], 4 * quad + j)) << (4 * (quad - 8 * i) + j);
      }
      bits[i] = word;
    }
    __syncthreads();  // without it a warp would read bits that another has not set
    Sums<double, 2> sum;  // divergences, classes used
    for (int64_t k = thread / kWarp; k < a.classes; k += kWarps) {
      if (!used(a, k)) continue;
      const double row = divergence(a, k, selected);
      if (thread % kWarp == 0) {
        sum.value[0] += row;
        sum.value[1] += 1.0;
      }
    }
    // Behind its barrier the next subset may write bits and counters: all classes are done.
    sum = block_reduce(sum, slots.get());
    if (thread == 0) a.subset_out[r] = sum.value[0] / sum.value[1];
  }
}

}  // namespace

int32_t rf_jsd(const RfJsdArgs& a) {
  const DeviceScope scope(a.device);
  LOTUS_CUDA_TRY(kOp, scope.status());
  const int64_t blocks = (a.classes + kWarps - 1) / kWarps;
  LOTUS_CUDA_TRY(kOp, launch(class_rows, {blocks, kThreads, 0}, a.stream, a));
  LOTUS_CUDA_TRY(kOp, launch(totals, {1, kThreads, 0}, a.stream, a, false));
  LOTUS_CUDA_TRY(kOp, launch(upstream_rows, {blocks, kThreads, 0}, a.stream, a));
  LOTUS_CUDA_TRY(kOp, launch(totals, {1, kThreads, 0}, a.stream, a, true));
  if (a.subsets == 0) return LOTUS_OK;
  const size_t bytes = static_cast<size_t>((a.cols + 31) / 32) * 4;
  const bool in_shared = allow_shared(subsets, bytes);
  return check(kOp, launch(subsets, {a.subsets, kThreads, in_shared ? bytes : 0}, a.stream, a, in_shared));
}

}  // namespace cuda
}  // namespace lotus
