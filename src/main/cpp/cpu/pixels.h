// Bytes of pixels as vectors of floats, and the normalisation that goes with them.
#pragma once

#include "cpu/simd.h"
#include "math/normalise.h"

namespace lotus {
namespace LOTUS_LEVEL {

// kWidth bytes, widened; of a part the lanes beyond are 0.
#if defined(__AVX512F__)
inline F widen_bytes(__m128i bytes) { return (F)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)); }
inline F load_bytes(const uint8_t* p, Whole) {
  return widen_bytes(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
#elif defined(__AVX2__)
inline F widen_bytes(__m128i bytes) { return (F)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)); }
inline F load_bytes(const uint8_t* p, Whole) {
  return widen_bytes(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
#else
typedef uint8_t Bytes __attribute__((vector_size(kWidth)));
inline F load_bytes(const uint8_t* p, Whole) {
  Bytes bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return to_float(__builtin_convertvector(bytes, I));
}
#endif
inline F load_bytes(const uint8_t* p, Part part) {
  uint8_t bytes[16] = {};
  __builtin_memcpy(bytes, p, static_cast<size_t>(part.n));
  return load_bytes(bytes, Whole{});
}

// Rows become columns: log2(kWidth) perfect shuffles of the kWidth x kWidth elements.
inline void transpose(F (&x)[kWidth]) {
  I low, high;
  for (int i = 0; i < kWidth / 2; ++i) {
    low[2 * i] = i;
    low[2 * i + 1] = i + kWidth;
    high[2 * i] = i + kWidth / 2;
    high[2 * i + 1] = i + kWidth / 2 + kWidth;
  }
  for (int stage = 1; stage < kWidth; stage *= 2) {
    F y[kWidth];
    for (int i = 0; i < kWidth / 2; ++i) {
      y[2 * i] = __builtin_shuffle(x[i], x[i + kWidth / 2], low);
      y[2 * i + 1] = __builtin_shuffle(x[i], x[i + kWidth / 2], high);
    }
    for (int i = 0; i < kWidth; ++i) x[i] = y[i];
  }
}

// a / b, rounded once (math/normalise.h); inverse = 1 / b. A level without fused multiply-adds divides.
#if defined(__AVX512F__)
inline F multiply_add(F a, F b, F c) { return (F)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
#elif defined(__FMA__)
inline F multiply_add(F a, F b, F c) { return (F)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
#endif
inline F divided(F a, F b, F inverse) {
#if defined(__AVX512F__) || defined(__FMA__)
  const F q = a * inverse;
  const F closer = multiply_add(multiply_add(-q, b, a), inverse, q);
  return multiply_add(multiply_add(-closer, b, a), inverse, closer);
#else
  (void)inverse;
  return a / b;
#endif
}

// (pixel / 255 - mean) / std of a run of values whose channels take turns, G of them: vector v of the run starts at
// channel v kWidth mod G, so the factors repeat every G vectors. Arithmetic for kWidth values, where a table of 256
// values a channel would be read a lane at a time.
template <int G>
class Normalise {
 public:
  Normalise(const lotus_augment& augment, int32_t first_channel) : plain_(plain(augment, first_channel + G)) {
    for (int v = 0; v < G; ++v)
      for (int lane = 0; lane < kWidth; ++lane) {
        const int32_t c = first_channel + (v * kWidth + lane) % G;
        mean_[v][lane] = augment.mean[c];
        std_[v][lane] = augment.std[c];
        inverse_[v][lane] = 1 / augment.std[c];
      }
  }
  F operator()(F pixels, int64_t vector) const {
    const int64_t v = vector % G;
    return plain_ ? value(pixels, v) : (pixels / k255 - mean_[v]) / std_[v];
  }

  // A whole run of bytes.
  template <class T>
  void run(const uint8_t* pixels, int64_t n, T* out) const {
    constexpr int64_t kStep = G * kWidth;
    int64_t i = 0;
    for (; plain_ && i + kStep <= n; i += kStep)
      for (int v = 0; v < G; ++v) {
        const int64_t at = i + v * kWidth;
        store(out + at, value(load_bytes(pixels + at, Whole{}), v), Whole{});
      }
    for_vectors(n - i, [&](int64_t k, auto lanes) {
      store(out + i + k, (*this)(load_bytes(pixels + i + k, lanes), k / kWidth), lanes);
    });
  }

 private:
  static constexpr float k255 = 255;
  F value(F pixels, int64_t v) const {
    return divided(divided(pixels, splat(k255), splat(1 / k255)) - mean_[v], std_[v], inverse_[v]);
  }
  bool plain_;
  F mean_[G], std_[G], inverse_[G];
};

}  // namespace LOTUS_LEVEL
}  // namespace lotus
