// Bytes of pixels as vectors of floats, and the normalisation that goes with them.
#pragma once

#include "cpu/simd.h"

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

// (pixel / 255 - mean) / std of a run of values whose channels take turns, G of them: vector v of the run starts at
// channel v kWidth mod G, so the factors repeat every G vectors. A multiply-add for kWidth values, where a table of 256
// values a channel would be read a lane at a time.
template <int G>
class Normalise {
 public:
  Normalise(const lotus_augment& augment, int32_t first_channel) {
    for (int v = 0; v < G; ++v)
      for (int lane = 0; lane < kWidth; ++lane) {
        const int32_t c = first_channel + (v * kWidth + lane) % G;
        scale_[v][lane] = static_cast<float>(1 / (255 * static_cast<double>(augment.std[c])));
        bias_[v][lane] = static_cast<float>(-static_cast<double>(augment.mean[c]) / augment.std[c]);
      }
  }
  F operator()(F pixels, int64_t vector) const { return pixels * scale_[vector % G] + bias_[vector % G]; }

  // A whole run of bytes.
  template <class T>
  void run(const uint8_t* pixels, int64_t n, T* out) const {
    constexpr int64_t kStep = G * kWidth;
    int64_t i = 0;
    for (; i + kStep <= n; i += kStep)
      for (int v = 0; v < G; ++v) {
        const int64_t at = i + v * kWidth;
        store(out + at, load_bytes(pixels + at, Whole{}) * scale_[v] + bias_[v], Whole{});
      }
    for_vectors(n - i, [&](int64_t k, auto lanes) {
      store(out + i + k, (*this)(load_bytes(pixels + i + k, lanes), k / kWidth), lanes);
    });
  }

 private:
  F scale_[G], bias_[G];
};

}  // namespace LOTUS_LEVEL
}  // namespace lotus
