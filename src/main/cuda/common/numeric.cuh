// Logarithm and Gumbel noise in fp32, to about one unit in the last place, without the branches and the slow paths of
// logf and log1pf: arguments here are positive and normal. tests/native/cuda_emulation/emulation_test.cpp holds the errors.
#pragma once

#include "common/reduce.cuh"
#include "math/philox.h"

namespace lotus {
namespace cuda {

// A positive number as (1 + f) 2^e, f in [-1/3, 1/3].
struct Reduced {
  float f, e;
};

__device__ __forceinline__ Reduced reduce(float x) {
  constexpr int kTwoThirds = 0x3f2aaaab;
  const int exponent = (__float_as_int(x) - kTwoThirds) & static_cast<int>(0xff800000);
  return {__int_as_float(__float_as_int(x) - exponent) - 1.0f, static_cast<float>(exponent) * 0x1p-23f};
}

// log1p(f) + e log 2: the series -f^2/2 + f^3/3 - ... with its last coefficients fitted to [-1/3, 1/3].
__device__ __forceinline__ float log_reduced(Reduced x) {
  const float f = x.f, s = f * f;
  float r = -0x1.0aa000p-3f;
  float t = 0x1.208ab8p-3f;
  r = fmaf(r, s, -0x1.f19f10p-4f);
  t = fmaf(t, s, 0x1.1e5476p-3f);
  r = fmaf(r, s, -0x1.55b2d8p-3f);
  t = fmaf(t, s, 0x1.99d91ep-3f);
  r = fmaf(r, s, -0x1.fffe18p-3f);
  r = fmaf(t, f, r);
  r = fmaf(r, f, 0x1.5554f8p-2f);
  r = fmaf(r, f, -0.5f);
  r = fmaf(r, s, f);
  return fmaf(x.e, 0x1.62e430p-1f, r);
}

// log x, x positive and normal.
__device__ __forceinline__ float log_positive(float x) { return log_reduced(reduce(x)); }

// log(1 + y), y in [-1/3, 1/3]: relative accuracy down to 0.
__device__ __forceinline__ float log1p_small(float y) { return log_reduced({y, 0.0f}); }

// log(1 + y), y >= 0.
__device__ __forceinline__ float log_one_plus(float y) {
  return y <= 0x1.555554p-2f ? log1p_small(y) : log_positive(1.0f + y);
}

// g = -log(-log u) from exact floats on either side of u = 1/2 (math/philox.h).
__device__ __forceinline__ float gumbel(uint32_t word) {
  const uint32_t k = uniform_odd(word);
  const bool upper = k >= kUniformHalf;
  const float n = static_cast<float>(static_cast<int>(upper ? kUniformOne - k : k));  // below 2^24: exact
  Reduced u = reduce(n);
  u.e -= 25.0f;
  const float d = n * kUniformUnit;  // upper: u = 1 - d
  const bool near_one = d <= 0x1.555554p-2f;
  // Below 1 - 1/3 twice u is in the series' interval: 2 (1 - d) = 1 + (1 - 2 d), exact.
  const float upper_f = near_one ? -d : fmaf(-2.0f, d, 1.0f);
  const float upper_e = near_one ? 0.0f : -1.0f;
  u.f = upper ? upper_f : u.f;
  u.e = upper ? upper_e : u.e;
  return -log_positive(-log_reduced(u));
}

// Noise of the four classes of quad q.
struct NoiseKey {
  uint64_t seed;
  uint32_t step, stream_id;
  int64_t sample;
};

__device__ __forceinline__ void add_gumbel(const NoiseKey& key, int q, float* x) {
  const PhiloxWords words = philox(key.seed, key.step, key.stream_id, key.sample, static_cast<uint32_t>(q));
#pragma unroll
  for (int j = 0; j < 4; ++j) x[j] += gumbel(words.v[j]);
}

// ---- Sums of exponentials relative to a running top ----
// What x - top becomes for a top that is -inf: no values yet, nothing to shift.
__device__ __forceinline__ float shift(float top) { return top > -kInf ? top : 0.0f; }

// A sum of exp((x - from) scale), relative to `to` >= from. 0 where there was nothing yet (from = -inf).
__device__ __forceinline__ float rescaled(float sum, float from, float to, float scale = 1.0f) {
  return from > -kInf ? sum * expf((from - to) * scale) : 0.0f;
}

// Adds a quad to such a sum whose top it raises to `to`.
__device__ __forceinline__ float add_exponentials(float sum, float from, float to, const float (&x)[4],
                                                  float scale = 1.0f) {
  if (to > from) sum = rescaled(sum, from, to, scale);
  const float base = shift(to);
  float partial = 0.0f;
#pragma unroll
  for (int j = 0; j < 4; ++j) partial += expf((x[j] - base) * scale);
  return sum + partial;
}

// 1 / tau, kept finite: 0 * inf would turn the maximum's own weight into NaN.
__device__ __forceinline__ float inverse(float tau) { return fminf(1.0f / tau, 3.402823466e+38f); }

// sum_c exp(x_c - top), and where `moment` sum_c exp(x_c - top) (x_c - top), over values that come four at a time:
// when a larger top comes, what is summed so far is scaled down to it. NaN and +inf make top +inf, and the sums no
// matter.
struct OnlineSums {
  Top top;
  float sum = 0.0f, moment = 0.0f;

  __device__ __forceinline__ void rescale(float to) {
    // Only moves where there is something to move: -inf - finite would make 0 * -inf of the moment.
    if (!(top.value > -kInf) || to == top.value) return;
    const float d = top.value - to;
    const float scale = expf(d);
    moment = scale > 0.0f ? scale * fmaf(sum, d, moment) : 0.0f;
    sum *= scale;
  }

  __device__ __forceinline__ void add(const float (&x)[4]) {
    Top next = top;
#pragma unroll
    for (int j = 0; j < 4; ++j) next.add(x[j]);
    rescale(next.value);
    const float base = shift(next.value);
    float partial = 0.0f, partial_moment = 0.0f;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const float d = x[j] - base;
      const float e = expf(d);
      partial += e;
      partial_moment += e > 0.0f ? e * d : 0.0f;  // a masked class: 0 * -inf
    }
    sum += partial;
    moment += partial_moment;
    top = next;
  }
};

}  // namespace cuda
}  // namespace lotus
