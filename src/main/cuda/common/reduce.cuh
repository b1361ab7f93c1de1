// Reductions over the threads of a row: by shuffles inside a warp, through shared memory across a block. Always the
// same tree, so always the same bits; every thread of the row ends with the result.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>
#include <string.h>

#include "common/launch.cuh"

namespace lotus {
namespace cuda {

constexpr uint32_t kAllLanes = 0xffffffffu;
constexpr float kInf = __builtin_huge_valf();
constexpr float kNan = __builtin_nanf("");

// ---- What is reduced. merge() must give the same bits with its operands exchanged: both partners of a shuffle do it.

// Largest value; +inf stands for "NaN or +inf was seen", so finite() is also false for a row of -inf alone.
struct Top {
  float value = -kInf;
  __device__ void add(float x) { value = x < kInf ? fmaxf(value, x) : kInf; }
  __device__ void merge(const Top& o) { value = fmaxf(value, o.value); }
  __device__ bool finite() const { return fabsf(value) < kInf; }
};

// The same with the class of the first largest value.
struct Best {
  float value = -kInf;
  int index = INT32_MAX;
  // Classes must come in rising order.
  __device__ void add(float x, int c) {
    if (!(x <= value)) {  // greater, or NaN
      value = x < kInf ? x : kInf;
      index = c;
    }
  }
  __device__ void merge(const Best& o) {
    if (o.value > value || (o.value == value && o.index < index)) *this = o;
  }
  __device__ bool finite() const { return fabsf(value) < kInf; }
};

template <class N, int n>
struct Sums {
  N value[n] = {};
  __device__ void merge(const Sums& o) {
#pragma unroll
    for (int i = 0; i < n; ++i) value[i] += o.value[i];
  }
};

template <class A, class B>
struct Both {
  A first;
  B second;
  __device__ void merge(const Both& o) {
    first.merge(o.first);
    second.merge(o.second);
  }
};

// ---- The trees ----
template <class V>
__device__ __forceinline__ V shuffle_xor(const V& v, int mask) {
#ifdef LOTUS_CUDA_EMULATION
  return __shfl_xor_sync(kAllLanes, v, mask);  // all words at once: the same, in less time
#else
  uint32_t words[sizeof(V) / 4];
  memcpy(words, &v, sizeof v);
#pragma unroll
  for (uint32_t& word : words) word = __shfl_xor_sync(kAllLanes, word, mask);
  V out;
  memcpy(&out, words, sizeof out);
  return out;
#endif
}

// Over groups of `lanes` neighbouring threads, a power of two; all 32 lanes of the warp must call it.
template <class V>
__device__ __forceinline__ V group_reduce(V v, int lanes) {
  for (int mask = lanes / 2; mask > 0; mask /= 2) v.merge(shuffle_xor(v, mask));
  return v;
}

// What block_reduce calls where merge() is all there is to it.
struct Merge {
  template <class V>
  __device__ __forceinline__ V operator()(const V& v, int lanes) const {
    return group_reduce(v, lanes);
  }
};

// Over the block. `slots` [32] in shared memory, not used by the reduction just before this one: with two or more
// sets of slots used in turn, one barrier a reduction is enough, because a thread that writes a set again has passed
// the barrier of the set between, which every reader of the first set reached only after reading. `join` (v, lanes)
// reduces over groups of lanes; V{} must change nothing.
template <class V, class Join = Merge>
__device__ __forceinline__ V block_reduce(V v, V* slots, Join join = {}) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  v = join(v, kWarp);
  if (lane == 0) slots[threadIdx.x / kWarp] = v;
  __syncthreads();  // without it a warp would read slots that others have not written yet
  return join(lane < warps ? slots[lane] : V{}, kWarp);
}

// Shared arrays of types with initialisers: raw bytes, written before they are read.
template <class V>
struct Slots {
  __align__(8) unsigned char bytes[32 * sizeof(V)];
  __device__ V* get() { return reinterpret_cast<V*>(bytes); }
};

// Adds a warp's count to a counter; integers, so the order does not matter. `lane_count` is the same in all lanes.
__device__ __forceinline__ void add_count(int64_t* counter, int64_t warp_count) {
  if (counter != nullptr && warp_count != 0 && threadIdx.x % kWarp == 0)
    atomicAdd(reinterpret_cast<unsigned long long*>(counter), static_cast<unsigned long long>(warp_count));
}

}  // namespace cuda
}  // namespace lotus
