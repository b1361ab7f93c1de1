// Vectors of the width that this level compiles for (LOTUS_SIMD_BYTES), on GCC's vector extensions: one source, three
// machines. Everything is in the level's own namespace and nothing comes from std: an inline function shared between
// levels would be kept once by the linker, perhaps with instructions that the processor lacks.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <immintrin.h>

#include "ops.h"

namespace lotus {
namespace LOTUS_LEVEL {

constexpr int kWidth = LOTUS_SIMD_BYTES / 4;  // floats a vector

typedef float F __attribute__((vector_size(LOTUS_SIMD_BYTES)));
typedef int32_t I __attribute__((vector_size(LOTUS_SIMD_BYTES)));
typedef uint32_t U __attribute__((vector_size(LOTUS_SIMD_BYTES)));
typedef uint64_t U64 __attribute__((vector_size(LOTUS_SIMD_BYTES)));
typedef uint16_t H __attribute__((vector_size(LOTUS_SIMD_BYTES / 2)));
typedef double D __attribute__((vector_size(2 * LOTUS_SIMD_BYTES)));

constexpr float kInfinity = __builtin_inff();
constexpr float kLargest = 3.402823466e38f;

inline F splat(float x) { return x - F{}; }
inline I splat(int32_t x) { return x - I{}; }
inline F as_float(I x) { return (F)x; }
inline I as_int(F x) { return (I)x; }
inline F to_float(I x) { return __builtin_convertvector(x, F); }
inline F max(F a, F b) { return a > b ? a : b; }

inline I lane_index() {
  I index;
  for (int i = 0; i < kWidth; ++i) index[i] = i;
  return index;
}

// ---- Reductions over lanes, always in the same order ----
inline float sum(F x) {
  float s[kWidth];
  __builtin_memcpy(s, &x, sizeof s);
  for (int half = kWidth / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) s[i] += s[i + half];
  return s[0];
}
#if defined(__AVX512F__)
inline bool any(I mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
#elif defined(__AVX2__)
inline bool any(I mask) { return _mm256_testz_si256((__m256i)mask, (__m256i)mask) == 0; }
#else
inline bool any(I mask) { return _mm_movemask_epi8((__m128i)mask) != 0; }
#endif
inline float max(F x) {
  float s[kWidth];
  __builtin_memcpy(s, &x, sizeof s);
  for (int half = kWidth / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) s[i] = s[i] > s[i + half] ? s[i] : s[i + half];
  return s[0];
}

// ---- Loads and stores: a whole vector, or its first n lanes (the others read as `fill`) ----
struct Whole {};
struct Part {
  int n;
};
inline int lanes_of(Whole) { return kWidth; }
inline int lanes_of(Part part) { return part.n; }

inline F load(const float* p, Whole, float) {
  F x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}
inline void store(float* p, F x, Whole) { __builtin_memcpy(p, &x, sizeof x); }

#if defined(__AVX512F__)
inline __mmask16 lanes(Part part) { return static_cast<__mmask16>((1u << part.n) - 1); }
inline F load(const float* p, Part part, float fill) {
  return (F)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), lanes(part), p);
}
inline void store(float* p, F x, Part part) { _mm512_mask_storeu_ps(p, lanes(part), (__m512)x); }
#elif defined(__AVX2__)
inline __m256i lanes(Part part) { return (__m256i)(lane_index() < part.n); }
inline F load(const float* p, Part part, float fill) {
  const __m256i mask = lanes(part);
  return (F)_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask), (__m256)mask);
}
inline void store(float* p, F x, Part part) { _mm256_maskstore_ps(p, lanes(part), (__m256)x); }
#else
inline F load(const float* p, Part part, float fill) {
  F x = splat(fill);
  for (int i = 0; i < part.n; ++i) x[i] = p[i];
  return x;
}
inline void store(float* p, F x, Part part) {
  for (int i = 0; i < part.n; ++i) p[i] = x[i];
}
#endif

// ---- bfloat16: the upper half of a float; stores round to nearest even ----
struct Bf16 {
  uint16_t bits;
};

inline F widen(H h) { return (F)(__builtin_convertvector(h, U) << 16); }
inline H narrow(F x) {
  const U bits = (U)x;
  const U rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return __builtin_convertvector(x == x ? rounded : U{} + 0x7fc0u, H);
}
inline F load(const Bf16* p, Whole, float) {
  H h;
  __builtin_memcpy(&h, p, sizeof h);
  return widen(h);
}
inline F load(const Bf16* p, Part part, float fill) {
  H h{};
  __builtin_memcpy(&h, p, sizeof(Bf16) * part.n);
  return lane_index() < part.n ? widen(h) : splat(fill);
}
inline void store(Bf16* p, F x, Whole) {
  const H h = narrow(x);
  __builtin_memcpy(p, &h, sizeof h);
}
inline void store(Bf16* p, F x, Part part) {
  const H h = narrow(x);
  __builtin_memcpy(p, &h, sizeof(Bf16) * part.n);
}

// ---- IEEE half: likewise; conversion instructions from x86-64-v3 on ----
struct Fp16 {
  uint16_t bits;
};

#if defined(__AVX512F__)
inline F widen_fp16(H h) { return (F)_mm512_cvtph_ps((__m256i)h); }
inline H narrow_fp16(F x) { return (H)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT); }
#elif defined(__F16C__)
inline F widen_fp16(H h) { return (F)_mm256_cvtph_ps((__m128i)h); }
inline H narrow_fp16(F x) { return (H)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT); }
#else
// As math/half.h, lane by lane the same.
inline F widen_fp16(H h) {
  const U wide = __builtin_convertvector(h, U), magnitude = wide & 0x7fffu, sign = (wide & 0x8000u) << 16;
  const F scaled = (F)(magnitude << 13) * 0x1p112f;
  return (F)((magnitude >= 0x7c00u ? magnitude << 13 | 0x7f800000u : (U)scaled) | sign);
}
inline H narrow_fp16(F x) {
  const U bits = (U)x, sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  const U normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  const U small = (U)((F)magnitude + 0.5f) - 0x3f000000u;
  U out = magnitude < 0x38800000u ? small : normal;
  out = magnitude >= 0x47800000u ? U{} + 0x7c00u : out;
  out = magnitude > 0x7f800000u ? U{} + 0x7e00u : out;
  return __builtin_convertvector(out | sign, H);
}
#endif

inline F load(const Fp16* p, Whole, float) {
  H h;
  __builtin_memcpy(&h, p, sizeof h);
  return widen_fp16(h);
}
inline F load(const Fp16* p, Part part, float fill) {
  H h{};
  __builtin_memcpy(&h, p, sizeof(Fp16) * part.n);
  return lane_index() < part.n ? widen_fp16(h) : splat(fill);
}
inline void store(Fp16* p, F x, Whole) {
  const H h = narrow_fp16(x);
  __builtin_memcpy(p, &h, sizeof h);
}
inline void store(Fp16* p, F x, Part part) {
  const H h = narrow_fp16(x);
  __builtin_memcpy(p, &h, sizeof(Fp16) * part.n);
}

// Calls body with a value of the element type, to take its type from.
template <class Body>
inline int32_t with_dtype(int32_t dtype, Body body) {
  switch (dtype) {
    case LOTUS_FLOAT32:
      return body(float{});
    case LOTUS_BFLOAT16:
      return body(Bf16{});
    default:
      return body(Fp16{});
  }
}

// Calls body(i, Whole{}) for each whole vector of [0, n) and body(i, Part{rest}) for what is left.
template <class Body>
inline void for_vectors(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) body(i, Whole{});
  if (i < n) body(i, Part{static_cast<int>(n - i)});
}

// A row's sum: fp32 lanes over a piece of this many elements, pieces in fp64, so that the error does not grow with C.
constexpr int64_t kPiece = 2048;

// ---- exp and log ----
// exp(x) for x <= 0, -inf and NaN included: 2^n 2^r, |r| <= 1/2, relative error 3e-7 + 5e-8 |x|, exact at 0; 0 below
// the normals.
inline F exp_nonpositive(F x) {
  constexpr float kLog2e = 1.44269504f;
  // Adding it rounds to an integer n, which then stands, as n + 127, in the low bits.
  constexpr float kRound = 0x1.8p23f + 127.0f;
  const F shifted = x * kLog2e + kRound;
  const F r = x * kLog2e - (shifted - kRound);
  F y = splat(1.3264727e-3f);
  y = y * r + 9.671513e-3f;
  y = y * r + 5.5507336e-2f;
  y = y * r + 2.4022242e-1f;
  y = y * r + 6.93147e-1f;
  y = y * r + 1.0f;
  const F power = (F)((U)as_int(shifted) << 23);
  return x < -87.0f ? F{} : y * power;
}

// log(1 + r) + e ln2 for r in [sqrt(1/2) - 1, sqrt(2) - 1]: Cephes' polynomial, 1 ulp; exact r gives it near 0 too.
inline F log_reduced(F r, F e) {
  F y = splat(7.0376836292e-2f);
  y = y * r + -1.1514610310e-1f;
  y = y * r + 1.1676998740e-1f;
  y = y * r + -1.2420140846e-1f;
  y = y * r + 1.4249322787e-1f;
  y = y * r + -1.6668057665e-1f;
  y = y * r + 2.0000714765e-1f;
  y = y * r + -2.4999993993e-1f;
  y = y * r + 3.3333331174e-1f;
  const F r2 = r * r;
  y = y * (r2 * r) - e * 2.12194440e-4f - 0.5f * r2;
  return r + y + e * 0.693359375f;
}

struct Reduced {
  F r, e;
};
// x = 2^e (1 + r), x positive and normal.
inline Reduced reduce(F x) {
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  const I bits = as_int(x) - kSqrtHalf;
  const I e = bits >> 23;
  return {as_float((bits & 0x7fffff) + kSqrtHalf) - 1.0f, to_float(e)};
}
inline F log_positive(F x) {
  const Reduced a = reduce(x);
  return log_reduced(a.r, a.e);
}

}  // namespace LOTUS_LEVEL
}  // namespace lotus
